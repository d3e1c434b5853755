"""Which layers' outputs a value is made of, followed through sums and concatenations.

The operand of a sum that is computed last adds the others to itself, so its output holds the sum, and a long chain of
residual blocks reads two tensors per block, not all of its predecessors. Not modelled: when a tensor dies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """`reads`: layers whose outputs a reader of the value reads. `holds`: those that hold it after a first reading."""

    reads: tuple[str, ...]
    holds: tuple[str, ...]


class Dataflow:
    """Follows origins; remembers the order of layers, and which sums some layer has read (those lie added up)."""

    def __init__(self) -> None:
        self._added_up: set[tuple[str, ...]] = set()
        self._order: dict[str, int] = {"input": -1}

    def output(self, layer: str) -> Origin:
        """Output of the next layer in order (or of the network's input)."""
        self._order.setdefault(layer, len(self._order) - 1)
        return Origin((layer,), (layer,))

    def position(self, origin: Origin) -> int:
        """Index of the last layer that holds a part of `origin`; -1 if only the network's input does."""
        return max(self._order[name] for name in origin.holds)

    def read(self, origin: Origin) -> tuple[str, ...]:
        """Names a layer that reads `origin` must list as its inputs."""
        self._added_up.add(origin.reads)
        return origin.reads

    def add(self, *terms: Origin, broadcast: Sequence[Origin] = ()) -> Origin:
        """Element-wise sum (or product) of `terms`, held by the one computed last; `broadcast` terms are smaller."""
        first = max(terms, key=self.position)
        rest = [self._now(x) for x in (*terms, *broadcast) if x is not first]
        return Origin(_unique([first.reads, *rest]), first.holds)

    def join(self, *parts: Origin) -> Origin:
        """Concatenation, or any other operation that reads all `parts` and computes nothing worth a layer."""
        if len(parts) == 1:
            return parts[0]
        return Origin(_unique([self._now(x) for x in parts]), _unique([x.holds for x in parts]))

    def _now(self, origin: Origin) -> tuple[str, ...]:
        return origin.holds if origin.reads in self._added_up else origin.reads


def _unique(groups: list[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in groups for name in group))
