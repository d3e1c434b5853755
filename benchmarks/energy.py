"""Energy: parity with DRAMPower, savings at low voltage beside published ones, and speed of pricing command traces.

    python benchmarks/energy.py [--write] [--sample]

Parity needs the cases of tests/dram/golden. Savings price the replay of traces/eyeriss-eden.npz (first layer of
AlexNet at its arrival clocks) on each memory; nothing is tuned to the published figures beside them.
Speed is CPU time of one thread, compilation excluded, best of three. --sample renews traces/ddr4-commands.csv.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from table import markdown, publish

from edensim.config import load_config, schema
from edensim.dram.command_counts import CommandCounter
from edensim.dram.command_energy import CommandPricer
from edensim.dram.command_trace import count_trace, price_trace
from edensim.dram.command_write import command_output
from edensim.dram.commands import TRACE_NAMES
from edensim.dram.controller import DramSystem
from edensim.dram.energy import EnergyModel
from edensim.dram.memspec import load_memspec
from edensim.dram.power_device import PowerDevice
from edensim.dram.replay import replay_requests
from edensim.dram.trace import Requests
from edensim.dram.trace_text import open_any
from edensim.dram.voltage import POWERS, VoltageScaling
from edensim.memory import resolve_operating_state

ROOT = Path(__file__).parents[1]
REQUESTS = ROOT / "traces" / "eyeriss-eden.npz"
SAMPLE = ROOT / "traces" / "ddr4-commands.csv"
CASES = ROOT / "tests" / "dram" / "golden" / "drampower.json.gz"
MODELS = tuple(POWERS)

PUBLISHED = [
    # memory, VDD used, VDD nominal, what, published saving, source
    ("model only", 0.98, 1.20, "power, HBM at any load", "33 % (1.5x, measured)", "Larimi et al., DATE 2021"),
    ("model only", 0.85, 1.20, "power, HBM below its guard band", "57 % (2.3x, measured)", "Larimi et al., DATE 2021"),
    ("ddr3l-1600-4gb-x8", 1.20, 1.35, "DRAM power", "10.4 % (recalled)", "Voltron, SIGMETRICS 2017"),
    ("ddr3l-1600-4gb-x8", 1.00, 1.35, "DRAM power", "22.7 % (recalled)", "Voltron, SIGMETRICS 2017"),
    ("ddr3l-1600-4gb-x8", 0.90, 1.35, "DRAM power", "29.0 % (recalled)", "Voltron, SIGMETRICS 2017"),
    ("ddr3l-1600-4gb-x8", 1.025, 1.35, "DRAM energy", "about 40 % (voltage recalled)", "SparkXD, 2021"),
    ("ddr4-2400r-8gb-x8", 0.93, 1.20, "DRAM energy, Eyeriss and TPU", "31 to 32 %", "EDEN, MICRO 2019"),
    ("lpddr3-1600-4gb-x32", 0.93, 1.20, "DRAM energy, LPDDR3", "21 %", "EDEN, MICRO 2019"),
]
"""EDEN's accelerators run 0.30 V below 1.35 V; carried over in proportion that is 0.93 V of 1.20 V."""


def golden() -> dict[str, Any]:
    """DRAMPower's cases."""
    cases: dict[str, Any] = json.loads(gzip.decompress(CASES.read_bytes()))["cases"]
    return cases


def case_device(case: dict[str, Any], folder: Path) -> tuple[PowerDevice, Path]:
    """Device and trace file of a case."""
    spec, trace = folder / "spec.json", folder / "trace.csv"
    spec.write_text(json.dumps({"memspec": case["memspec"]}))
    trace.write_text("\n".join(case["trace"]) + "\n")
    return load_memspec(spec), trace


def parity() -> str:
    """Core energy of every case, ours and DRAMPower's."""
    rows = []
    for name, case in golden().items():
        with tempfile.TemporaryDirectory() as folder:
            device, trace = case_device(case, Path(folder))
            parts = price_trace(count_trace(trace, device), device, schema.Energy(voltage_model="drampower"))
        ours = (parts["energy_pj"]["total"] - parts["energy_pj"]["io"]) * 1e-12
        theirs = sum(map(sum, case["banks"].values())) + sum(case["ranks"].values())
        rows.append([name, f"{ours:.10e}", f"{theirs:.10e}", f"{abs(ours / theirs - 1):.1e}"])
    return markdown(["case", "core energy (J)", "DRAMPower 6.2 (J)", "relative difference"], rows)


def replayed(preset: str) -> tuple[schema.Dram, Any]:
    """A memory and the counters of the sample requests on it."""
    dram = load_config({"dram": {"preset": preset}}).config.dram
    system = DramSystem(dram, resolve_operating_state(dram, schema.OperatingPoint(), []))
    return dram, replay_requests(system, open_any(REQUESTS).chunks()).counters


def savings() -> str:
    """What each voltage model saves, beside what was published."""
    rows = []
    for preset, vdd, nominal, what, published, source in PUBLISHED:
        cells = []
        for model in MODELS:
            energy = schema.Energy(voltage_model=model)
            if preset == "model only":
                scaling = VoltageScaling.of(energy)
                kept = [scaling.factor(kind, vdd / nominal) for kind in ("array", "column", "background")]
                cells.append(" to ".join(dict.fromkeys(f"{1 - x:.1%}" for x in (max(kept), min(kept)))))
                continue
            dram, counters = replayed(preset)
            state = resolve_operating_state(dram, schema.OperatingPoint(vdd=vdd), [])
            full, low = (EnergyModel(dram, x, energy).price(counters).total for x in (None, state))
            cells.append(f"{1 - low / full:.1%}")
        where = "" if preset == "model only" else f" ({preset})"
        rows.append([f"{what} at {vdd:g} of {nominal:g} V{where}", *cells, published, source])
    return markdown(["", *MODELS, "published", "source"], rows)


def bands() -> str:
    """How far the unknown shares of the array move `array_only`."""
    dram, counters = replayed("ddr3l-1600-4gb-x8")
    rows = []
    for share in (0.0, 0.15, 0.3, 0.45, 0.6):
        energy = schema.Energy(voltage_model="array_only", array_share_column=share, array_share_background=share)
        cells = []
        for vdd in (1.2, 1.0, 0.9):
            state = resolve_operating_state(dram, schema.OperatingPoint(vdd=vdd), [])
            full, low = (EnergyModel(dram, x, energy).price(counters).total for x in (None, state))
            cells.append(f"{1 - low / full:.1%}")
        rows.append([f"{share:g}", *cells])
    return markdown(["array's share of RD, WR and background", "1.2 V", "1.0 V", "0.9 V"], rows)


def best(work: Callable[[], object], times: int = 3) -> float:
    """Least CPU time of several runs, in s."""
    seconds = []
    for _ in range(times):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds)


def row_cycles(n: int, pattern: tuple[str, ...]) -> tuple[np.ndarray, ...]:
    """Arrays of `n` commands: the pattern in one bank after the other, 14 clocks between commands."""
    codes = np.array([TRACE_NAMES.index(name) for name in pattern], np.uint8)
    clocks, commands = np.arange(n, dtype=np.int64) * 14, np.resize(codes, n)
    return clocks, commands, np.zeros(n, np.int16), (np.arange(n) // len(pattern) % 16).astype(np.int16)


def text_of(arrays: tuple[np.ndarray, ...], path: Path, data: bool) -> None:
    """Write arrays as DRAMPower CSV, with 8 bytes of data after each read if asked for."""
    with path.open("w") as file:
        for clock, command, _, bank in zip(*(a.tolist() for a in arrays), strict=True):
            tail = f",{clock * 2654435761 % 2**64:016x}" if data and TRACE_NAMES[command] == "RD" else ""
            file.write(f"{clock},{TRACE_NAMES[command]},0,{bank // 4},{bank},{clock % 65536},8{tail}\n")


def peak_mib(trace: Path, spec: Path) -> int:
    """Largest memory of a process that prices a trace, in MiB."""
    # VmHWM and not ru_maxrss, which a child inherits from its parent.
    code = (
        "import re, sys; from edensim.cli.main import main; "
        "main(['energy', sys.argv[1], '--dram', sys.argv[2], '--json']); "
        "print(int(re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1]) // 1024, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, trace, spec], capture_output=True, text=True, check=True)
    return int(done.stderr.split()[-1])


def speed() -> str:
    """Commands per second from arrays and from text, and the peak of memory against the length of a trace."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        device, _ = case_device(golden()["01_ddr4_act_rd_pre_1000"], Path(folder))

        def counter() -> CommandCounter:
            return CommandCounter(device.ranks, device.banks, device.banks_per_group, device.clocks)

        n = 8_000_000
        for pattern in (("ACT", "RD", "PRE"), ("ACT", *["RD", "WR"] * 4, "PRE"), ("ACT", "RDA")):
            arrays = row_cycles(n // len(pattern) * len(pattern), pattern)
            counter().feed(*arrays)
            seconds = best(lambda a=arrays: counter().feed(*a))  # type: ignore[misc]
            rows.append([f"arrays, {' '.join(pattern)}", f"{len(arrays[0]) / seconds / 1e6:.0f}", "20"])
        price = best(lambda: CommandPricer(device).price(counter().counts()))
        rows.append(["pricing the counters once (ms)", f"{price * 1e3:.2f}", ""])
        path = Path(folder) / "long.csv"
        for data in (False, True):
            for n in (300_000, 3_000_000):
                text_of(row_cycles(n, ("ACT", "RD", "PRE")), path, data)
                count_trace(path, device)
                seconds = best(lambda: count_trace(path, device))
                peak = peak_mib(path, Path(folder) / "spec.json")
                label = f"text, {n / 1e6:g} M commands{', data' if data else ''} (peak {peak} MiB)"
                rows.append([label, f"{n / seconds / 1e6:.1f}", "3"])
        packed = Path(folder) / "long.csv.gz"
        packed.write_bytes(gzip.compress(path.read_bytes(), 1))
        rows.append(["the same, gzip", f"{n / best(lambda: count_trace(packed, device)) / 1e6:.1f}", ""])
    return markdown(["", "M commands/s", "wanted"], rows)


def write_sample(requests: int = 240, step: int = 37) -> None:
    """Write the commands of some requests of the sample trace (every `step`-th) in ramulator 2's format."""
    dram = load_config({"dram": {"preset": "ddr4-2400r-8gb-x8"}}).config.dram
    system = DramSystem(dram, resolve_operating_state(dram, schema.OperatingPoint(), []))
    first = next(iter(open_any(REQUESTS).chunks(requests * step)))
    some = Requests(first.addr[::step].copy(), first.is_write[::step].copy())
    with command_output(SAMPLE, "ramulator2", system.command_log(()), force=True) as output:
        replay_requests(system, [some], sinks=[output])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the tables into benchmarks/README.md")
    parser.add_argument("--sample", action="store_true", help="renew traces/ddr4-commands.csv")
    arguments = parser.parse_args()
    if arguments.sample:
        write_sample()
        print(SAMPLE.relative_to(ROOT))
        return
    command = "python benchmarks/energy.py"
    publish("Energy: parity with DRAMPower", command, parity(), arguments.write)
    note = "\n\nNothing is tuned; figures marked recalled are from memory of the papers and never asserted."
    publish("Energy: savings at low voltage", command, savings() + note, arguments.write)
    publish("Energy: band of `array_only`, DDR3L", command, bands(), arguments.write)
    publish("Energy: speed of pricing command traces", command, speed(), arguments.write)


if __name__ == "__main__":
    main()
