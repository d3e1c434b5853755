"""Power-down and self refresh of ranks: what they cost in time, what they draw, and that no rule is broken."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edensim.config import load_config
from edensim.dram.checker import check_command_log, check_log
from edensim.dram.command_counts import CommandCounter, CommandCounts
from edensim.dram.command_energy import CommandPricer
from edensim.dram.command_log_stream import CommandLogStream
from edensim.dram.commands import ACT, PDEA, PDEP, PDXA, PDXP, PREAB, RD, REFAB, SREFEN, SREFEX
from edensim.dram.controller import DramSystem
from edensim.dram.energy import EnergyModel
from edensim.dram.power_device import device_of
from edensim.dram.reading_kernel import BANK_OPEN, RANK_OPEN, READING, REFRESHES
from edensim.dram.reference import Requests as Places
from edensim.dram.reference import simulate
from edensim.dram.replay import ReplayResult, replay_requests
from edensim.dram.trace_requests import Requests
from edensim.errors import ConfigError
from edensim.jit import JIT_DISABLED
from edensim.system import measure
from tests.dram.parity import constraint_table, settings

uncompiled = pytest.mark.skipif(not JIT_DISABLED, reason="a kernel each; runs in test_power_down_uncompiled")
NAMES = ["ddr3-1600-1gb-x8", "ddr4-2400r-8gb-x8", "ddr5-4800-16gb-x8", "lpddr3-1600-4gb-x32", "lpddr4-3200-8gb-x16"]
NAMES += ["gddr5-6000-1gb-x32"]
DDR4 = "ddr4-2400r-8gb-x8"


def memory(preset: str, *controller: str, more: tuple[str, ...] = ()) -> DramSystem:
    chosen = [*(f"dram.controller.{item}" for item in controller), "dram.channels=1", *more]
    return DramSystem(load_config({"dram": {"preset": preset}}, set=chosen).config.dram)


def reads(system: DramSystem, at: list[int], row: int = 5) -> ReplayResult:
    """Reads of successive rows of bank 3 at clocks; the checker has nothing to say against them."""
    line = system.address_map.encode(0, np.full(len(at), 3), row + np.arange(len(at)), 0).astype(np.uint64)
    trace = Requests(line * np.uint64(system.line_bytes), np.zeros(len(at), np.uint8), np.array(at, np.uint64))
    done = replay_requests(system, [trace], keep_log=True)
    assert done.log is not None
    assert [report.violations for report in check_command_log(done.log)] == [0]
    return done


def random_trace(system: DramSystem, seed: int, count: int = 60) -> Requests:
    rng = np.random.default_rng(seed)
    place = rng.integers(0, system.geometry.banks, count), rng.integers(0, 3, count), rng.integers(0, 9, count)
    line = system.address_map.encode(0, *place).astype(np.uint64)
    arrival = np.cumsum(rng.choice([0, 0, 0, 10, 90, 500, 4000], count)).astype(np.uint64)
    return Requests(line * np.uint64(system.line_bytes), (rng.random(count) < 0.4).astype(np.uint8), arrival)


# ---- time


@uncompiled
@pytest.mark.parametrize("preset", NAMES)
@pytest.mark.parametrize("policy", ["active", "precharge"])
def test_access_after_idleness_costs_t_xp(preset: str, policy: str) -> None:
    """A read of a closed row takes exactly tXP more if its rank is in power-down; a row closed before saves the PRE."""
    plain, down = (memory(preset, "refresh=none", f"power_down={x}") for x in ("none", policy))
    lone, other_row = [5000], [0, 5000]
    closed, conflict = (reads(plain, at).cycles for at in (lone, other_row))
    exit_ck = down.timing.ck["nXP"]
    assert closed == 5000 + 1 + plain.timing.activate_to_read + plain.timing.read_latency
    assert reads(down, lone).cycles == closed + exit_ck
    assert reads(down, other_row).cycles == (conflict if policy == "active" else closed) + exit_ck


@uncompiled
@pytest.mark.parametrize("preset", NAMES)
def test_access_to_self_refresh_costs_t_xs(preset: str) -> None:
    """It costs tXS to the activation, and no read is given before tXSDLL."""
    system = memory(preset, "self_refresh_after_us=1")
    ck = system.timing.ck
    done = reads(system, [50_000])
    assert done.log is not None
    log = done.log.commands[0]
    clocks = {command: int(log[log[:, 1] == command, 0][-1]) for command in (SREFEN, SREFEX, ACT, RD)}
    assert clocks[SREFEX] == 50_001
    assert clocks[ACT] == clocks[SREFEX] + ck["nXS"]
    assert clocks[RD] == clocks[SREFEX] + max(ck.get("nXSDLL", 0), ck["nXS"] + ck["nRCD"])
    assert clocks[SREFEN] == -(-1_000_000 // system.period)
    assert (log[:, 1] == REFAB).sum() == 0  # it refreshes itself


@uncompiled
def test_slow_exit() -> None:
    """With the DLL off, DDR3 draws less and reads no earlier than tXPDLL after the exit."""
    fast, slow = (memory(NAMES[0], "refresh=none", f"power_down={x}") for x in ("precharge", "precharge_slow"))
    ck = slow.timing.ck
    assert (fast.timing.ck["nXPDLL"], ck["nXPDLL"]) == (5, 20)
    done = [reads(x, [500_000]) for x in (fast, slow)]
    assert done[1].cycles - done[0].cycles == ck["nXPDLL"] - ck["nXP"] - ck["nRCD"]
    powers = [EnergyModel(x.dram).price(y.counters).background for x, y in zip((fast, slow), done, strict=True)]
    assert powers[1] / powers[0] == pytest.approx(12 / 30, rel=1e-3)


@uncompiled
def test_a_refresh_wakes_and_sleep_goes_on() -> None:
    """PDX, REF after tXP, and back: the rank sleeps again right after the refresh has begun."""
    system = memory(DDR4, "power_down=precharge", "power_down_after_ck=100")
    ck = system.timing.ck
    log = reads(system, [ck["nREFI"] * 2 + 100]).log.commands[0]  # type: ignore[union-attr]
    due, found = ck["nREFI"], log[:4, :2].tolist()
    assert found == [[100, PDEP], [due, PDXP], [due + ck["nXP"], REFAB], [due + ck["nXP"] + ck["nPDEN"], PDEP]]


@uncompiled
def test_rows_stay_open_or_close() -> None:
    """Active power-down keeps rows, which hit afterwards; precharge power-down closes them first."""
    kinds = {}
    for policy in ("active", "precharge"):
        system = memory(DDR4, "refresh=none", f"power_down={policy}", "power_down_after_ck=60")
        line = system.address_map.encode(0, [3, 3], [7, 7], [0, 1]).astype(np.uint64)
        trace = Requests(line * np.uint64(64), np.zeros(2, np.uint8), np.array([0, 900], np.uint64))
        done = replay_requests(system, [trace], keep_log=True)
        kinds[policy] = done.log.commands[0][:, 1].tolist()  # type: ignore[union-attr]
    assert kinds == {"active": [ACT, RD, PDEA, PDXA, RD], "precharge": [ACT, RD, PREAB, PDEP, PDXP, ACT, RD]}


@uncompiled
def test_never_changes_nothing() -> None:
    """With a time that never comes, commands, clocks and counters are those of a controller without power-down."""
    never = "power_down_after_ck=1000000000000"
    plain, waits = (memory(DDR4, *x, more=("dram.ranks=2",)) for x in ((), ("power_down=precharge", never)))
    found = [replay_requests(x, [random_trace(x, 8)], keep_log=True) for x in (plain, waits)]
    logs = [x.log.commands[0] for x in found if x.log is not None]
    assert np.array_equal(logs[0], logs[1])
    for name in ("cycles", "bank_open_ck", "rank_open_ck", "n_ref", "read_latency_ck_sum", "pda_ck", "pdp_ck"):
        assert np.array_equal(getattr(found[0].counters, name), getattr(found[1].counters, name))


# ---- energy


@uncompiled
def test_energy_of_idle_time() -> None:
    """Ten minutes of self refresh draw V IDD6, and a millisecond of power-down V IDD2P, of all rails and devices."""
    rails = memory(DDR4).dram.power.rails.values()  # type: ignore[union-attr]
    asleep = memory(DDR4, "self_refresh_after_us=0")
    clocks = 600 * 1_200_000_000
    done = reads(asleep, [clocks])
    watts = 8 * sum(rail.voltage_v * (rail.IDD6 or 0.0) for rail in rails) / 1000
    assert EnergyModel(asleep.dram).price(done.counters).background == pytest.approx(watts * 600e12, rel=1e-6)
    assert len(done.log.commands[0]) <= 5  # type: ignore[union-attr]  # none of its clocks was simulated
    down = memory(DDR4, "power_down=precharge", "power_down_after_ck=0", "refresh=none")
    done = reads(down, [1_200_000])
    watts = 8 * sum(rail.voltage_v * (rail.IDD2P or 0.0) for rail in rails) / 1000
    assert EnergyModel(down.dram).price(done.counters).background == pytest.approx(watts * 1e9, rel=1e-3)


def priced_log(done: ReplayResult, system: DramSystem, path: Path) -> tuple[CommandCounts, dict[str, float]]:
    """Counters and energy of the command log of a run, read back from a file, up to the end of the run."""
    device = device_of(system.dram, system.timing)
    done.log.save(path)  # type: ignore[union-attr]
    counter = CommandCounter(device.ranks, device.banks, device.banks_per_group, device.clocks)
    for part in CommandLogStream(path, device).pieces(0):
        counter.feed(part.clocks, part.commands, part.ranks, part.banks)
    counts = counter.counts(done.cycles)
    return counts, CommandPricer(device).price(counts).as_dict()


POLICIES = [
    ("power_down=precharge", "power_down_after_ck=0", "row_policy=adaptive"),
    ("power_down=active", "power_down_after_ck=30", "refresh_postponed=2"),
    ("power_down=active", "power_down_after_ck=5", "self_refresh_after_us=2", "scheduler=FCFS"),
    ("power_down=precharge", "self_refresh_after_us=0.5", "row_policy=timeout"),
]


@uncompiled
@pytest.mark.parametrize("preset", NAMES)
@pytest.mark.parametrize("policy", POLICIES, ids=["closing", "postponing", "in order", "deep"])
def test_run_equals_reference_and_its_own_log(preset: str, policy: tuple[str, ...], tmp_path: Path) -> None:
    """Two ranks where there can be: commands equal the reference, and the run costs what its command log costs."""
    ranks = 1 if preset.startswith("gddr") else 2
    system = memory(preset, *policy, more=(f"dram.ranks={ranks}",))
    trace = random_trace(system, seed=len("".join(policy)))
    done = replay_requests(system, [trace], keep_log=True)
    places = system.address_map.decode(trace.addr // np.uint64(system.line_bytes))
    requests = Places(*places, trace.is_write.astype(np.int64), trace.arrival.astype(np.int64))  # type: ignore[union-attr]
    wanted = simulate([constraint_table(system.dram)], system.geometry, settings(system.dram), requests)
    assert done.log is not None
    assert done.log.commands[0].tolist() == [list(command) for command in wanted.commands[0]]
    assert done.cycles == wanted.cycles
    assert [report.violations for report in check_command_log(done.log)] == [0]
    counts, energy = priced_log(done, system, tmp_path / "log.npz")
    slept = [x for name in ("pda_ck", "pdp_ck", "sref_ck") for x in getattr(done.counters, name)[0]]
    assert slept == [*counts.pda_ck, *counts.pdp_ck, *counts.sref_ck]
    assert sum(slept) > 1000
    if system.dram.power is not None:
        # An ACT that takes several clocks begins before tRFC is over: pricing ends that refresh a clock or two early.
        rel = 1e-4 if preset.startswith(("ddr5", "lpddr4")) else 1e-9
        assert EnergyModel(system.dram).price(done.counters).as_dict() == pytest.approx(energy, rel=rel)


@uncompiled
@pytest.mark.parametrize("policy", ["active", "precharge"])
def test_timeline_of_sleep(policy: str) -> None:
    """Bins hold what the counters hold, none counts below zero, and their powers add up to the energy."""
    deep = "self_refresh_after_us=2" if policy == "precharge" else "refresh_postponed=0"
    system = memory(DDR4, f"power_down={policy}", "power_down_after_ck=20", deep, more=("dram.ranks=2",))
    done = replay_requests(system, [random_trace(system, 3), random_trace(system, 4), *[random_trace(system, 5)] * 3])
    _, parts = measure.readings(system, done.channels, done.cycles)
    assert len(parts) > 20
    assert (parts >= 0).all()
    columns = {"bank_open_ck": BANK_OPEN, "rank_open_ck": RANK_OPEN, "n_ref": REFRESHES}
    columns |= {"pda_ck": READING, "pdp_ck": READING + 1, "sref_ck": READING + 2}
    for name, column in columns.items():
        assert parts[:, column].sum() == getattr(done.counters, name).sum()
    cost = EnergyModel(system.dram).price(done.counters)
    line = measure.timeline(system, done.channels, done.cycles, cost)
    span_ns = np.diff([*line["start_ns"], done.cycles * float(system.period / 1000)])
    for part, energy in cost.as_dict().items():
        assert np.dot(line["power_mw"][part], span_ns) == pytest.approx(energy, rel=1e-5)
    shares = measure.asleep(system, done.counters)["asleep"]
    assert 0.3 < sum(shares.values()) < 1
    assert (shares["self_refresh"] > 0) == (policy == "precharge")


# ---- rules


@uncompiled
def test_checker_finds_broken_sleep() -> None:
    """Commands to a rank that sleeps, wrong entries and exits, short stays and early commands are all found."""
    system = memory(DDR4, "power_down=active", "power_down_after_ck=60", "self_refresh_after_us=2")
    log = reads(system, [0, 900, 30_000]).log
    assert log is not None
    good, ck = log.commands[0], system.timing.ck
    names = [int(x) for x in good[:, 1]]
    down, up = names.index(PDEA), names.index(PDXA)

    def broken(change: object) -> set[str]:
        bad = good.copy()
        bad = change(bad)  # type: ignore[operator]
        report = check_log(bad, log.edges(0), log.geometry)
        return {rule.name for rule in report.rules if rule.violations}

    def put(k: int, column: int, value: int) -> object:
        def change(bad: np.ndarray) -> np.ndarray:
            bad[k, column] = value
            return bad

        return change

    assert broken(lambda bad: bad) == set()
    assert "command to a rank that sleeps" in broken(lambda bad: np.delete(bad, up, axis=0))
    assert "entry to sleep or exit that does not fit" in broken(put(down, 1, PDEP))
    assert "tPD" in broken(put(up, 0, int(good[down, 0]) + ck["nCKE"] - 1))
    assert "tXP" in broken(put(up + 1, 0, int(good[up, 0]) + ck["nXP"] - 1))
    assert "tACTPDEN" in broken(put(down, 0, int(good[0, 0]) + 1))
    deep = names.index(SREFEX)
    assert "tXS" in broken(put(deep + 1, 0, int(good[deep, 0]) + ck["nXS"] - 1))
    twice = [[int(good[deep, 0]) + ck["nXS"], SREFEN, 0, -1, -1]]
    found = broken(lambda bad: np.concatenate([bad[: deep + 1], twice]))
    assert found == {"self refresh without a refresh since the last"}


@pytest.mark.parametrize(
    ("preset", "chosen", "message"),
    [
        (DDR4, ["power_down_after_ck=9"], 'no effect with power_down = "none"; expected power_down = "active"'),
        (DDR4, ["power_down=precharge_slow"], "DDR4 has no slow exit of power-down"),
        (DDR4, ["self_refresh_after_us=5", "refresh=none"], 'does not go with refresh = "none"'),
        (DDR4, ["self_refresh_after_us=5", "refresh_granularity=2x"], 'does not go with refresh_granularity = "2x"'),
        (DDR4, ["power_down=active", "scheduler=DRAMsim3"], 'do not go with scheduler = "DRAMsim3"'),
        (
            "hbm3-6400-16gb-x64",
            ["power_down=active"],
            "HBM3 has no power-down and no self refresh here, because no sou",
        ),
        ("hbm2-2000-8gb-x128", ["power_down=precharge"], "HBM2 has no power-down and no self refresh here, because"),
        ("gddr6-14000-8gb-x16", ["self_refresh_after_us=5"], "GDDR6 has no power-down and no self refresh here"),
    ],
)
def test_impossible_sleep(preset: str, chosen: list[str], message: str) -> None:
    """One clear paragraph that names the keys and what is expected."""
    with pytest.raises(ConfigError) as refused:
        memory(preset, *chosen)
    assert message in str(refused.value)


def test_contradicting_times() -> None:
    """Exit times that contradict the refresh they follow are refused with both values."""
    with pytest.raises(ConfigError, match=r"nXS >= nRFC is violated: nXS is 120 clocks .* nRFC is 420 clocks"):
        memory(DDR4, "power_down=active", more=("dram.timing.tXS_ns=100.0",))


@pytest.mark.skipif(JIT_DISABLED, reason="runs in this process already")
def test_power_down_uncompiled() -> None:
    """The tests above that would compile a kernel each, with the same source as plain Python."""
    env = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(command, env=env, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
