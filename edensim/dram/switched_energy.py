"""Energy of a run whose operating point changed: every part at its own supplies, by the formulas of `energy`.

What is a property of the memory and the data alone (currents, costs of the interface, factors of the data) is that of
one part. A refresh belongs to the part in which it begins.
"""

from __future__ import annotations

from collections.abc import Sequence

from edensim.config import schema
from edensim.dram.controller import DramSystem
from edensim.dram.counters import Counters, PhasedCounters
from edensim.dram.data_dependence import Moved
from edensim.dram.energy import EnergyBreakdown, EnergyModel, Supplies
from edensim.dram.switching import SwitchedSystem
from edensim.dram.timing import TimingSet


class SwitchedEnergy(EnergyModel):
    """Prices `PhasedCounters`, part by part; other counters as if nothing had been switched.

    Parameters
    ----------
    states : sequence of Supplies
        One per part; the other parameters are those of `EnergyModel`.
    """

    def __init__(
        self,
        dram: schema.Dram,
        states: Sequence[Supplies],
        energy: schema.Energy,
        timing: TimingSet,
        moved: Moved | None = None,
    ) -> None:
        super().__init__(dram, states[0], energy, timing, moved)
        self.later = [EnergyModel(dram, state, energy, timing, moved) for state in states[1:]]

    def parts(self, counters: PhasedCounters) -> list[EnergyBreakdown]:
        """Energy of every part."""
        first, *rest = counters.phases
        return [super().price(first), *(model.price(n) for model, n in zip(self.later, rest, strict=True))]

    def price(self, counters: Counters) -> EnergyBreakdown:
        """Energy of what was counted."""
        if not isinstance(counters, PhasedCounters):
            return super().price(counters)
        total, *rest = self.parts(counters)
        for part in rest:
            total = total + part
        return total


def energy_of(system: DramSystem, energy: schema.Energy, moved: Moved | None = None) -> EnergyModel:
    """Prices of a memory at what it runs at, switches included."""
    if isinstance(system, SwitchedSystem):
        states = [phase.state for phase in system.phases]
        return SwitchedEnergy(system.dram, states, energy, system.timing, moved)
    return EnergyModel(system.dram, system.state, energy, system.timing, moved)
