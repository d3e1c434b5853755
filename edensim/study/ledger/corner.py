"""What the paper leaves open, as choices with a default; `--band` runs every combination that matters to an item.

============== ==================================== ===============================================================
axis           values (default first)               what is open
============== ==================================== ===============================================================
delta          relative, absolute                   Table 3 belongs to 1.35 V and 12.5 ns; other memories run at others
voltage_model  quadratic, array_only, regulated,    which terms of DRAMPower follow the voltage
               drampower
row_policy     open, closed                         whether rows stay open
address_map    shipped, interleaved                 order of row, bank and column
organisation   stated, other                        devices, ranks and channels behind the stated capacity
memory_ns      0, 20                                way from a processor to its memory controller and back
============== ==================================== ===============================================================

Whether thresholds of implausible values belong to a tensor or to a network is open too; it matters to accuracy alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

AXES: dict[str, tuple[Any, ...]] = {
    "delta": ("relative", "absolute"),
    "voltage_model": ("quadratic", "array_only", "regulated", "drampower"),
    "row_policy": ("open", "closed"),
    "address_map": ("shipped", "interleaved"),
    "organisation": ("stated", "other"),
    "memory_ns": (0.0, 20.0),
}


@dataclass(frozen=True)
class Corner:
    """One choice for everything the paper leaves open; the defaults are the documented corner."""

    delta: str = "relative"
    voltage_model: str = "quadratic"
    row_policy: str = "open"
    address_map: str = "shipped"
    organisation: str = "stated"
    memory_ns: float = 0.0

    def departures(self) -> str:
        """What differs from the default corner, in words ("" for nothing)."""
        mine, usual = asdict(self), asdict(DEFAULT)
        return ", ".join(f"{axis} = {mine[axis]}" for axis in AXES if mine[axis] != usual[axis])


DEFAULT = Corner()


def corners(axes: Sequence[str]) -> Iterator[Corner]:
    """All combinations of these axes, the default corner first; the other axes keep their defaults."""
    for values in itertools.product(*(AXES[axis] for axis in axes)):
        yield Corner(**dict(zip(axes, values, strict=True)))
