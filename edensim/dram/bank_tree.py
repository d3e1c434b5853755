"""The tree of one channel (pseudo-channels, ranks, stack IDs, bank groups, banks) and what a command addresses of it.

The checker and the reference controller read the constraint table (`table.Edge`) through this; the compiled controller
does not, so that one can check the other.
"""

from __future__ import annotations

from collections.abc import Sequence

from edensim.dram.commands import REFSB, is_rank_command
from edensim.dram.table import Edge
from edensim.memory import LEVELS, Organisation

WORDS = dict(zip(LEVELS, ("channel", "pseudo-channel", "rank", "stack ID", "bank group", "bank"), strict=True))


class BankTree:
    """Nodes of every level are numbered from 0 across the channel; `counts` says how many there are."""

    def __init__(self, layout: Organisation) -> None:
        self.layout = layout
        self.banks, self.banks_per_rank = layout.banks, layout.banks_per_rank
        self.ranks = layout.ranks_per_channel
        self.counts = {level: layout.banks // span for level, span in layout.spans.items()}

    def banks_of(self, command: int, target: int) -> range:
        """Banks a command addresses; `target` is a bank, or a rank for PREab and REFab.

        REFsb addresses a bank of the first group of a rank and thereby that bank of every group.
        """
        if is_rank_command(command):
            return range(target * self.banks_per_rank, (target + 1) * self.banks_per_rank)
        if command == REFSB:
            end = (target // self.banks_per_rank + 1) * self.banks_per_rank
            return range(target, end, self.layout.banks_per_group)
        return range(target, target + 1)

    def banks_under(self, level: str, nodes: range) -> range:
        """Banks below nodes of a level."""
        span = self.banks // self.counts[level]
        return range(nodes.start * span, nodes.stop * span, nodes.step)  # only banks are ever apart

    def addressed(self, level: str, command: int, target: int) -> range:
        """Nodes of a level that a command addresses."""
        banks, span = self.banks_of(command, target), self.banks // self.counts[level]
        return range(banks[0] // span, banks[-1] // span + 1, max(1, banks.step // span))

    def siblings(self, level: str, command: int, target: int) -> list[int]:
        """Nodes of a level under the same parent as the addressed ones, these excluded."""
        own = self.addressed(level, command, target)
        fan_out = self.layout.fan_out[level]
        first = own[0] // fan_out * fan_out
        return [node for node in range(first, first + fan_out) if node not in own]

    def cycles_between(
        self, edge: Edge, preceding: tuple[int, int], following: tuple[int, int], held: Sequence[int] = ()
    ) -> int:
        """Clocks an edge asks for between two (command, target) pairs.

        Those of the preceding command's bank; if that is a rank command, of the following command's bank; if that is
        one too, the largest of the rank. `held`: subarrays of the rows that the banks of the preceding command had or
        last had open then, -1 before the first.
        """
        own = self.banks_of(*preceding)
        banks = self.banks_of(*following) if is_rank_command(preceding[0]) else own
        if edge.rows is None or not held:
            return int(edge.cycles[banks.start : banks.stop : banks.step].max())
        subarrays = dict(zip(own, held, strict=True))
        return max(
            int(edge.rows[bank, subarrays[bank]] if subarrays.get(bank, -1) >= 0 else edge.cycles[bank])
            for bank in banks
        )

    def words(self, command: int, target: int) -> str:
        """A place in words: "rank 0, bank group 1, bank 2" or "rank 0"."""
        bank, whole_rank, words = self.banks_of(command, target)[0], is_rank_command(command), []
        for level, span in list(self.layout.spans.items())[1:]:
            size = self.layout.fan_out[level]
            if command == REFSB and level == "BankGroup":
                continue
            named = level in ("Rank", "BankGroup", "Bank") or size > 1
            if named and not (whole_rank and span < self.banks_per_rank):
                words.append(f"{WORDS[level]} {bank // span % size}")
        return ", ".join(words)
