"""The tree channel - rank - bank group - bank of one channel, and which of its nodes a command addresses.

The checker and the reference controller read the constraint table (`table.Edge`) through this; the compiled controller
does not, so that one can check the other.
"""

from __future__ import annotations

from typing import Protocol

from edensim.dram.commands import BANK_COMMANDS
from edensim.dram.table import Edge

LEVELS = ("Channel", "Rank", "BankGroup", "Bank")


class BankLayout(Protocol):
    """What of the geometry matters here: how the banks of a channel are grouped."""

    @property
    def ranks(self) -> int:
        """Ranks of a channel."""

    @property
    def bank_groups(self) -> int:
        """Bank groups of a rank."""

    @property
    def banks_per_group(self) -> int:
        """Banks of a bank group."""


class BankTree:
    """Nodes of every level are numbered from 0 across the channel; `counts` says how many there are."""

    def __init__(self, layout: BankLayout) -> None:
        self.ranks = layout.ranks
        self.groups_per_rank = layout.bank_groups
        self.banks_per_group = layout.banks_per_group
        self.banks_per_rank = layout.bank_groups * layout.banks_per_group
        self.banks = self.ranks * self.banks_per_rank
        self.counts = dict(zip(LEVELS, (1, self.ranks, self.ranks * layout.bank_groups, self.banks), strict=True))

    def banks_of(self, command: int, target: int) -> range:
        """Banks a command addresses; `target` is a bank, or a rank for PREab and REFab."""
        if command < BANK_COMMANDS:
            return range(target, target + 1)
        return range(target * self.banks_per_rank, (target + 1) * self.banks_per_rank)

    def banks_under(self, level: str, nodes: range) -> range:
        """Banks below consecutive nodes of a level."""
        span = self.banks // self.counts[level]
        return range(nodes.start * span, nodes.stop * span)

    def addressed(self, level: str, command: int, target: int) -> range:
        """Nodes of a level that a command addresses."""
        banks, span = self.banks_of(command, target), self.banks // self.counts[level]
        return range(banks[0] // span, banks[-1] // span + 1)

    def siblings(self, level: str, command: int, target: int) -> list[int]:
        """Nodes of a level under the same parent as the addressed ones, these excluded."""
        own = self.addressed(level, command, target)
        above = LEVELS[max(LEVELS.index(level) - 1, 0)]
        fan_out = self.counts[level] // self.counts[above]
        first = own[0] // fan_out * fan_out
        return [node for node in range(first, first + fan_out) if node not in own]

    def cycles_between(self, edge: Edge, preceding: tuple[int, int], following: tuple[int, int]) -> int:
        """Clocks an edge asks for between two (command, target) pairs.

        Those of the preceding command's bank; if that is a rank command, of the following command's bank; if that is
        one too, the largest of the rank.
        """
        banks = self.banks_of(*preceding) if preceding[0] < BANK_COMMANDS else self.banks_of(*following)
        return int(edge.cycles[banks.start : banks.stop].max())

    def words(self, command: int, target: int) -> str:
        """A place in words: "rank 0, bank group 1, bank 2" or "rank 0"."""
        if command >= BANK_COMMANDS:
            return f"rank {target}"
        group, bank = divmod(target, self.banks_per_group)
        rank, group = divmod(group, self.groups_per_rank)
        return f"rank {rank}, bank group {group}, bank {bank}"
