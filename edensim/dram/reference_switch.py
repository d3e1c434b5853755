"""Switches of the operating point in the reference controller; the rules are those of `edensim.memory.switches`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edensim.dram.commands import ACT, PREAB
from edensim.dram.table import Edge

if TYPE_CHECKING:
    from edensim.dram.reference_channel import Channel

NEVER = 1 << 60


@dataclass(frozen=True)
class SwitchRule:
    """A switch at a clock: "drained", "blocking" or "immediate", clocks to settle, the next constraint table."""

    clock: int
    mode: str
    settle: int
    edges: tuple[Sequence[Edge], ...]


class Switcher:
    """What one channel does about its switches; `before` comes first in every clock, even before offers."""

    def __init__(self, channel: Channel, rules: Sequence[SwitchRule]) -> None:
        self.channel, self.rules = channel, list(rules)
        self.tables = [channel.edges, *(rule.edges[channel.index] for rule in rules)]
        self.phase = 0
        self.is_gated = self.is_closing = False
        self.wanted = 0  # pending entries that must be done before ranks count as closed
        self.silent_until = 0
        self.times: list[tuple[int, int]] = []  # of every switch: first silent clock, first clock of the new point

    def before(self, clock: int) -> None:
        """What switches ask for at this clock."""
        while self.phase < len(self.rules):
            rule = self.rules[self.phase]
            if clock < max(rule.clock, 1) or clock < self.silent_until:
                return
            if len(self.times) > self.phase or rule.mode == "immediate":
                self.go_on(clock)
            elif not self.settles(rule, clock):
                return

    def settles(self, rule: SwitchRule, clock: int) -> bool:
        """Whether everything that comes before the settle time is done."""
        channel = self.channel
        self.is_gated = rule.mode == "drained"
        if self.is_gated and not self.is_closing and not channel.is_idle:
            return False
        if not self.is_closing:
            self.is_closing = True
            per_rank = channel.tree.banks_per_rank
            ranks = {bank // per_rank for bank in range(channel.tree.banks) if not channel.is_closed(bank)}
            channel.pending += [(PREAB, rank) for rank in sorted(ranks)]
            self.wanted = channel.pending_done + len(channel.pending)
        banks = range(channel.tree.banks)
        if channel.pending_done < self.wanted or not all(channel.is_closed(bank) for bank in banks):
            return False
        quiet = max(clock, *(channel.by_edges(ACT, bank) for bank in banks))
        self.silent_until = quiet + rule.settle
        self.times.append((quiet, self.silent_until))
        channel.known.clear()
        return True

    def go_on(self, clock: int) -> None:
        """From this clock on the next point holds."""
        if len(self.times) == self.phase:
            self.times.append((clock, clock))
        self.phase += 1
        self.is_gated = self.is_closing = False
