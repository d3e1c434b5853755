"""A cell law: what the injector needs to know of a device at one operating point, whoever it comes from.

Definition. A device is a seed. Its cells fail by two independent draws:

1. *Which cells are weak* is fixed for a device. Every row has a level (`row_level`), every bitline of a subarray a
   class; a cell of a row of level a on a bitline of class b is weak with probability `weak_share[a, b]`, independently
   of the others. A weak cell has a kind, each kind being equally likely.
2. *Whether a weak cell fails* is drawn anew at every access: with probability `fail_one[a, b, kind]` if it stores a 1,
   `fail_zero[a, b, kind]` if it stores a 0. A failing cell reads the opposite of what it stores, or, if `previous_row`
   is set, what the row that was open before holds on the same bitline (precharge failures).

Weak cells are not stored. They are the first points of an endless stream of uniform bitlines that belongs to (seed,
row, class): K points, K being Poisson distributed with mean -n ln(1 - weak_share) for a class of n bitlines. A bitline
is then in the set with probability `weak_share`, independently of all others. K follows by inversion from one number
per (row, class), so with a larger share the same cells are weak, and some more: raising a share never heals a cell.

The class of a bitline is a function of (seed, channel, bank, subarray, bitline): a keyed permutation of the bitlines of
a subarray gives each a rank, and classes are ranges of ranks, so every subarray holds exactly the stated share of each.

Weak cells may come in units of `unit_bits` neighbouring bits (a cache line, where only failing lines were counted). A
"bitline" above is then such a unit; a weak unit holds `cells_per_unit` weak cells at hashed places, which have one kind
and one draw per access in common.

Components: what differs from bank to bank, subarray to subarray or row to row is in the levels, from bitline to bitline
in the classes, from cell to cell in the points.

A law all of whose cells are weak in one kind (`fresh`) has no weak cells to speak of: its errors are independent from
access to access.

Errors are transient: a read returns wrong bits, the array keeps the right ones. That a failing activation also writes
them back is not modelled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edensim.approx.rows import Rows
from edensim.errors import ConfigError
from edensim.memory.geometry import is_power_of_two

Floats = NDArray[np.float64]
RowLevel = Callable[[Rows, int], NDArray[np.int64]]
TOLERANCE = 1e-9


class Chips(NamedTuple):
    """Some chips of a rank: bits of a chip in a transfer, chips of the rank, and which of them are meant.

    Bit b of a row lies on chip b // width_bits % devices (`edensim.memory.bit_place`).
    """

    width_bits: int
    devices: int
    chosen: tuple[int, ...]


MOST_CHIPS = 63
"""Kernels hold the chips that are meant in one signed word."""


def one_level(rows: Rows, seed: int) -> NDArray[np.int64]:
    """All rows are alike."""
    return np.zeros(rows.row.shape, np.int64)


@dataclass(frozen=True, eq=False)
class CellLaw:
    """Weak cells and their failures; see the module docstring.

    Parameters
    ----------
    weak_share : float array, shape (levels, classes)
        Probability that a cell is weak, 0 … 1.
    fail_one, fail_zero : float arrays, shape (levels, classes, kinds)
        Probability that a weak cell that stores 1, or 0, fails in one access, 0 … 1.
    class_share : float array, shape (classes,), optional
        Share of the bitlines in each class, sums to 1 (default: one class).
    row_level : callable (rows: Rows, seed: int) -> int64 array, optional
        Level of each row (default: all 0). It must depend on nothing but the place of a row and the seed.
    level_share : float array, shape (levels,), optional
        Share of the rows in each level, for expected rates (default: equal shares).
    bitline_class : int array, shape (row bits / unit_bits,), optional
        Class of every bit (unit) of a row, in all subarrays alike, in place of `class_share` (a measured device).
    previous_row : bool
        Failing cells read the row that was open before.
    unit_bits, cells_per_unit : int
        Bits of a unit, a power of two, and weak cells in a weak unit.
    chips : Chips, optional
        Chips of the rank whose cells fail (default: all). Unless the law is `fresh`, what fails there is what would
        fail if all were meant.
    stream : str
        Name that enters all keys: laws of one device that share a stream have weak cells in the same places.

    Raises
    ------
    ConfigError
        If shapes disagree, or a number is NaN or outside 0 … 1.
    """

    weak_share: Floats
    fail_one: Floats
    fail_zero: Floats
    class_share: Floats = field(default_factory=lambda: np.ones(1))
    row_level: RowLevel = one_level
    level_share: Floats = field(default_factory=lambda: np.zeros(0))
    bitline_class: NDArray[np.int64] | None = None
    previous_row: bool = False
    unit_bits: int = 1
    cells_per_unit: int = 1
    chips: Chips | None = None
    stream: str = ""

    def __post_init__(self) -> None:
        levels, classes = check_shares("weak_share", self.weak_share, 2).shape
        for name in ("fail_one", "fail_zero"):
            found = check_shares(name, getattr(self, name), 3).shape
            if found[:2] != (levels, classes) or found != np.shape(self.fail_one):
                raise ConfigError(f"{name} has shape {found}; expected ({levels}, {classes}, kinds)")
        if self.bitline_class is not None:
            members = np.asarray(self.bitline_class, np.int64)
            if members.ndim != 1 or not members.size or members.min() < 0 or members.max() >= classes:
                raise ConfigError(f"bitline_class: expected the class, 0 … {classes - 1}, of every bit of a row")
            object.__setattr__(self, "class_share", np.bincount(members, minlength=classes) / members.size)
            object.__setattr__(self, "bitline_class", members)
        if not is_power_of_two(self.unit_bits) or not 1 <= self.cells_per_unit <= self.unit_bits:
            raise ConfigError(
                f"unit_bits = {self.unit_bits}, cells_per_unit = {self.cells_per_unit}: expected a power of two, and a "
                "number from 1 to it"
            )
        if self.chips is not None and not (
            0 < self.chips.devices <= MOST_CHIPS
            and self.chips.width_bits > 0
            and set(self.chips.chosen) <= set(range(self.chips.devices))
        ):
            raise ConfigError(f"chips = {self.chips}: expected 1 … {MOST_CHIPS} chips, and indices of some of them")
        if not len(self.level_share):
            object.__setattr__(self, "level_share", np.full(levels, 1 / levels))
        for name, count in (("class_share", classes), ("level_share", levels)):
            given = getattr(self, name)
            share = check_shares(name, given, 1)
            if share.shape != (count,) or abs(share.sum() - 1) > TOLERANCE:
                raise ConfigError(f"{name} = {given}: expected {count} shares that sum to 1")
        for name in ("weak_share", "fail_one", "fail_zero", "class_share", "level_share"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), np.float64))

    @property
    def fresh(self) -> bool:
        """Whether errors of different accesses are independent: every cell is weak, in one kind."""
        return bool((self.weak_share == 1).all()) and self.fail_one.shape[2] == 1

    @property
    def symmetric(self) -> bool:
        """Whether failures do not depend on what is stored."""
        return not self.previous_row and bool((self.fail_one == self.fail_zero).all())

    @property
    def chip_share(self) -> float:
        """Share of the cells that lie on the chips meant."""
        return 1.0 if self.chips is None else len(set(self.chips.chosen)) / self.chips.devices

    def weak_probability(self) -> float:
        """Expected share of weak cells over all rows."""
        share = float(self.level_share @ self.weak_share @ self.class_share)
        return share * self.cells_per_unit / self.unit_bits * self.chip_share

    def flip_probability(self, ones: float = 0.5) -> float:
        """Expected bit error rate over all rows, for data with a share `ones` of ones.

        With `previous_row` set: for a previous row that differs in every bit (a random one gives half of it).
        """
        fail = (ones * self.fail_one + (1 - ones) * self.fail_zero).mean(axis=2)
        rate = float(self.level_share @ (self.weak_share * fail) @ self.class_share)
        return rate * self.cells_per_unit / self.unit_bits * self.chip_share


def check_shares(name: str, value: ArrayLike, dimensions: int) -> NDArray[Any]:
    """The value as float64 array of so many dimensions.

    Raises
    ------
    ConfigError
        If it has another shape, or holds NaN or numbers outside 0 … 1.
    """
    try:
        found = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise ConfigError(f"{name} = {value!r}: expected numbers from 0 to 1") from None
    if found.ndim != dimensions or not found.size:
        raise ConfigError(f"{name} has shape {found.shape}; expected {dimensions} dimensions, none of them empty")
    wrong = found[~((found >= 0) & (found <= 1))]
    if wrong.size:
        raise ConfigError(f"{name} = {wrong.flat[0]:g}: expected a share or probability from 0 to 1")
    return found
