"""Switches of the operating point: against the reference, by closed forms, by what must not change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edensim.config import load_config, schema
from edensim.dram.checker import check_command_log
from edensim.dram.commands import REFAB
from edensim.dram.controller import DramSystem
from edensim.dram.counters import PhasedCounters
from edensim.dram.energy import EnergyModel
from edensim.dram.replay import ReplayResult, replay_requests
from edensim.dram.switched_energy import energy_of
from edensim.dram.switching import SwitchedSystem
from edensim.dram.trace_requests import Requests
from edensim.errors import ConfigError
from edensim.jit import JIT_DISABLED
from edensim.memory import Organisation, resolve_operating_state
from edensim.system.check import check_memory
from edensim.system.replay import memory_system
from tests.dram.strategies import COLUMNS, ROWS, scenarios
from tests.dram.test_differential import assert_equal

TWO_RANKS = Organisation(1, 2, 4, 4, ROWS, COLUMNS)


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_equal_to_reference(data: st.DataObject) -> None:
    """One or two switches of any mode at random times, rows of random timings, command by command, compiled.

    The checker judges by what held then. Other families and shapes: see `test_differential`.
    """
    found = data.draw(scenarios(TWO_RANKS, per_bank=False, row_hit_first=False, by_row=True, switching=True))
    assert_equal(found, block=data.draw(st.sampled_from([1, 7, 1000])))


def system_of(*switches: dict[str, object], refresh: str = "none", **point: float) -> DramSystem:
    """One channel of DDR4-2400 with these `[[switch]]` tables."""
    tree = {"dram": {"preset": "ddr4-2400r-8gb-x8"}, "switch": list(switches), "operating_point": point}
    return memory_system(load_config(tree, set=["dram.channels=1", f"dram.controller.refresh={refresh}"]))


def replayed(system: DramSystem, count: int = 1500) -> ReplayResult:
    """Random requests, a third of them writes."""
    rng = np.random.default_rng(5)
    addr = (rng.integers(0, 1 << 16, count) * 64).astype(np.uint64)
    return replay_requests(system, [Requests(addr, (rng.random(count) < 0.3).astype(np.uint8), None)], keep_log=True)


def commands(result: ReplayResult) -> list[list[int]]:
    assert result.log is not None
    return result.log.commands[0].tolist()


compiled = pytest.mark.skipif(JIT_DISABLED, reason="whole presets")


@compiled
@pytest.mark.parametrize("mode", ["drained", "blocking", "immediate"])
def test_nothing_changes_before_the_first_switch(mode: str) -> None:
    """All commands before its clock are those of a run without; then the checker finds nothing, all is served.

    No command goes in the settle time, and the checker would see one.
    """
    settle = {} if mode == "immediate" else {"settle_ns": 700.0}
    switch = {"at_ns": 2000.1, "mode": mode, "vdd": 1.1, "tRCD_ns": 20.0, "tRP_ns": 16.0, **settle}
    system, plain = system_of(switch, refresh="all_bank"), replayed(system_of(refresh="all_bank"))
    found = replayed(system)
    at = 2401  # the first clock of 2500/3 ps that is not before 2000.1 ns
    assert isinstance(system, SwitchedSystem)
    quiet, since = system.since[0, 0]
    begun = [c for c in commands(plain) if c[0] < at]
    assert [c for c in commands(found) if c[0] < at] == begun
    assert commands(found) != commands(plain)
    assert since - quiet == (0 if mode == "immediate" else 840)
    assert [c for c in commands(found) if quiet <= c[0] < since] == []
    assert (quiet == at) == (mode == "immediate")
    assert found.counters.reads.sum() == plain.counters.reads.sum()
    assert found.log is not None
    (report,) = check_command_log(found.log)
    assert report.violations == 0, str(report)
    if mode != "immediate":
        (early,) = check_command_log(replace(found.log, switches=(replace(found.log.switches[0], since=since + [50]),)))
        assert "settles" in str(early.first and early.first.offence)


@compiled
def test_switch_to_the_same_point_changes_nothing() -> None:
    """Immediate switches, three of them, to what holds already: the very commands of a run without."""
    switches = [{"at_ns": t, "mode": "immediate"} for t in (0.0, 100.0, 1234.5)]
    found, plain = replayed(system_of(*switches, refresh="all_bank")), replayed(system_of(refresh="all_bank"))
    assert commands(found) == commands(plain)
    assert found.cycles == plain.cycles


@compiled
@pytest.mark.parametrize("mode", ["drained", "blocking"])
def test_cost_of_a_switch_on_an_idle_memory(mode: str) -> None:
    """With all banks closed the settle time alone, with a row open tRP as well.

    A read that comes meanwhile has its ACT in the very clock in which the new point holds, and waits for the new tRCD.
    """
    switch = {"at_ns": 10_000.0, "mode": mode, "settle_ns": 250.0, "tRCD_ns": 25.0}
    at, settle = 12_000, 300
    for open_first in (False, True):
        system = system_of(switch)
        line = system.address_map.encode(0, [3, 3], [5, 9], [0, 0]).astype(np.uint64)[0 if open_first else 1 :]
        arrival = np.array([100, at + 5], np.uint64)[0 if open_first else 1 :]
        done = replay_requests(system, [Requests(line * np.uint64(64), np.zeros(len(line), np.uint8), arrival)])
        assert isinstance(system, SwitchedSystem)
        since = at + settle + (system.timing.ck["nRP"] if open_first else 0)
        assert system.since[0, 0].tolist() == [since - settle, since]
        assert done.cycles == since + int(system.phases[1].clocks["nRCD"][0, 3]) + system.timing.read_latency


@compiled
def test_parts_are_priced_at_their_own_supply() -> None:
    """A switch of VDD alone changes no command; each part is priced at its own voltage, and both make the total."""
    found, plain = (
        system_of(*x, refresh="all_bank") for x in ([{"at_ns": 3000.0, "mode": "immediate", "vdd": 1.0}], [])
    )
    done, before = replayed(found), replayed(plain)
    assert commands(done) == commands(before)
    counters = done.counters
    assert isinstance(counters, PhasedCounters)
    assert counters.phases[0].cycles.tolist() == [3600]
    energy = schema.Energy()
    total = energy_of(found, energy).price(counters)
    low = resolve_operating_state(found.dram, schema.OperatingPoint(vdd=1.0), [])
    parts = [
        EnergyModel(found.dram, state, energy).price(n)
        for state, n in zip((found.state, low), counters.phases, strict=True)
    ]
    assert total.total == pytest.approx(parts[0].total + parts[1].total, rel=1e-12)
    assert parts[0].total > 0 < parts[1].total
    nominal = EnergyModel(found.dram, found.state, energy)
    sums = [nominal.price(n).total for n in counters.phases]
    assert sum(sums) == pytest.approx(nominal.price(before.counters).total, rel=1e-12)
    assert parts[1].act == pytest.approx(nominal.price(counters.phases[1]).act / 1.2**2, rel=1e-9)
    assert parts[1].io == nominal.price(counters.phases[1]).io


@compiled
def test_refresh_interval_changes_at_a_switch() -> None:
    """The first refresh after a switch comes when it was due or a new interval later, whichever is sooner."""
    for scale in (0.5, 2.0):
        system = system_of({"at_ns": 10_000.0, "mode": "immediate", "tREFI_scale": scale}, refresh="all_bank")
        period = system.timing.ck["nREFI"]
        line = system.address_map.encode(0, [0, 0], [0, 0], [0, 1]).astype(np.uint64)
        arrival = np.array([0, 6 * period], np.uint64)
        done = replay_requests(system, [Requests(line * np.uint64(64), np.zeros(2, np.uint8), arrival)], keep_log=True)
        refreshes = [c[0] for c in commands(done) if c[1] == REFAB]
        new = int(period * scale)
        first = min(2 * period, 12_000 + new)
        assert refreshes == [period + system.timing.ck["nRP"], *range(first, 6 * period + 1, new)]  # a row was open


def test_bad_switches_are_refused() -> None:
    """Order of times, settle times, queues that never drain, unknown partitions: told with both values."""
    cases = [
        (
            [{"at_ns": 5.0, "mode": "immediate"}, {"at_ns": 5.0, "mode": "immediate"}],
            [],
            "above that of the switch before",
        ),
        ([{"at_ns": 5.0, "mode": "drained"}], [], "needs settle_ns"),
        ([{"at_ns": 5.0, "mode": "immediate", "settle_ns": 3.0}], [], "has no effect"),
        ([{"at_ns": 5.0, "mode": "blocking", "settle_ns": 8000.0}], [], "no refresh can come"),
        ([{"at_ns": 5.0, "mode": "immediate", "vdd": 1.9}], [], "at most 1.44 V"),
        ([{"at_ns": 5.0, "mode": "immediate", "partition": {"fats": {"vdd": 1.1}}}], [], "no partition 'fats'"),
        ([{"at_ns": 5.0, "mode": "drained", "settle_ns": 3.0}], ["dram.controller.scheduler=DRAMsim3"], "DRAMsim3"),
    ]
    for switches, more, words in cases:
        tree = {"dram": {"preset": "ddr4-2400r-8gb-x8"}, "switch": switches}
        with pytest.raises(ConfigError) as caught:
            load_config(tree, set=more, check=check_memory)
        assert words in str(caught.value)
