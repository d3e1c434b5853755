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

Rails that do not follow VDD (pumps, pads, LPDDR's second supply) have voltages of their own (`energy.rails`): the whole
rail goes with the square, or linearly with `drampower`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from edensim.config import schema
from edensim.errors import ConfigError, did_you_mean, perhaps

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

    def own_factor(self, relative: float) -> float:
        """Factor on all that a rail with a voltage of its own supplies, at `relative` = V / nominal, > 0."""
        return relative if self.model == "drampower" else relative**2


def check_supply(name: str, volt: float, nominal_v: float) -> None:
    """Raise `ConfigError` for a voltage that no device survives: <= 0 V, or above 1.2 times nominal."""
    if 0 < volt <= 1.2 * nominal_v:
        return
    hint = perhaps(f"{volt / 1000:g} V") if 0 < volt / 1000 <= 1.2 * nominal_v else ""
    raise ConfigError(
        f"{name} = {volt:g} V: expected more than 0 and at most {1.2 * nominal_v:g} V "
        f"(1.2 times the nominal {nominal_v:g} V){hint}"
    )


def own_supplies(
    device: str, nominal: Mapping[str, float], follows: str, given: Mapping[str, float]
) -> dict[str, float]:
    """Voltages of `energy.rails`, by rail of a device.

    Parameters
    ----------
    device : str
        Its name, for messages.
    nominal : mapping of str to float
        Nominal voltage of every rail, the data pins' included, in V.
    follows : str
        The rail that follows VDD, whose voltage belongs to the operating point.
    given : mapping of str to float
        Rail, capitals or not -> V.

    Raises
    ------
    ConfigError
        A rail that the device lacks or that follows VDD, an impossible voltage; all at once.
    """
    known, out, problems = {name.upper(): name for name in nominal}, {}, []
    for name, volt in given.items():
        rail = known.get(name.upper())
        where = f"energy.rails.{name}"
        if rail is None:
            near = did_you_mean(name.upper(), known, f"known are {', '.join(known)}")
            problems.append(f"{where}: {device} has no such supply{near}")
        elif rail == follows:
            problems.append(f"{where}: {rail} is the rail that follows VDD; set operating_point.vdd = {volt:g} instead")
        else:
            try:
                check_supply(where, volt, nominal[rail])
            except ConfigError as error:
                problems += error.problems
            out[rail] = volt
    if problems:
        raise ConfigError(problems)
    return out
