"""Caches of several cores above inclusive ones that they share, against plain Python."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.jit import jit
from edensim.machines.cpu.cache import CacheLevel, Caches, hierarchies, touch_words, unpack
from edensim.machines.cpu.inclusive_kernel import look_up_inclusive, touch_own
from tests.machines.cpu.reference_cache import Entry, ReferenceCaches


class ReferenceCores:
    """Plain caches of cores above plain shared ones, of which each may be inclusive."""

    def __init__(self, own: list[CacheLevel], shared: list[CacheLevel], cores: int) -> None:
        self.cores = [ReferenceCaches(own) for _ in range(cores)]
        self.shared = SharedReference(shared)
        self.written_back: set[int] = set()  # lines that left a core's own caches dirty

    def touch(self, core: int, line: int, write: bool, stream: int) -> None:
        """One access of a core."""
        mine = self.cores[core]
        mine.records.clear()
        mine.touch(line, write, stream)
        for kind, asked, _ in list(mine.records):
            if kind == "write":
                self.written_back.add(asked)
            self.shared.gone.clear()
            self.shared.ask(kind, asked, stream)
            for level, victim in self.shared.gone:  # grows while it is gone through
                copies = [self.remove(c, k, victim.line) for c in self.cores for k in range(len(c.levels))]
                if any(copies) and not victim.dirty:
                    self.shared.write_back(level, victim.line)

    @staticmethod
    def remove(caches: ReferenceCaches, level: int, line: int) -> bool:
        """Take a copy out; whether it was dirty."""
        where = caches.set_of(level, line)
        entry = where.find(line)
        if entry is None:
            return False
        where.remove(entry)
        return entry.dirty


class SharedReference(ReferenceCaches):
    """Notes what leaves inclusive levels."""

    def __init__(self, levels: list[CacheLevel]) -> None:
        super().__init__(levels, 0)
        self.gone: list[tuple[int, Entry]] = []

    def leave(self, level: int, victim: Entry) -> None:
        super().leave(level, victim)
        if self.levels[level].inclusive:
            self.gone.append((level, Entry(victim.line, victim.dirty)))

    def ask(self, kind: str, line: int, stream: int) -> None:
        """A record of a core's own caches."""
        if kind == "write":
            before = self.counts[-1]["write_backs"]
            self.write_back(-1, line)
            if len(self.levels) > 1 or self.counts[-1]["write_backs"] > before:
                self.counts[-1]["write_backs"] -= 1  # it left no level of these
            return
        reached = self.fetch(0, line, False, kind)
        for level in range(min(reached + 1, len(self.levels))):
            if kind != "prefetch" and self.levels[level].prefetcher != "none":
                self.prefetch(level, line, stream)


@jit
def run(hierarchy, group, owners, touches, out):
    """Touches of several cores, in order; returns how many records left the shared caches."""
    n = 0
    for i in range(len(touches)):
        own = hierarchy[owners[i]]
        touch_own(own, touches[i])
        for k in range(own.written):
            look_up_inclusive(hierarchy, group, own.out[k])
            shared = hierarchy[group]
            for j in range(shared.written):
                out[n] = shared.out[j]
                n += 1
    return n


@st.composite
def levels(draw: st.DrawFn, least: int, inclusive: st.SearchStrategy[bool], sets: list[int]) -> list[CacheLevel]:
    """One or two levels of any policy that the reference knows."""
    out = []
    for k in range(draw(st.integers(1, 2))):
        policy = draw(st.sampled_from(["lru", "lru", "plru"]))
        ways = draw(st.sampled_from([1, 2, 4]))
        size = draw(st.sampled_from(sets)) * ways * 64
        prefetcher = draw(st.sampled_from(["none", "none", "stream"]))
        out.append(CacheLevel(size, ways, 64, policy, draw(inclusive), False, prefetcher, 2, 1, f"l{least + k}"))
    return out


WALKS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 60), st.sampled_from([0, 1, 1, 2]), st.booleans(), st.integers(1, 8)),
    min_size=1,
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(
    own=levels(1, st.just(False), [1, 2, 4]), shared=levels(3, st.sampled_from([True, True, False]), [1, 2, 4, 8]),
    walk=WALKS,
)  # fmt: skip
def test_cores_above_inclusive_caches(own: list[CacheLevel], shared: list[CacheLevel], walk: list) -> None:
    """Everything that leaves, and the dirty state of every copy, for three cores that touch the same lines."""
    reference, expected = ReferenceCores(own, shared, 3), []
    owners, lines, writes = [], [], []
    for core, start, step, write, count in walk:
        for k in range(count):
            owners.append(core)
            lines.append(start + k * step)
            writes.append(write)
            reference.shared.records.clear()
            reference.touch(core, lines[-1], write, 1)
            expected += reference.shared.records
    groups = [Caches(shared, emit_level=0), *(Caches(own) for _ in range(3))]
    for mine in groups[1:]:
        mine.put_above(0, groups[0])
    state = hierarchies(groups)
    out = np.zeros(100_000, np.uint64)
    words = touch_words(np.array(lines), np.array(writes), 1, 1)
    n = run(state, 0, np.array(owners) + 1, words, out)
    r = unpack(out[:n])
    got = []
    for k in range(n):
        kind = "write" if r.write[k] else "prefetch" if r.prefetch[k] else "store" if r.store[k] else "load"
        got.append((kind, int(r.line[k]), int(r.level[k])))
    assert got == expected
    for k, mine in enumerate(reference.cores):
        for h, theirs in zip(state[k + 1]["levels"], mine.counts, strict=False):
            assert int(h["read_misses"]) == theirs["read_misses"]
    for k in range(len(shared)):
        if shared[k].inclusive:
            below = {e.line for s in reference.shared.sets[k] for e in s.entries if e}
            above = {e.line for c in reference.cores for where in c.sets for s in where for e in s.entries if e}
            # A line that one access drives out of both a core's cache and a shared level comes back to the first alone.
            assert above - below <= reference.written_back or any(level.prefetcher != "none" for level in own)
