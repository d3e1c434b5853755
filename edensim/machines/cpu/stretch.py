"""The stream that leaves the caches, cut into stretches; a stretch may stand for many that are alike.

With sampling, a long outermost loop runs a few iterations to warm up, then blocks of iterations until two in a row miss
the caches alike; the second block then stands for all that follow but the last iterations. What the skipped iterations
would have written enters the caches without leaving records. Loops that do not settle run to their end.
Not modelled with sampling: differences between iterations that the counts of two blocks do not show.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from edensim.machines.cpu.cache import Caches, Words
from edensim.machines.cpu.nest import Part, Repeat, Unit, flat, touches


@dataclass(frozen=True)
class Sampling:
    """How loops are sampled: iterations before, per block (more if they do not settle) and behind.

    Two blocks are alike if reads and write-backs of every level differ by at most `tolerance`, or `slack` lines.
    """

    warm: int = 2
    block: int = 4
    last: int = 2
    tolerance: float = 0.02
    slack: int = 64


@dataclass
class Stretch:
    """Records to run in one go (an iterator to be used up); only then is known how many stretches they stand for."""

    records: Iterator[Words]
    weight: int = 1
    alike: bool = False
    """Compared with the stretch before and found alike."""


def drive(caches: Caches, units: Iterable[Unit]) -> Iterator[Words]:
    """What leaves the caches while units run."""
    for words in touches(units):
        yield from caches.drive(words)


def stretches(caches: Caches, parts: Iterable[Part], sampling: Sampling | None = None) -> Iterator[Stretch]:
    """Stretches of a program, in order. Each must be used up before the next is asked for."""
    waiting: list[Iterable[Unit]] = []
    for part in parts:
        if sampling is None or not isinstance(part, Repeat) or part.count < _fewest(sampling):
            waiting.append(flat([part]))
            continue
        waiting.append(_iterations(part, 0, sampling.warm))
        yield Stretch(drive(caches, _chain(waiting)))
        loop = _Loop(caches, part, sampling, sampling.warm)
        while loop.goes_on:
            yield loop.block()
        waiting = [_iterations(part, loop.done, part.count)]
    if waiting:
        yield Stretch(drive(caches, _chain(waiting)))


def _fewest(sampling: Sampling) -> int:
    """Iterations below which nothing can be skipped."""
    return sampling.warm + 3 * sampling.block + sampling.last


def _chain(units: Iterable[Iterable[Unit]]) -> Iterator[Unit]:
    for some in units:
        yield from some


def _iterations(loop: Repeat, first: int, last: int) -> Iterator[Unit]:
    for i in range(first, last):
        yield from loop.body(i)


@dataclass
class _Loop:
    caches: Caches
    part: Repeat
    sampling: Sampling
    done: int
    settled: bool = False
    before: list[int] = field(default_factory=list)

    @property
    def goes_on(self) -> bool:
        """Whether another block should run (and could spare some iterations)."""
        return not self.settled and self.part.count - self.done - self.sampling.last >= 2 * self.sampling.block

    def block(self) -> Stretch:
        first, self.done = self.done, self.done + self.sampling.block
        stretch = Stretch(iter(()))

        def records() -> Iterator[Words]:
            start = self._counts()
            yield from drive(self.caches, _iterations(self.part, first, self.done))
            now = [b - a for a, b in zip(start, self._counts(), strict=True)]
            stretch.alike = self.settled = bool(self.before) and self._alike(self.before, now)
            if self.settled:
                skipped = (self.part.count - self.done - self.sampling.last) // self.sampling.block
                stretch.weight += skipped
                self._skip(skipped * self.sampling.block)
            self.before = now

        stretch.records = records()
        return stretch

    def _counts(self) -> list[int]:
        return [level[name] for level in self.caches.counts() for name in ("read_misses", "write_backs")]

    def _alike(self, a: list[int], b: list[int]) -> bool:
        s = self.sampling
        return all(abs(x - y) <= max(s.slack, s.tolerance * max(x, y)) for x, y in zip(a, b, strict=True))

    def _skip(self, iterations: int) -> None:
        written = self.part.written(self.done, self.done + iterations)
        self.done += iterations
        for _ in drive(self.caches, written):
            pass
