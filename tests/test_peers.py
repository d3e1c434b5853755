"""Comparison with other simulators, with stand-ins for them: what they are asked, and what is said of their answers."""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edensim.dram.command_write import command_output
from edensim.dram.replay import replay_requests
from edensim.jit import JIT_DISABLED

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="thousands of requests need compiled kernels")

COUNT = 1500
DRAMSIM3 = """\
#!{python}
import json, sys
arguments = dict(zip(sys.argv[2::2], sys.argv[3::2]))
config, trace = open(sys.argv[1]).read(), open(arguments["-t"]).read().splitlines()
assert "cmd_queue_size = 32" in config and trace[-1] == "0x0 READ 1099511627776" and trace[0].startswith("0x")
done = min(len(trace) - 1, int(arguments["-c"]) // {pace})
reads = min(done, 1000)
stats = {{"0": {{"num_reads_done": reads, "num_writes_done": done - reads}}}}
open(arguments["-o"] + "/dramsim3.json", "w").write(json.dumps(stats))
"""


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The benchmark's module, with neither simulator installed."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    for name in ("ramulator", "ramulator2"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setenv("PATH", "/nonexistent")
    return importlib.import_module("peers")


def fake_ramulator(peers: Any, late: int) -> types.ModuleType:
    """A package with the interface of ramulator 2.1 that answers with our commands, the last `late` clocks later."""
    module = types.ModuleType("ramulator")
    made: dict[str, dict[str, Any]] = {}

    def part(name: str) -> Any:
        def make(**settings: Any) -> dict[str, Any]:
            made[name] = settings
            return settings

        return make

    for space, names in {
        "frontend": ["LoadStoreTrace"],
        "dram": ["DDR4"],
        "controller": ["GenericDDR"],
        "controller_plugin": ["CmdTraceRecorder"],
        "scheduler": ["FRFCFS"],
        "refresh_manager": ["AllBank"],
        "row_policy": ["Open"],
        "addr_mapper": ["RoBaRaCoCh"],
        "channel_mapper": ["CacheLineInterleave"],
        "memory_system": ["GenericDRAM"],
    }.items():
        setattr(module, space, types.SimpleNamespace(**{name: part(name) for name in names}))

    class Simulation:
        """Replays the trace file on our memory."""

        def __init__(self, frontend: dict[str, Any], memory_system: dict[str, Any]) -> None:
            assert made["DDR4"] == {"org_preset": "DDR4_8Gb_x8", "timing_preset": "DDR4_2400R", "rank": 1}
            self.path = Path(frontend["path"])
            self.recorded = memory_system["controllers"][0]["controller_plugins"]

        def run(self) -> None:
            lines = self.path.read_text().split()
            assert set(lines[::2]) <= {"LD", "ST"}
            memory, requests = peers.system(peers.RAMULATOR_PRESET), peers.requests_of(self.path.name, COUNT)
            assert [int(word, 16) for word in lines[1::2]] == requests.addr.tolist()
            cycles = peers.sent_at(memory, requests)
            log = replay_requests(memory, [requests], keep_log=True).log
            assert log is not None
            commands = log.commands[0][log.commands[0][:, 0] <= cycles].copy()
            commands[-1, 0] += late
            for plugin in self.recorded:
                with command_output(f"{plugin['path']}.ch0", "ramulator2", log, force=True) as output:
                    output(0, commands)
            self.stats = {"memory_system": {"controller": {"cycles": cycles + late}}}

        def finalize(self) -> None:
            pass

    module.Simulation = Simulation  # type: ignore[attr-defined]
    return module


@pytest.mark.parametrize("late", [0, 3])
def test_ramulator(peers: Any, monkeypatch: pytest.MonkeyPatch, late: int) -> None:
    """Equal cycles and commands are called equal; three clocks and one command more are told as such."""
    monkeypatch.setitem(sys.modules, "ramulator", fake_ramulator(peers, late))
    monkeypatch.setattr(peers, "TRACES", ("c_mix8",))
    ((row,), (note,)) = peers.compare(COUNT)
    assert row[0] == "ramulator 2, c_mix8"
    theirs, ours = (int(str(cell).replace(",", "")) for cell in row[1:3])
    assert theirs == ours + late
    assert row[3] == ("0" if late == 0 else f"{ours / theirs - 1:+.2%}")
    assert ("all " in row[5] and "equal" in row[5]) == (late == 0)
    assert "from number" in row[5] or late == 0
    assert note.startswith("DRAMsim3 is not installed")


@pytest.mark.parametrize("pace", [3, 4, 40])
def test_dramsim3(peers: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pace: int) -> None:
    """The end of a run is found exactly, whether the binary is faster, as fast, or much slower than we are."""
    binary = tmp_path / "dramsim3main"
    binary.write_text(DRAMSIM3.format(python=sys.executable, pace=pace))
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(peers, "TRACES", ("b_random",))
    ((row,), (note,)) = peers.compare(COUNT)
    assert row[:2] == ["DRAMsim3, b_random", f"{COUNT * pace:,}"]
    assert note.startswith("ramulator 2 is not installed")


def test_nothing_installed(peers: Any) -> None:
    """Without either there are no rows, and it is said."""
    rows, missing = peers.compare(COUNT)
    assert rows == []
    assert len(missing) == 2


def test_where_a_trace_has_been_sent(peers: Any) -> None:
    """The clock at which a full queue takes the last request lies between its arrival and the end of the run."""
    memory, requests = peers.system(peers.RAMULATOR_PRESET), peers.requests_of("b_random", COUNT)
    sent, end = peers.sent_at(memory, requests), replay_requests(memory, [requests]).cycles
    assert 0 < end - sent < 48 * memory.timing.ck["nRC"]
    few = peers.requests_of("b_random", 5)
    assert peers.sent_at(memory, few) == 4  # one per clock from 0 on
    assert np.array_equal(few.addr, requests.addr[:5])
