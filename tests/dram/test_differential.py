"""The compiled controller against the reference controller: any difference in any command is a defect."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edensim.config.schema import OperatingPoint, Partition
from edensim.dram.channel_kernel import NEVER
from edensim.dram.channel_state import Policy, SleepPolicy, new_channels
from edensim.dram.checker import bus_rules, check_command_log, check_log
from edensim.dram.command_log import load_command_log
from edensim.dram.commands import REFAB, REFPB, REFSB
from edensim.dram.controller import DramSystem, bank_shape
from edensim.dram.generate import golden_trace
from edensim.dram.reference import Requests, Settings, simulate
from edensim.dram.replay import replay_requests
from edensim.dram.replay_kernel import ACCEPT_FROM, LAST, LOG_FULL, RUN_FIELDS, STOP, STOPPED, WRITE_LATENCY, replay
from edensim.dram.standard import load_standard
from edensim.dram.switching import ChannelSwitching
from edensim.dram.table import Edge, Refresh, RowLayout, compile_table
from edensim.dram.trace_requests import Requests as Trace
from edensim.jit import JIT_DISABLED
from edensim.memory import Geometry, Organisation, resolve_operating_state
from tests.dram.parity import decode, family_rules, parity_dram
from tests.dram.parity import settings as controller_settings
from tests.dram.strategies import COLUMNS, ROWS, Scenario, scenarios

ONE_RANK = Organisation(2, 1, 4, 4, ROWS, COLUMNS)
TWO_RANKS = Organisation(1, 2, 4, 4, ROWS, COLUMNS)
QUEUE = 32  # entries the kernel is compiled for; with these shapes that is the kernel of the parity presets
FAST = settings(max_examples=100, suppress_health_check=list(HealthCheck))


@dataclass(frozen=True)
class Outcome:
    """All that is compared."""

    commands: list[list[list[int]]]
    cycles: int
    read_latency_sum: int
    hits: int
    misses: int
    conflicts: int
    forwarded: int
    coalesced: int


def by_reference(scenario: Scenario, times: list[list[tuple[int, int]]] | None = None) -> Outcome:
    """Run a scenario through the reference controller; `times` receives when each channel switched."""
    r = simulate(scenario.edges, scenario.geometry, scenario.settings, scenario.requests)
    if times is not None:
        times += r.switched
    commands = [[list(command) for command in log] for log in r.commands]
    counts = (r.hits, r.misses, r.conflicts, r.forwarded, r.coalesced)
    return Outcome(commands, r.cycles, r.read_latency_sum, *counts)


def by_kernel(scenario: Scenario, block: int) -> Outcome:
    """Run a scenario through the compiled controller, `block` requests at a time."""
    geometry, chosen, requests = scenario.geometry, scenario.settings, scenario.requests
    shape = bank_shape(geometry, sleep_of(chosen) is not None, chosen.half_clock)
    refresh = refresh_of(chosen, geometry)
    by_row = RowLayout(1, geometry.banks * ROWS * geometry.channels) if chosen.subarray_rows else None
    switches = len(chosen.switches) > 0

    def compiled(edges: Sequence[Sequence[Edge]]) -> np.ndarray:
        options = (refresh, chosen.row_cap > 0, by_row, switches)
        return joined([compile_table(shape, mine, *options) for mine in edges])

    tables = compiled(scenario.edges)
    windows = (tables["window_id"].shape[2], int(tables["window_length"].max()))
    channels = new_channels(shape, policy_of(chosen), refresh, windows, geometry.channels)
    channels["capacity"] = (chosen.read_queue, chosen.write_queue)
    run = np.zeros(RUN_FIELDS, np.int64)
    run[WRITE_LATENCY] = chosen.write_latency
    control = SwitchControl(scenario, channels, tables, [compiled(rule.edges) for rule in chosen.switches])
    run[STOP] = min(channel.stop for channel in control.channels) if switches else 0
    place = [requests.channel, requests.bank, requests.row, requests.column]
    columns = [*place, lines(requests), requests.is_write, requests.arrival]
    for start in range(0, len(requests.bank), block):
        part = [x[start : start + block] for x in columns]
        final = start + block >= len(requests.bank)
        cursor = np.zeros(1, np.int64)
        while (result := replay(channels, tables, *part, cursor, run, final)) == STOPPED:
            control.act(run)
        assert result != LOG_FULL
    commands = [state["log"][: state["logged"]].tolist() for state in channels]
    names = ("latency_sum", "hits", "misses", "conflicts", "forwarded", "coalesced")
    return Outcome(commands, int(run[LAST]), *(int(channels[name].sum()) for name in names))


def joined(compiled: list[np.ndarray]) -> np.ndarray:
    """Tables of all channels as one array."""
    tables = np.zeros(len(compiled), compiled[0].dtype)
    for k, table in enumerate(compiled):
        tables[k] = table[0]
    return tables


class SwitchControl:
    """Switches of a scenario, carried out on the compiled controller; refreshes stay as they are."""

    def __init__(self, scenario: Scenario, channels: np.ndarray, tables: np.ndarray, later: list[np.ndarray]) -> None:
        rules, refresh = scenario.settings.switches, refresh_of(scenario.settings, scenario.geometry)
        self.geometry = scenario.geometry
        self.switches = [SimpleNamespace(at_ns=r.clock, mode=r.mode, settle_ns=r.settle) for r in rules]
        self.phases = [SimpleNamespace(tables=each, refresh=refresh) for each in (tables.copy(), *later)]
        self.since = np.zeros((len(rules), len(channels), 2), np.int64)
        self.channels = [ChannelSwitching(self, c, channels, tables) for c in range(len(channels))]  # type: ignore[arg-type]
        self.stop = 0

    def clocks_of(self, clocks: int) -> int:
        """Times are clocks here."""
        return clocks

    def mark(self, *_: object) -> None:
        """Nothing is counted here."""

    def act(self, run: np.ndarray) -> None:
        """As `replay._Feed` does."""
        stop = int(run[STOP])
        for channel in self.channels:
            if channel.stop == stop and channel.act():
                run[ACCEPT_FROM] = max(int(run[ACCEPT_FROM]), stop - 1)
        run[STOP] = min(channel.stop for channel in self.channels)


def policy_of(chosen: Settings) -> Policy:
    """Queues with thresholds in entries: enter at or above, leave below."""
    high, low = (np.float32(share) * np.float32(chosen.write_queue) for share in chosen.write_marks)
    enter = min(int(np.floor(high)) + 1, chosen.write_queue)
    leave = max(int(np.ceil(low)), 1)
    bus = {name: getattr(chosen, name) for name in ("second_activate", "wck_runs", "two_buses", "half_clock")}
    return Policy(
        QUEUE, QUEUE, enter, leave, chosen.read_latency, chosen.row_hit_first, True, chosen.row_cap, **bus,
        in_order=chosen.in_order, hit_cap=chosen.hit_cap, drops_stale=chosen.drops_stale,
        timeout=chosen.row_timeout, timeout_range=chosen.timeout_range,
        postponed=chosen.postponed, by_row=chosen.subarray_rows > 0, is_switching=len(chosen.switches) > 0,
        sleep=sleep_of(chosen), auto_precharge=chosen.auto_precharge,
    )  # fmt: skip


def sleep_of(chosen: Settings) -> SleepPolicy | None:
    """When ranks are powered down; what that counts as is not compared here."""
    down, deep = chosen.power_down_after, chosen.self_refresh_after
    if down is None and deep is None:
        return None
    times = (NEVER if x is None else x for x in (down, deep))
    return SleepPolicy(*times, chosen.closes_before_sleep, 0, 0, 0)


def refresh_of(chosen: Settings, geometry: Organisation) -> Refresh:
    """First refresh of every rank or bank, in order of time."""
    command = REFPB if chosen.per_bank_refresh else REFSB if chosen.same_bank_refresh else REFAB
    if not chosen.refresh_interval:
        return Refresh(1, (), (), command)
    step, ranks, span = chosen.refresh_scatter, geometry.ranks_per_channel, geometry.banks_per_rank
    if command != REFAB:
        count = span if command == REFPB else geometry.banks_per_group
        turns = [((k + 1) * chosen.refresh_interval + r, r * span + k) for k in range(count) for r in range(ranks)]
        first, banks = zip(*sorted(turns), strict=True)
        return Refresh(count * chosen.refresh_interval, first, banks, command)
    first = tuple((k + 1) * step if step else chosen.refresh_interval for k in range(ranks))
    return Refresh(chosen.refresh_interval, first, tuple(range(ranks)))


def lines(requests: Requests) -> np.ndarray:
    """A number per place; rows are far apart, so that lines collide wherever only low bits are looked at."""
    return (requests.row << 14) + (requests.bank * COLUMNS + requests.column) * 2 + requests.channel


def assert_equal(scenario: Scenario, block: int) -> None:
    """Both controllers agree, and the checker has nothing to object to."""
    times: list[list[tuple[int, int]]] = []
    wanted, found = by_reference(scenario, times), by_kernel(scenario, block)
    assert found == wanted
    for c, log in enumerate(wanted.commands):
        edges = scenario.edges[c]
        log = np.array(log, np.int64).reshape(-1, 5)
        family = bus_rules(load_standard(scenario.standard), scenario.timing_ck)
        rows = scenario.settings.subarray_rows
        later = [(*at, r.edges[c]) for at, r in zip(times[c], scenario.settings.switches, strict=False)]
        report = check_log(log, edges, scenario.geometry, family=family, subarray_rows=rows, later=later)
        assert report.violations == 0, str(report)


@pytest.mark.parametrize("layout", [ONE_RANK, TWO_RANKS], ids=["two channels", "two ranks"])
@given(data=st.data())
@FAST
def test_compiled_controller_equals_reference(layout: Organisation, data: st.DataObject) -> None:
    """Random timings, queues, refreshes and traces on two fixed shapes, with the compiled kernel."""
    assert_equal(data.draw(scenarios(layout)), block=data.draw(st.sampled_from([1, 7, 1000])))


FAMILIES = [
    ("DDR5", Organisation(1, 1, 4, 4, ROWS, COLUMNS), False),
    ("LPDDR5", Organisation(1, 1, 4, 4, ROWS, COLUMNS), False),
    ("LPDDR5", Organisation(1, 1, 4, 4, ROWS, COLUMNS), True),
    ("HBM2", Organisation(1, 1, 4, 4, ROWS, COLUMNS, pseudo_channels=2), False),
    ("HBM3", Organisation(1, 1, 4, 4, ROWS, COLUMNS, pseudo_channels=2, stack_ids=2), True),
]


@pytest.mark.parametrize(("family", "layout", "per_bank"), FAMILIES, ids=lambda x: x if isinstance(x, str) else "")
@given(data=st.data())
@FAST
def test_other_buses_equal_reference(family: str, layout: Organisation, per_bank: bool, data: st.DataObject) -> None:
    """LPDDR5, HBM2 and HBM3 with random timings and traces, and DDR5 with same-bank refresh, on one kernel each."""
    kind = {"per_bank": per_bank, "same_bank": family == "DDR5"}
    scenario = data.draw(scenarios(layout, family=family, row_hit_first=False, **kind))
    assert_equal(scenario, block=data.draw(st.sampled_from([1, 7, 1000])))


@pytest.mark.parametrize(("family", "layout"), [("DDR4", ONE_RANK), ("HBM2", FAMILIES[3][1])])
def test_first_refresh_before_any_scan(family: str, layout: Organisation) -> None:
    """An idle channel is in write mode: a read that comes with the very first refresh waits for a write behind it."""
    standard = load_standard(family)
    ck = dict.fromkeys(standard.names, 1)
    rules = Settings(False, 1, 2, 2, 54, refresh_scatter=2, **family_rules(standard, ck))
    trace = Requests(*(np.array(x) for x in ([0, 0], [13, 13], [1, 0], [0, 0], [0, 1], [1, 1])))
    assert_equal(Scenario(layout, family, ck, {}, rules, trace), block=1)


@given(data=st.data())
@FAST
def test_closed_rows_equal_reference(data: st.DataObject) -> None:
    """Rows that are closed after 1 to 4 accesses, on one fixed shape, with the compiled kernel."""
    assert_equal(data.draw(scenarios(ONE_RANK, caps=(1, 2, 4))), block=data.draw(st.sampled_from([1, 7, 1000])))


@given(data=st.data())
@FAST
def test_own_policies_equal_reference(data: st.DataObject) -> None:
    """Capped row hits, adaptive row closing and postponed refreshes at once, on one fixed shape, compiled."""
    rules = {"hit_cap": data.draw(st.sampled_from([1, 3])), "row_timeout": data.draw(st.sampled_from([1, 7, 30]))}
    rules |= {"timeout_range": (1, 60), "postponed": data.draw(st.sampled_from([1, 2]))}
    scenario = data.draw(scenarios(ONE_RANK, per_bank=False, row_hit_first=True))
    scenario = replace(scenario, settings=replace(scenario.settings, **rules))
    assert_equal(scenario, block=data.draw(st.sampled_from([1, 7, 1000])))


@pytest.mark.parametrize(("family", "layout", "per_bank"), FAMILIES[2:5:2], ids=["LPDDR5", "HBM3"])
@given(data=st.data())
@FAST
def test_policies_of_other_buses(family: str, layout: Organisation, per_bank: bool, data: st.DataObject) -> None:
    """FCFS, capped row hits, rows closed after accesses or by time, all at once: kernels with every branch compiled."""
    scenario = data.draw(scenarios(layout, (1, 2, 4), family, per_bank=per_bank, same_bank=False, row_hit_first=True))
    rules = {"hit_cap": 1, "row_timeout": data.draw(st.sampled_from([1, 7, 30])), "timeout_range": (1, 60)}
    scenario = replace(scenario, settings=replace(scenario.settings, in_order=True, **rules))
    assert_equal(scenario, block=data.draw(st.sampled_from([1, 7, 1000])))


@pytest.mark.skipif(not JIT_DISABLED, reason="every shape would be compiled anew; see test_any_shape_uncompiled")
@given(
    scenario=st.one_of(
        scenarios(caps=(0, 0, 1, 3), own_policies=True),
        scenarios(caps=(0, 0, 1, 3), own_policies=True, sleeps=True),
        scenarios(caps=(0, 0, 1, 3), own_policies=True, by_row=True, sleeps=True),
        scenarios(caps=(0, 0, 1, 3), own_policies=True, switching=True),
    ),
    block=st.sampled_from([1, 7, 1000]),
)
@settings(max_examples=100, suppress_health_check=list(HealthCheck))
def test_any_shape_equals_reference(scenario: Scenario, block: int) -> None:
    """Random shapes as well: one to two ranks, one to four groups of one to four banks, zero timings, closed
    rows, every family; timings that differ from row to row, switches of the operating point,
    ranks that are powered down.
    """
    assert_equal(scenario, block)


@pytest.mark.skipif(JIT_DISABLED, reason="runs in this process already")
def test_any_shape_uncompiled() -> None:
    """The same kernel source as plain Python (NUMBA_DISABLE_JIT=1) equals the reference on random shapes."""
    env = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k", "any_shape_equals"]
    done = subprocess.run(command, env=env, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
    assert "1 passed" in done.stdout


STATES: dict[str, tuple[str, OperatingPoint, list[Partition]]] = {
    "nominal, scattered": ("ddr4_2400_2rank_scatter", OperatingPoint(), []),
    "slow banks": ("ddr4_2400_2ch", OperatingPoint(), [Partition(name="slow", channel=[1], banks="2:7", tRCD_ns=25.0)]),
    "fast": ("ddr4_2400_rowhit32", OperatingPoint(tRCD_ns=6.0, tRAS_ns=20.0, tRP_ns=8.0), []),
    "closed": ("ddr4_2400_closedcap4", OperatingPoint(), []),
    "closed, slow bank": ("ddr4_2400_closedcap1", OperatingPoint(), [Partition(name="a", banks=[3], tRAS_ns=60.0)]),
    "mixed": ("ddr4_2400_rowhit32", OperatingPoint(tRP_ns=9.0), [Partition(name="a", banks=[0, 5], tRAS_ns=50.0)]),
}


@pytest.mark.skipif(JIT_DISABLED, reason="hundreds of requests on whole presets")
@pytest.mark.parametrize("name", STATES)
def test_operating_points_equal_reference(name: str, tmp_path: Path) -> None:
    """A whole system at an operating point: commands equal the reference, and the saved log passes the checker."""
    preset, point, partitions = STATES[name]
    dram = parity_dram(preset)
    system = DramSystem(dram, resolve_operating_state(dram, point, partitions))
    trace = {key: column[:1200] for key, column in golden_trace("s1_streams16").items()}
    found = replay_requests(system, [Trace(trace["addr"], trace["is_write"], trace["arrival"])], keep_log=True)
    assert found.log is not None
    tables = [found.log.edges(channel) for channel in range(dram.channels)]
    wanted = simulate(tables, Geometry.from_config(dram), controller_settings(dram), decode(dram, trace))
    assert [log.tolist() for log in found.log.commands] == [[list(c) for c in log] for log in wanted.commands]
    assert found.cycles == wanted.cycles
    found.log.save(tmp_path / "log.npz")
    reports = check_command_log(load_command_log(tmp_path / "log.npz"))
    assert [report.violations for report in reports] == [0] * dram.channels
    assert {report.slack("tRCD") for report in reports} == {0}
