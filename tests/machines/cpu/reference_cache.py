"""A slow, plain cache hierarchy that the kernel is compared with: sets are lists of entries, newest first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Entry:
    """One cached line."""

    line: int
    dirty: bool = False
    prefetched: bool = False


@dataclass
class Tree:
    """A binary tree of sides over the ways, as nested lists [side, left, right]; leaves are way numbers."""

    root: Any

    @staticmethod
    def over(ways: list[int]) -> Any:
        """A tree whose sides all point left."""
        if len(ways) == 1:
            return ways[0]
        half = len(ways) // 2
        return [0, Tree.over(ways[:half]), Tree.over(ways[half:])]

    def victim(self) -> int:
        """Follow the sides down."""
        node = self.root
        while isinstance(node, list):
            node = node[1 + node[0]]
        return node

    def use(self, way: int) -> None:
        """Turn every side on the way to `way` away from it."""

        def visit(node: Any) -> bool:
            if not isinstance(node, list):
                return node == way
            for side in (0, 1):
                if visit(node[1 + side]):
                    node[0] = 1 - side
                    return True
            return False

        visit(self.root)


@dataclass
class Set:
    """One set: entries by way (fixed policies) or in order of use (LRU)."""

    ways: int
    policy: str
    entries: list[Entry | None] = field(default_factory=list)
    tree: Tree | None = None

    def __post_init__(self) -> None:
        if self.policy != "lru":
            self.entries = [None] * self.ways
            self.tree = Tree(Tree.over(list(range(self.ways))))

    def find(self, line: int) -> Entry | None:
        """The entry of a line, without using it."""
        return next((e for e in self.entries if e is not None and e.line == line), None)

    def use(self, entry: Entry) -> None:
        """Note that an entry was used."""
        if self.policy == "lru":
            self.entries.remove(entry)
            self.entries.insert(0, entry)
        else:
            assert self.tree is not None
            self.tree.use(next(i for i, e in enumerate(self.entries) if e is entry))

    def insert(self, entry: Entry) -> Entry | None:
        """Put a new entry in; returns the one that left."""
        if self.policy == "lru":
            self.entries.insert(0, entry)
            return self.entries.pop() if len(self.entries) > self.ways else None
        assert self.tree is not None
        way = next((i for i, e in enumerate(self.entries) if e is None), self.tree.victim())
        victim, self.entries[way] = self.entries[way], entry
        self.tree.use(way)
        return victim

    def remove(self, entry: Entry) -> None:
        """Take an entry out."""
        if self.policy == "lru":
            self.entries.remove(entry)
        else:
            self.entries[next(i for i, e in enumerate(self.entries) if e is entry)] = None


class ReferenceCaches:
    """The hierarchy; `records` collects (kind, line, level) of everything that leaves."""

    def __init__(self, levels: list[Any], emit_level: int | None = None) -> None:
        self.levels = levels
        self.emit_level = len(levels) if emit_level is None else emit_level
        self.sets = [[Set(level.ways, level.policy) for _ in range(level.sets)] for level in levels]
        self.counts = [dict.fromkeys(("reads", "read_misses", "write_backs", "prefetches"), 0) for _ in levels]
        self.tables: list[dict[int, list[int]]] = [{} for _ in levels]
        self.records: list[tuple[str, int, int]] = []

    def set_of(self, level: int, line: int) -> Set:
        """Set of a line."""
        count = self.levels[level].sets
        if self.levels[level].hashed and count > 1:
            bits = count.bit_length() - 1
            line = line ^ (line >> bits) ^ (line >> 2 * bits)
        return self.sets[level][line % count]

    def touch(self, line: int, write: bool, stream: int = 0) -> None:
        """One demand access."""
        reached = self.fetch(0, line, write, "store" if write else "load")
        for level in range(min(reached + 1, len(self.levels))):
            if self.levels[level].prefetcher != "none":
                self.prefetch(level, line, stream)

    def fetch(self, top: int, line: int, write: bool, kind: str) -> int:
        """Read a line through the levels; returns the level that had it."""
        victims: list[tuple[int, Entry]] = []
        level, emit = top, self.emit_level
        while level < len(self.levels):
            self.counts[level]["reads"] += 1
            where = self.set_of(level, line)
            entry = where.find(line)
            if entry is not None:
                if entry.prefetched and kind != "prefetch":
                    emit = level
                entry.prefetched = False
                entry.dirty |= write and level == 0
                where.use(entry)
                break
            self.counts[level]["read_misses"] += 1
            victim = where.insert(Entry(line, write and level == 0))
            if victim is not None:
                self.leave(level, victim)
                victims.append((level, victim))
            level += 1
        if level >= emit:
            self.records.append((kind, line, level))
        for below, victim in reversed(victims):
            if victim.dirty:
                self.write_back(below, victim.line)
        return level

    def leave(self, level: int, victim: Entry) -> None:
        """Back-invalidation by inclusive levels."""
        if not self.levels[level].inclusive:
            return
        for above in range(level):
            where = self.set_of(above, victim.line)
            entry = where.find(victim.line)
            if entry is not None:
                where.remove(entry)
                victim.dirty |= entry.dirty

    def write_back(self, level: int, line: int) -> None:
        """A dirty line leaves `level`."""
        self.counts[level]["write_backs"] += 1
        if level + 1 == len(self.levels):
            self.records.append(("write", line, level + 1))
            return
        where = self.set_of(level + 1, line)
        entry = where.find(line)
        if entry is not None:
            entry.dirty, entry.prefetched = True, False
            where.use(entry)
            return
        victim = where.insert(Entry(line, True))
        if victim is not None:
            self.leave(level + 1, victim)
            if victim.dirty:
                self.write_back(level + 1, victim.line)

    def prefetch(self, level: int, line: int, stream: int) -> None:
        """Streams go by page and one line at a time, strides by array."""
        spec = self.levels[level]
        by_page = spec.prefetcher == "stream"
        entry = self.tables[level].setdefault((line // 64) % 64 if by_page else stream, [-1, 0, 0])
        last, known, seen = entry
        if by_page and last // 64 != line // 64:
            entry[:] = [line, 0, 0]
            return
        step = line - last
        if step == 0:
            return
        entry[:] = [line, step, seen + 1 if step == known else 1]
        if entry[2] < 2 or (by_page and abs(step) != 1):
            return
        for k in range(spec.degree):
            target = line + step * (spec.distance + k)
            if target < 0 or target // 64 != line // 64 or self.set_of(level, target).find(target):
                continue
            self.counts[level]["prefetches"] += 1
            self.fetch(level, target, False, "prefetch")
            brought = self.set_of(level, target).find(target)
            if brought is not None:
                brought.prefetched = True
