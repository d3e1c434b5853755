"""A loop nest as a sequence of units, and the touches they make.

A unit is a kernel with its arguments; it appends its touches to a buffer. Units keep the buffer small, so that touches
stay in the processor's own cache between the nest and the caches it drives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from edensim.machines.cpu.cache import Words

UNIT_TOUCHES = 1 << 16
"""About as many touches a unit should make; longer ones only cost memory."""


@dataclass(frozen=True)
class Unit:
    """Part of a nest: `kernel(out, n, *arguments)`, which makes about `touches` touches."""

    kernel: Callable[..., int]
    arguments: tuple[Any, ...]
    touches: int = UNIT_TOUCHES


@dataclass(frozen=True)
class Repeat:
    """An outermost loop whose iterations differ only in where they read and write.

    `body(i)` are the units of iteration i. `thin(a, b)` are iterations a to b without what all iterations read: the
    same instructions, and every line that is theirs alone; `own_lines` counts those of one iteration, `lines` all that
    it reads and writes.
    """

    count: int
    body: Callable[[int], Iterable[Unit]]
    thin: Callable[[int, int], Iterable[Unit]]
    own_lines: int
    lines: int


Part = Unit | Repeat


def flat(parts: Iterable[Part]) -> Iterator[Unit]:
    """All units, loops written out."""
    for part in parts:
        if isinstance(part, Repeat):
            for i in range(part.count):
                yield from part.body(i)
        else:
            yield part


@dataclass(frozen=True)
class Operand:
    """A matrix in memory: byte address, leading dimension (values), number of the array in touches."""

    address: int
    leading: int
    stream: int


def touches(units: Iterable[Unit]) -> Iterator[Words]:
    """Touches of all units in order, in pieces that stay valid until the next."""
    buffer = np.zeros(2 * UNIT_TOUCHES, np.uint64)
    n = 0
    for unit in units:
        if n and n + unit.touches > UNIT_TOUCHES:
            yield buffer[:n]
            n = 0
        end = unit.kernel(buffer, n, *unit.arguments)
        if end > len(buffer):  # it only counted what did not fit
            kept, buffer = buffer[:n], np.zeros(2 * end, np.uint64)
            buffer[:n] = kept
            end = unit.kernel(buffer, n, *unit.arguments)
        n = end
    if n:
        yield buffer[:n]


def split(begin: int, end: int, touches_each: int) -> Iterator[tuple[int, int]]:
    """Ranges of a loop of which every iteration makes about `touches_each` touches, one unit each."""
    step = max(1, UNIT_TOUCHES // max(1, touches_each))
    for first in range(begin, end, step):
        yield first, min(end, first + step)
