"""How the energy of a component depends on the voltage of its rail.

With s = V / nominal, E(V) = E(nominal) [a s^p + (1 - a) s^q]; a is the share of the component that the memory array
draws. All models agree at s = 1.

============== ================================= ==================================================================
`quadratic`    s^2                               charge follows the rail: real HBM stacks inside their guard band
                                                 (Larimi et al., DATE 2021: 1.5 times less power at 0.98 V of 1.20 V,
                                                 at every load), Micron's calculators
`drampower`    s                                 currents do not depend on voltage (DRAMPower, DRAMsim3, ramulator2)
`array_only`   a s^2 + (1 - a)                   only the array's supply is lowered, periphery keeps its own (Voltron,
                                                 SIGMETRICS 2017)
`regulated`    a s + (1 - a) s^2                 an on-die regulator keeps the bitline voltage (its current flows from
                                                 the rail), the periphery follows the rail
============== ================================= ==================================================================

The array's share is 1 for activation, precharge and refresh; of the column path and of background nobody has published
it, so these are keys (`energy.array_share_column`, `energy.array_share_background`). Leakage, whose dependence is
steeper, and the lower switching activity of failing cells (below the guard band HBM saves 13 to 15 % more than the
square) are not modelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from edensim.config import schema

VoltageModel = Literal["quadratic", "drampower", "array_only", "regulated"]
Kind = Literal["array", "column", "background"]
POWERS: dict[str, tuple[int, int]] = {
    "quadratic": (2, 2),
    "drampower": (1, 1),
    "array_only": (2, 0),
    "regulated": (1, 2),
}
"""(p, q): powers of the array's share and of the rest."""
Scale = TypeVar("Scale", float, NDArray[np.float64])


@dataclass(frozen=True)
class VoltageScaling:
    """A voltage model with its shares.

    Attributes
    ----------
    model : str
        One of `POWERS`.
    column, background : float
        The array's share of column commands and of background, in [0, 1].
    """

    model: str = "quadratic"
    column: float = 0.3
    background: float = 0.3

    @classmethod
    def of(cls, energy: schema.Energy) -> VoltageScaling:
        """As the configuration says."""
        return cls(energy.voltage_model, energy.array_share_column, energy.array_share_background)

    def factor(self, kind: Kind, relative: Scale) -> Scale:
        """Factor on the energy of a kind of component at `relative` = V / nominal, > 0."""
        p, q = POWERS[self.model]
        if p == q:
            return relative**p
        a = {"array": 1.0, "column": self.column, "background": self.background}[kind]
        return a * relative**p + (1 - a) * relative**q
