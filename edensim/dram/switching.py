"""Switches of the operating point during a run: memories that know of them, and what control does to a channel.

The kernels know nothing of switches but a gate in front of the queues. Control lets them process every event before a
clock, looks at the channel, changes it and goes on:

* a clock to switch at is the first one at or after `at_ns`; commands of that clock are issued by what holds then;
* all banks are precharged by PREab, one after the other, from the queue in which refreshes wait;
* the settle time begins with the clock in which every bank could be activated again (that of the switch, if that is so
  already), and nothing issues before it is over. Refreshes that fall due in it come right after;
* while nothing else changes, refreshes keep their clocks. With another interval the next one comes when it was due, or
  a new interval after the switch if that is sooner, and the others follow it.

What the memory did is kept at every switch, so that each part can be priced at its own voltage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from edensim.config.schema import Dram
from edensim.dram.command_log import LOG_END, CommandLog, LogSwitch
from edensim.dram.commands import ACT, PREAB
from edensim.dram.controller import DramSystem, refresh_schedule
from edensim.dram.counters import Counters, PhasedCounters
from edensim.dram.pending_kernel import PENDING
from edensim.dram.scan_kernel import KEY_BITS, NEVER
from edensim.dram.table import Refresh
from edensim.dram.timing import TimingSet, bank_clocks
from edensim.errors import ConfigError, Problem
from edensim.memory import OperatingState
from edensim.memory.switches import DRAINED, IMMEDIATE, PointSwitch

Int = NDArray[np.int64]
WAITING, DRAINING, CLOSING, SETTLING = range(4)


@dataclass(frozen=True, eq=False)
class Phase:
    """What holds from a switch (or the start) on: state, clocks of banks or subarrays, compiled tables, refreshes."""

    state: OperatingState
    clocks: dict[str, Int]
    tables: np.ndarray
    refresh: Refresh


def whole_clocks(time_ns: float, period_ps: Fraction) -> int:
    """Clocks of a time, rounded up."""
    return int(-(-Fraction(str(float(time_ns))) * 1000 // period_ps))


def check_switches(dram: Dram, timing: TimingSet, scale: float, switches: Sequence[PointSwitch]) -> None:
    """Refuse switches that this controller cannot carry out; `scale` is that of the first refresh interval.

    Raises
    ------
    ConfigError
        Queues that never drain, a settle time in which refreshes would be left out.
    """
    problems = []
    for k, switch in enumerate(switches):
        where, key = f"[[switch]] at {switch.at_ns:g} ns", f"switch.{k}"
        if dram.controller.scheduler == "DRAMsim3" and switch.mode != IMMEDIATE:
            text = (
                f'{where}: mode = "{switch.mode}" does not go with dram.controller.scheduler = "DRAMsim3", which keeps '
                'up to eight writes for ever; expected mode = "immediate"'
            )
            problems.append(Problem(text, f"{key}.mode", "dram.controller.scheduler"))
        settle, interval = whole_clocks(switch.settle_ns, timing.period), int(timing.ck["nREFI"] * scale)
        if dram.controller.refresh != "none" and settle >= interval:
            text = (
                f"{where}: settle_ns = {switch.settle_ns:g} is {settle} clocks, in which no refresh can come, but the "
                f"refresh interval is {interval} clocks; expected less"
            )
            problems.append(Problem(text, f"{key}.settle_ns", "dram.controller", "operating_point.tREFI_scale"))
        scale = switch.state.tREFI_scale
    if problems:
        raise ConfigError(problems)


class SwitchedSystem(DramSystem):
    """The channels of one memory and the switches of one run.

    Parameters
    ----------
    dram : schema.Dram
    state : OperatingState
        What every bank runs at before the first switch.
    switches : sequence of PointSwitch

    Attributes
    ----------
    phases : list of Phase
        The first is that of `state`.
    marks : list of list of Counters
        What each channel had done by each switch; None where it has not come yet.
    since : int64 [switches, channels, 2]
        Clocks from which each channel settled and from which the new point held; NEVER before it has come.
    """

    def __init__(self, dram: Dram, state: OperatingState, switches: Sequence[PointSwitch]) -> None:
        self.all_clocks: list[dict[str, Int]] = []
        super().__init__(dram, state)
        if self.policy.sleep is not None and switches:
            raise ConfigError(
                "dram.controller.power_down and self_refresh_after_us do not go with [[switch]]: what a rank asleep "
                'does when the operating point is switched is not modelled; expected power_down = "none" and no '
                "self_refresh_after_us, or no switch"
            )
        check_switches(dram, self.timing, state.tREFI_scale, switches)
        self.switches = list(switches)
        states = [state, *(switch.state for switch in switches)]
        clocks = [bank_clocks(self.timing, each.row_times) for each in states]
        if any(each["nRCD"].ndim == 3 for each in clocks):
            size = (self.geometry.channels, self.geometry.banks, self.geometry.subarrays)
            clocks = [
                {n: np.broadcast_to(x if x.ndim == 3 else x[:, :, None], size) for n, x in each.items()}
                for each in clocks
            ]
        self.phases: list[Phase] = []
        self.all_clocks = clocks
        for each, mine in zip(states, clocks, strict=True):
            refresh = refresh_schedule(dram, self.timing, self.shape, each.tREFI_scale)
            self.clocks, self.refresh = mine, refresh
            self.phases.append(Phase(each, mine, self.compile(), refresh))
        first = self.phases[0]
        self.clocks, self.tables, self.refresh = first.clocks, first.tables, first.refresh
        self.marks: list[list[Counters | None]] = [[None] * self.geometry.channels for _ in switches]
        self.since = np.full((len(self.switches), self.geometry.channels, 2), NEVER, np.int64)

    def kinds_of_rows(self) -> Int:
        """Timings of all banks or subarrays at all times, one column each."""
        every = [np.stack([each[name].ravel() for name in each]) for each in self.all_clocks or [self.clocks]]
        return np.unique(np.concatenate(every, axis=1), axis=1)

    @property
    def is_switching(self) -> bool:
        """Whether control may have to close ranks."""
        return True

    def clocks_of(self, time_ns: float) -> int:
        """Whole clocks of a time, rounded up."""
        return whole_clocks(time_ns, self.period)

    def mark(self, switch: int, channel: int, record: np.ndarray, clock: int) -> None:
        """Keep what a channel (its record alone) had done by a switch."""
        self.marks[switch][channel] = super().counters(record, clock)

    def counters(self, channels: np.ndarray, end_clock: int) -> Counters:
        """As of any memory; parted at the switches."""
        total = super().counters(channels, end_clock)
        parts, before = [], None
        for marks in self.marks:
            upto = _joined(marks, total)
            parts.append(upto if before is None else upto - before)
            before = upto
        return total if before is None else PhasedCounters.of(total, [*parts, total - before])

    def command_log(self, commands: tuple[Int, ...]) -> CommandLog:
        """A command log with the rules it is held to, before and after every switch that has come."""
        log = super().command_log(commands)
        switches = tuple(
            LogSwitch(times[:, 0], times[:, 1], self.phases[k + 1].clocks)
            for k, times in enumerate(np.minimum(self.since, LOG_END))
            if (times[:, 1] < LOG_END).any()
        )
        longest = max(phase.refresh.period if phase.refresh.first else 0 for phase in self.phases)
        if not switches:
            return log
        turn = max(phase.refresh.first[0] for phase in self.phases) if log.refresh.turn_ck else 0
        refresh = replace(log.refresh, interval_ck=longest, turn_ck=turn)
        return replace(log, bank_ck=self.clocks, switches=switches, refresh=refresh)


def _joined(marks: Sequence[Counters | None], total: Counters) -> Counters:
    """Counters of all channels at a switch: of those for which it has not come yet, all that they did."""
    arrays = {}
    for each in fields(Counters):
        if each.name != "period_ps":
            whole = getattr(total, each.name)
            rows = [whole[c : c + 1] if mark is None else getattr(mark, each.name) for c, mark in enumerate(marks)]
            arrays[each.name] = np.concatenate(rows)
    return Counters(total.period_ps, **arrays)


class ChannelSwitching:
    """The switches of one channel.

    `stop` is the clock before which control may let all events happen; then it calls `act`, which sets the next one.

    Parameters
    ----------
    system : SwitchedSystem
    channel : int
    channels, tables : record arrays [channels]
        Those that the kernels work on; both are changed.
    """

    def __init__(self, system: SwitchedSystem, channel: int, channels: np.ndarray, tables: np.ndarray) -> None:
        self.system, self.channel = system, channel
        self.ch, self.tab = channels[channel : channel + 1], tables[channel : channel + 1]
        self.record = channels[channel]
        self.banks = system.geometry.banks
        self.number, self.stage, self.awaited = -1, WAITING, 0
        self.stop = NEVER
        self._await_next(0)

    @property
    def switch(self) -> PointSwitch:
        """The switch that comes next or is under way."""
        return self.system.switches[self.number]

    @property
    def phase(self) -> int:
        """Number of the point that holds now."""
        return self.number

    def act(self) -> bool:
        """Do what is due at `stop`; whether a new point holds from then on."""
        now, before = self.stop, self.number
        while self.stop == now:
            if self.stage == WAITING:
                self._begin(now)
            elif self.stage == SETTLING:
                self._go_on(now)
            else:
                self._look(now)
        return self.number > before

    def _await_next(self, clock: int) -> None:
        self.number, self.stage = self.number + 1, WAITING
        left = self.number < len(self.system.switches)
        # No command comes before clock 1.
        self.stop = max(self.system.clocks_of(self.switch.at_ns), clock, 1) if left else NEVER

    def _begin(self, now: int) -> None:
        if self.switch.mode == IMMEDIATE:
            self._hold(now, now)
            return
        if self.switch.mode == DRAINED:
            self.ch["gate"], self.stage = 1, DRAINING
        else:
            self._close_ranks()
        self._look(now)

    def _look(self, now: int) -> None:
        """Whether what had to happen first has happened."""
        ch = self.record
        if self.stage == DRAINING and not self._is_busy():
            self._close_ranks()
        if self.stage == CLOSING and ch["pending_head"] >= self.awaited and not ch["state"].any():
            quiet = max(now, int(ch["allowed"][ACT * len(ch["state"]) :][: self.banks].max()))
            self.system.since[self.number, self.channel, 0] = quiet
            self.stage, self.stop = SETTLING, quiet + self.system.clocks_of(self.switch.settle_ns)
            np.maximum(ch["allowed"], self.stop, out=ch["allowed"])
        else:
            self.stop = min(int(ch["next_scan"]), int(ch["next_refresh"]), NEVER - 1) + 1

    def _is_busy(self) -> bool:
        ch = self.record
        return bool(ch["queued"].sum() + ch["actives"] or ch["opening"] >= 0 or ch["cas_slot"] >= 0)

    def _close_ranks(self) -> None:
        tail = int(self.record["pending_tail"])
        for rank in np.flatnonzero(self.record["node_open"]):
            self.ch["pending"][0, tail & (PENDING - 1)] = PREAB << KEY_BITS | int(rank)
            tail += 1
        self.ch["pending_tail"], self.ch["next_scan"] = tail, np.minimum(self.ch["next_scan"], self.stop)
        self.awaited, self.stage = tail, CLOSING

    def _go_on(self, now: int) -> None:
        self.ch["gate"] = 0
        self._hold(int(self.system.since[self.number, self.channel, 0]), now)

    def _hold(self, quiet: int, now: int) -> None:
        """From clock `now` on the next point holds."""
        system, c, k = self.system, self.channel, self.number
        system.since[k, c] = quiet, now
        system.mark(k, c, self.ch, now)
        before, after = system.phases[k].refresh, system.phases[k + 1].refresh
        self.tab[0] = system.phases[k + 1].tables[c]
        if before != after and after.first:
            timer = int(self.record["timer"])
            due = min(int(self.record["next_refresh"]), now + after.period)
            self.ch["next_refresh"], self.ch["timer_base"] = due, due - int(after.first[timer])
        self.ch["next_scan"] = np.minimum(self.ch["next_scan"], now)
        self._await_next(now)
