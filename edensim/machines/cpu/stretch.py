"""The stream that leaves the caches, cut into stretches; a stretch may stand for many that are alike.

With sampling, a long outermost loop runs a few iterations to warm up, then blocks of iterations until two in a row miss
the caches alike. One iteration is a block if it renews all caches but the last, and so finds them as the one before has
left them; loops that read less take more. What follows depends on what all iterations read:

* It does not fit into the last cache. Then every iteration fetches it again, and the second block and a few behind it
  share those that follow but the last iterations: they are several, because how often rows of memory conflict depends
  on where an iteration writes.
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
    """How loops are sampled: `block` is the most iterations of a block, and of all blocks that stand for others.

    Two blocks are alike if reads of every level (and what leaves the last one, if memory is read again and again)
    differ per iteration by at most `tolerance`, or by `slack` lines in all.
    """

    block: int = 3
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
        loop = _Loop(caches, part, sampling) if sampling is not None and isinstance(part, Repeat) else None
        if loop is None or not loop.is_long:
            waiting.append(flat([part]))
            continue
        waiting.append(loop.first())
        yield Stretch(drive(caches, _chain(waiting)))
        while loop.goes_on:
            yield loop.block()
        yield from loop.others()
        waiting = [loop.rest()]
    if waiting:
        yield Stretch(drive(caches, _chain(waiting)))


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
    done: int = 0
    settled: bool = False
    thin_until: int = 0
    shares: list[int] = field(default_factory=list)
    skipped: int = 0
    before: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        *inner, self.last_lines = (level.size_bytes // level.line_bytes for level in self.caches.levels)
        self.size = min(self.sampling.block, -(-max(1, sum(inner)) // self.part.lines))
        self.ends = -(-self.size // 2)  # iterations before the first block, and behind those that others stand for

    @property
    def is_long(self) -> bool:
        """Whether anything can be spared."""
        return self.part.count >= 2 * self.ends + 3 * self.size

    @property
    def goes_on(self) -> bool:
        """Whether another block should run (and could spare some iterations)."""
        return not self.settled and self.part.count - self.done - self.ends >= 2 * self.size

    def first(self) -> Iterator[Unit]:
        """Iterations that warm the caches up."""
        self.done = self.ends
        yield from _iterations(self.part, 0, self.ends)

    def block(self) -> Stretch:
        """The next iterations; when they have run, it is known what they stand for."""
        first, self.done = self.done, self.done + self.size
        stretch = Stretch(iter(()))

        def records() -> Iterator[Words]:
            start = self._counts()
            yield from drive(self.caches, _iterations(self.part, first, self.done))
            now = [(b - a) / self.size for a, b in zip(start, self._counts(), strict=True)]
            *_, misses, reached, _ = now
            spills = misses - self.part.own_lines > max(self.sampling.slack / self.size, 0.05 * reached)
            if self.before and self._is_alike(now, spills):
                self._settle(stretch, spills)
            self.before = now

        stretch.records = records()
        return stretch

    def others(self) -> Iterator[Stretch]:
        """Blocks behind the one that settled the loop, which share with it what they stand for."""
        for share in self.shares:
            first, self.done = self.done, self.done + self.size
            yield Stretch(drive(self.caches, _iterations(self.part, first, self.done)), share)
        self.done += self.skipped

    def rest(self) -> Iterator[Unit]:
        """The iterations that no block stands for."""
        whole_again = max(1, self.last_lines // 8 // max(1, self.part.own_lines))
        while self.done < self.thin_until:
            upto = min(self.thin_until, self.done + whole_again)
            yield from self.part.thin(self.done, upto)
            if upto < self.thin_until:
                yield from self.part.body(upto)
                upto += 1
            self.done = upto
        yield from _iterations(self.part, self.done, self.part.count)

    def _counts(self) -> list[int]:
        """Reads that missed each level, reads that reached the last one, and what left it."""
        counts = self.caches.counts()
        return [*(c["read_misses"] for c in counts), counts[-1]["reads"], counts[-1]["write_backs"]]

    def _is_alike(self, now: list[float], spills: bool) -> bool:
        s = self.sampling
        pairs = zip(self.before, now, strict=True)
        *reads, written = (abs(x - y) <= max(s.slack / self.size, s.tolerance * max(x, y)) for x, y in pairs)
        return all(reads) and (written or not spills)

    def _settle(self, stretch: Stretch, spills: bool) -> None:
        self.settled = True
        end = self.part.count - self.ends
        if not spills:
            self.thin_until = end
            return
        blocks = (end - self.done) // self.size + 1
        run = min(blocks, -(-self.sampling.block // self.size))
        stretch.weight, *self.shares = (blocks * (k + 1) // run - blocks * k // run for k in range(run))
        stretch.alike = True
        self.skipped = (blocks - run) * self.size
