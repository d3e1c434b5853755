"""The stream that leaves the caches, cut into stretches; a stretch may stand for many that are alike.

With sampling, a long outermost loop runs a few iterations to warm up, then blocks of iterations until two in a row miss
the caches alike. What follows depends on what all iterations read:

* It does not fit into the last cache. Then every iteration fetches it again, and the second block stands for all that
  follow but the last iterations.
* It fits. Then memory sees only the lines that are an iteration's own: iterations run thinned to these, with all their
  instructions; now and then a whole one keeps the common lines from falling out of the caches.

Loops that do not settle run to their end. Not modelled with sampling: hits of thinned iterations in outer caches, and
differences between iterations that the counts of two blocks do not show.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from edensim.machines.cpu.cache import Caches, Words
from edensim.machines.cpu.nest import Part, Repeat, Unit, flat, touches


@dataclass(frozen=True)
class Sampling:
    """How loops are sampled: iterations before, per block (more if they do not settle) and behind.

    Two blocks are alike if reads of every level (and what leaves the last one, if memory is read again and again)
    differ by at most `tolerance`, or `slack` lines.
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
        waiting = [loop.rest()]
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
    thin_until: int = 0
    before: list[int] = field(default_factory=list)

    @property
    def goes_on(self) -> bool:
        """Whether another block should run (and could spare some iterations)."""
        return not self.settled and self.part.count - self.done - self.sampling.last >= 2 * self.sampling.block

    def block(self) -> Stretch:
        """The next iterations; when they have run, it is known what they stand for."""
        first, self.done = self.done, self.done + self.sampling.block
        stretch = Stretch(iter(()))

        def records() -> Iterator[Words]:
            start = self._counts()
            yield from drive(self.caches, _iterations(self.part, first, self.done))
            now = [b - a for a, b in zip(start, self._counts(), strict=True)]
            if self.before:
                self._judge(stretch, self.before, now)
            self.before = now

        stretch.records = records()
        return stretch

    def rest(self) -> Iterator[Unit]:
        """The iterations that no block stands for."""
        whole_again = max(1, self._last_lines // 8 // max(1, self.part.own_lines))
        while self.done < self.thin_until:
            upto = min(self.thin_until, self.done + whole_again)
            yield from self.part.thin(self.done, upto)
            if upto < self.thin_until:
                yield from self.part.body(upto)
                upto += 1
            self.done = upto
        yield from _iterations(self.part, self.done, self.part.count)

    @property
    def _last_lines(self) -> int:
        level = self.caches.levels[-1]
        return level.size_bytes // level.line_bytes

    def _counts(self) -> list[int]:
        """Reads that missed each level, reads that reached the last one, and what left it."""
        counts = self.caches.counts()
        return [*(c["read_misses"] for c in counts), counts[-1]["reads"], counts[-1]["write_backs"]]

    def _judge(self, stretch: Stretch, before: list[int], now: list[int]) -> None:
        s = self.sampling
        alike = [abs(x - y) <= max(s.slack, s.tolerance * max(x, y)) for x, y in zip(before, now, strict=True)]
        *_, misses, reached, _ = now
        spills = misses - s.block * self.part.own_lines > max(s.slack, 0.05 * reached)
        if not all(alike[:-1]) or (spills and not alike[-1]):
            return
        self.settled = True
        end = self.part.count - s.last
        if spills:
            skipped = (end - self.done) // s.block
            stretch.weight += skipped
            stretch.alike = True
            self.done += skipped * s.block
        else:
            self.thin_until = end
