"""Other DRAM simulators on the golden traces, when they are installed: their cycles and speed beside ours.

ramulator 2.1 is found as the Python package `ramulator` (or `ramulator2`), DRAMsim3 as `dramsim3main` on PATH. Both are
used as their authors ship them; nothing is patched. The device is that of the golden runs: DDR4-2400R, 8 Gb x8, one
rank, rows above banks above bank groups above columns, queues of 32.

ramulator's own front end stops when the last request has been *sent*, so ours is read at that point too, and every
command up to then is compared. `dramsim3main` simulates a given number of clocks, so the end of a run is searched for:
the first clock at which all reads are back and all writes accepted (it acknowledges writes then).
"""

from __future__ import annotations

import importlib
import json
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edensim.config import load_config
from edensim.dram.command_text import CommandText
from edensim.dram.commands import PREAB, REFAB
from edensim.dram.controller import DramSystem
from edensim.dram.generate import golden_trace
from edensim.dram.power_device import device_of
from edensim.dram.replay import replay_requests
from edensim.dram.replay_kernel import ACCEPT_FROM, RUN_FIELDS, replay
from edensim.dram.trace import Requests
from edensim.dram.trace_convert import write_text
from edensim.memory import decode_lines

TRACES = ("a_stream", "a2_stream_bgi", "b_random", "c_mix8", "d_loc50")
REQUESTS = 100_000
RAMULATOR_PRESET, DRAMSIM3_PRESET = "ramulator2:ddr4_2400_frfcfs32", "ramulator2:ddr4_2400_rowhit32"
"""Our memory beside each; DRAMsim3 never closes a row that requests still hit, which is what rowhit32 does too."""
NEVER = 1 << 40

DRAMSIM3_INI = """\
[dram_structure]
protocol = DDR4
bankgroups = 4
banks_per_group = 4
rows = 65536
columns = 1024
device_width = 8
BL = 8

[timing]
tCK = 0.833
AL = 0
CL = 16
CWL = 12
tRCD = 16
tRP = 16
tRAS = 39
tRFC = 433
tREFI = 9364
tRRD_S = 4
tRRD_L = 6
tWTR_S = 3
tWTR_L = 9
tFAW = 26
tWR = 18
tRTP = 9
tCCD_S = 4
tCCD_L = 6
tRTRS = 2

[power]
VDD = 1.2
IDD0 = 48
IDD2P = 25
IDD2N = 34
IDD3P = 37
IDD3N = 43
IDD4W = 123
IDD4R = 135
IDD5AB = 250
IDD6x = 30

[system]
channel_size = 8192
channels = 1
bus_width = 64
address_mapping = rochrababgco
queue_structure = PER_RANK
refresh_policy = RANK_LEVEL_STAGGERED
row_buf_policy = OPEN_PAGE
cmd_queue_size = 32
trans_queue_size = 32

[other]
epoch_period = 1000000000
output_level = 0
"""


@dataclass(frozen=True)
class Row:
    """One trace on both: cycles, CPU seconds, and what is to be said."""

    trace: str
    theirs: int
    ours: int
    their_s: float
    our_s: float
    remark: str = ""


def system(preset: str) -> DramSystem:
    """A memory of a preset."""
    return DramSystem(load_config({"dram": {"preset": preset}}).config.dram)


def requests_of(name: str, count: int) -> Requests:
    """The first requests of a golden trace."""
    trace = golden_trace(name)
    return Requests(*(trace[key][:count] for key in ("addr", "is_write", "arrival")))


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of a call."""
    began = time.process_time()
    work()
    return time.process_time() - began


# ---- ramulator


def find_ramulator() -> Any:
    """The Python package, or None."""
    for name in ("ramulator", "ramulator2"):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        if hasattr(module, "Simulation"):
            return module
    return None


def ramulator_run(ramulator: Any, trace: Path, commands: Path | None) -> tuple[int, float]:
    """Clock at which the last request was sent, and CPU seconds; `commands`: also write its command trace."""
    plugins = [ramulator.controller_plugin.CmdTraceRecorder(path=str(commands))] if commands else []
    controller = ramulator.controller.GenericDDR(
        dram=ramulator.dram.DDR4(org_preset="DDR4_8Gb_x8", timing_preset="DDR4_2400R", rank=1),
        scheduler=ramulator.scheduler.FRFCFS(),
        refresh_manager=ramulator.refresh_manager.AllBank(),
        row_policy=ramulator.row_policy.Open(),
        addr_mapper=ramulator.addr_mapper.RoBaRaCoCh(),
        controller_plugins=plugins,
    )
    mapper = ramulator.channel_mapper.CacheLineInterleave()
    simulation = ramulator.Simulation(
        ramulator.frontend.LoadStoreTrace(clock_ratio=1, path=str(trace)),
        ramulator.memory_system.GenericDRAM(clock_ratio=1, controllers=[controller], channel_mapper=mapper),
    )
    seconds = cpu_seconds(simulation.run)
    simulation.finalize()
    return int(simulation.stats["memory_system"]["controller"]["cycles"]), seconds


def sent_at(memory: DramSystem, requests: Requests) -> int:
    """Clock before the tick in which the last request is accepted: where ramulator's trace front end stops."""
    line = (requests.addr >> np.uint64(6)).astype(np.int64) % memory.geometry.lines
    place = [np.zeros(len(line), np.int64) for _ in range(4)]
    decode_lines(line, 0, *memory.address_map.kernel_table(), *place)
    channels, cursor, run = memory.new_channels(), np.zeros(1, np.int64), np.zeros(RUN_FIELDS, np.int64)
    arrival = np.zeros(len(line), np.int64)
    replay(channels, memory.tables, *place, line, requests.is_write, arrival, cursor, run, False)
    assert cursor[0] == len(line)
    return int(run[ACCEPT_FROM]) - 1


def same_commands(memory: DramSystem, requests: Requests, theirs: Path) -> str:
    """Compare clock, command, rank and bank of every command of theirs with ours."""
    log = replay_requests(memory, [requests], keep_log=True).log
    assert log is not None
    ours, g = log.commands[0], memory.geometry
    dram = load_config({"dram": {"preset": "ddr4-2400r-8gb-x8"}}).config.dram
    done = 0
    for part in CommandText(theirs, device_of(dram, memory.timing), "ramulator2").pieces():
        mine = ours[done : done + len(part.clocks)]
        wide = np.isin(mine[:, 1], (PREAB, REFAB))
        bank = np.where(wide, 0, mine[:, 2] % g.banks_per_rank)
        rank = np.where(wide, mine[:, 2], mine[:, 2] // g.banks_per_rank)
        pairs = ((mine[:, 0], part.clocks), (mine[:, 1], part.commands), (rank, part.ranks), (bank, part.banks))
        differs = np.append(np.logical_or.reduce([a != b[: len(mine)] for a, b in pairs]), len(mine) < len(part.clocks))
        if differs.any():
            return f"commands differ from number {done + int(np.argmax(differs))} on"
        done += len(mine)
    return f"all {done:,} commands equal"


def ramulator_rows(ramulator: Any, count: int = REQUESTS) -> Iterator[Row]:
    """Every golden trace on ramulator and on ours."""
    memory = system(RAMULATOR_PRESET)
    with tempfile.TemporaryDirectory() as folder:
        for name in TRACES:
            requests, path, commands = requests_of(name, count), Path(folder, name), Path(folder, f"{name}.csv")
            write_text(path, requests, "ramulator2")
            cycles, seconds = ramulator_run(ramulator, path, None)
            again, _ = ramulator_run(ramulator, path, commands)
            assert again == cycles
            remark = same_commands(memory, requests, Path(f"{commands}.ch0"))
            ours = sent_at(memory, requests)
            yield Row(name, cycles, ours, seconds, cpu_seconds(lambda r=requests: replay_requests(memory, [r])), remark)


# ---- DRAMsim3


def find_dramsim3() -> str | None:
    """Path of the binary, or None."""
    return shutil.which("dramsim3main")


def dramsim3_run(binary: str, folder: Path, cycles: int) -> tuple[int, float]:
    """Requests done after that many clocks, and CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [binary, str(folder / "ddr4.ini"), "-c", str(cycles), "-t", str(folder / "trace"), "-o", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    stats = json.loads((folder / "dramsim3.json").read_text())["0"]
    return stats["num_reads_done"] + stats["num_writes_done"], after.ru_utime - before.ru_utime


def write_dramsim3_input(folder: Path, requests: Requests) -> None:
    """Device and trace; a last request that never comes, because `dramsim3main` repeats the one it read last."""
    (folder / "ddr4.ini").write_text(DRAMSIM3_INI)
    write_text(folder / "trace", requests, "dramsim3", force=True)
    with (folder / "trace").open("a") as file:
        file.write(f"0x0 READ {NEVER}")


def dramsim3_end(binary: str, folder: Path, count: int, guess: int) -> tuple[int, float]:
    """First clock at which all requests are done, found by halving, and the CPU seconds of simulating until then."""

    def is_over(cycles: int) -> bool:
        return dramsim3_run(binary, folder, cycles)[0] >= count

    low, high = guess - guess // 16, guess + guess // 16 + 1
    while not is_over(high):
        low, high = high, high + high // 8
    if is_over(low):
        low, high = 0, low
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_over(middle) else (middle, high)
    return high, dramsim3_run(binary, folder, high)[1]


def dramsim3_rows(binary: str, count: int = REQUESTS) -> Iterator[Row]:
    """Every golden trace on DRAMsim3 and on ours."""
    memory = system(DRAMSIM3_PRESET)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for trace in TRACES:
            requests = requests_of(trace, count)
            write_dramsim3_input(folder, requests)
            ours = replay_requests(memory, [requests]).cycles
            seconds = cpu_seconds(lambda r=requests: replay_requests(memory, [r]))
            theirs, their_s = dramsim3_end(binary, folder, len(requests.addr), ours)
            yield Row(trace, theirs, ours, their_s, seconds)


def rows_of(name: str, rows: Iterator[Row]) -> list[list[object]]:
    """Cells of a table."""
    return [
        [
            f"{name}, {row.trace}",
            f"{row.theirs:,}",
            f"{row.ours:,}",
            f"{row.ours / row.theirs - 1:+.2%}" if row.ours != row.theirs else "0",
            f"{row.their_s / row.our_s:.0f}",
            row.remark,
        ]
        for row in rows
    ]


HEAD = ["simulator, golden trace", "its cycles", "our cycles", "difference", "its CPU time / ours", "commands"]


def compare(count: int = REQUESTS) -> tuple[list[list[object]], list[str]]:
    """Rows of every simulator that is installed, and what to say of those that are not."""
    rows: list[list[object]] = []
    missing = []
    ramulator, dramsim3 = find_ramulator(), find_dramsim3()
    if ramulator is not None:
        rows += rows_of("ramulator 2", ramulator_rows(ramulator, count))
    else:
        missing.append("ramulator 2 is not installed (no Python package `ramulator`): not compared.")
    if dramsim3 is not None:
        rows += rows_of("DRAMsim3", dramsim3_rows(dramsim3, count))
    else:
        missing.append("DRAMsim3 is not installed (no `dramsim3main` on PATH): not compared.")
    return rows, missing
