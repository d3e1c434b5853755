"""Operating points to choose from: VDD, tRCD and tRP together, each with what fails there and what it saves.

The paper lowers one knob at a time (Koppula et al., MICRO 2019, Table 3). Here points are the product of the values of
all knobs. What fails at a point, in each part of the memory, is what the chip's laws say of its banks: knobs that were
measured one by one act independently, and the basis says "extrapolated" then. A knob without a law stays nominal; laws
nobody measured need `experimental`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edensim.approx import Chip, Setting
from edensim.errors import ConfigError
from edensim.memory.operating_state import Nominal

NOMINAL = "nominal"


def cost(goal: str, energy: float, time: float) -> float:
    """What a goal wants little of: energy, time, or their product "edp".

    Raises
    ------
    ConfigError
        If the goal is none of these.
    """
    costs = {"energy": energy, "time": time, "edp": energy * time}
    if goal not in costs:
        raise ConfigError(f"goal = {goal!r}: expected energy, time or edp")
    return costs[goal]


@dataclass(frozen=True)
class Choice:
    """An operating point on offer.

    Attributes
    ----------
    vdd, tRCD_ns, tRP_ns : float
        V and ns.
    ber : float
        Expected bit error rate there.
    basis : str
        How well founded: "nominal", "measured", "scaled", "extrapolated".
    energy, time : float
        DRAM energy and time of the workload, relative to nominal.
    """

    vdd: float
    tRCD_ns: float
    tRP_ns: float
    ber: float
    basis: str
    energy: float = 1.0
    time: float = 1.0

    @property
    def name(self) -> str:
        """E.g. "1.08 V, tRCD 11.5 ns"."""
        return f"{self.vdd:.4g} V, tRCD {self.tRCD_ns:.4g} ns, tRP {self.tRP_ns:.4g} ns"


def offered(
    chip: Chip,
    nominal: Nominal,
    banks: int,
    vdd: Sequence[float] = (),
    tRCD_ns: Sequence[float] = (),
    tRP_ns: Sequence[float] = (),
    experimental: bool = False,
) -> list[Choice]:
    """All combinations of the values (nominal is always among them), the nominal point first.

    Raises
    ------
    ConfigError
        If the chip has no law for a knob that is lowered.
    """
    values = [
        sorted({base, *given}, reverse=True)
        for base, given in ((nominal.vdd, vdd), (nominal.tRCD_ns, tRCD_ns), (nominal.tRP_ns, tRP_ns))
    ]
    found, problems = [], []
    for v in values[0]:
        for rcd in values[1]:
            for rp in values[2]:
                try:
                    known = chip.reliability(
                        Setting(v, rcd, nominal.tRAS_ns, rp), nominal, banks, experimental=experimental
                    )
                except ConfigError as error:
                    problems += [x for x in error.problems if x not in problems]
                    continue
                found.append(Choice(v, rcd, rp, known.ber, known.basis))
    if problems:
        raise ConfigError(problems[:3])
    is_nominal = [c for c in found if (c.vdd, c.tRCD_ns, c.tRP_ns) == (nominal.vdd, nominal.tRCD_ns, nominal.tRP_ns)]
    return [replace(is_nominal[0], basis=NOMINAL), *(c for c in found if c not in is_nominal)]


def in_parts(
    choices: Sequence[Choice], chip: Chip, nominal: Nominal, shares: NDArray[np.float64], experimental: bool = False
) -> list[list[Choice]]:
    """The choices as each part of the memory meets them: banks of a chip fail more or less often.

    Parameters
    ----------
    choices : sequence of Choice
        Of the whole memory, from `offered`.
    shares : array, shape (parts, banks of a rank)
        Share of a part's bytes that lies in each bank; a row of zeros is a part without bytes, which keeps the mean.
    """
    banks = shares.shape[1]
    parts: list[list[Choice]] = [[] for _ in shares]
    for choice in choices:
        setting = Setting(choice.vdd, choice.tRCD_ns, nominal.tRAS_ns, choice.tRP_ns)
        known = chip.reliability(setting, nominal, banks, experimental=experimental)
        by_bank = np.resize(known.ber_by_bank(), banks)
        for part, share in zip(parts, shares, strict=True):
            part.append(replace(choice, ber=float(share @ by_bank)) if share.any() else choice)
    return parts


def pareto(choices: Iterable[Choice]) -> list[Choice]:
    """Those that no other beats in error rate, energy and time at once; by error rate, the nominal one included."""
    rows = sorted(choices, key=lambda c: (c.ber, c.energy, c.time))
    front: list[Choice] = []
    for c in rows:
        if not any(f.energy <= c.energy and f.time <= c.time for f in front):
            front.append(c)
    return front


def best_within(choices: Iterable[Choice], ber: float, goal: str = "energy") -> Choice:
    """The choice of least energy (or time, or their product "edp") whose error rate is within `ber`.

    Raises
    ------
    ConfigError
        If there is none (give a point without errors).
    """
    fit = [c for c in choices if c.ber <= ber]
    if not fit:
        raise ConfigError(f"no operating point has a bit error rate within {ber:.3g}")
    return min(fit, key=lambda c: (cost(goal, c.energy, c.time), c.ber))
