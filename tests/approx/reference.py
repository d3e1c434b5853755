"""Errors of a read, bit by bit in plain Python, straight from the definitions in `law` and `law_table`.

Shares with the injector: the tables of `poisson` (proven apart), the derivation of keys from text, and the address map,
of which it uses `locate` only, never the walk through units.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edensim import rng
from edensim.approx import CellLaw, Rows
from edensim.approx.poisson import mean_of_parity, mean_of_share, thresholds
from edensim.memory import AddressMap, locate

MASK = (1 << 64) - 1


def draw(key: int, counter: int) -> int:
    """SplitMix64, output `counter` from state `key`."""
    z = (key + 0x9E3779B97F4A7C15 * (counter + 1)) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def points(key: int, mean: float, places: int) -> list[int]:
    """Points of a stream, thrown on so many places."""
    low, table = thresholds(mean)
    count = low + sum(int(t) > draw(key, 0) for t in table)
    halves = [(draw(key, 1 + i // 2) >> (32 * (i % 2))) & 0xFFFFFFFF for i in range(count)]
    return [half * places >> 32 for half in halves]


def permute(key: int, bits: int, x: int) -> int:
    """The keyed permutation of 0 … 2^bits - 1."""
    size, half = 1 << bits, (bits + 1) // 2
    first, second = draw(key, 0), draw(key, 1)
    x = (x * (first & 0xFFFFFFFF | 1) + (first >> 32)) % size
    x ^= x >> half
    x = x * (second & 0xFFFFFFFF | 1) % size
    x ^= x >> half
    x = x * (second >> 32 | 1) % size
    return x ^ (x >> half)


class Reader:
    """Reads of a memory with errors.

    `laws[p]` are the laws of partition p, `owner` the partition of (channel, bank, subarray), `cells` the stored bit of
    every (channel, bank, row, row bit) of the tensor, `before` the row read before each (channel, bank, row).
    """

    def __init__(
        self,
        address_map: AddressMap,
        laws: Sequence[Sequence[CellLaw]],
        owner: np.ndarray | None,
        seed: int,
        access: int,
    ) -> None:
        self.map, self.laws, self.owner, self.seed, self.access = address_map, laws, owner, seed, access
        self.row_bits = 8 * address_map.geometry.row_bytes
        self.cells: dict[tuple[int, int, int], dict[int, int]] = {}

    def read(self, data: bytes, address_of_byte: Sequence[int]) -> bytes:
        """What a read of bytes at physical addresses returns."""
        places = [[x for x in locate(self.map, a)] for a in address_of_byte]
        geometry = self.map.geometry
        where = []
        for k, (channel, rank, group, bank, _, row, bit) in enumerate(places):
            index = (int(rank) * geometry.bank_groups + int(group)) * geometry.banks_per_group + int(bank)
            place = (int(channel), index, int(row))
            where.append((place, int(bit)))
            for j in range(8):
                self.cells.setdefault(place, {})[int(bit) + j] = data[k] >> j & 1
        self.before = self._rows_before(where)
        wrong = {place: self.flips(*place) for place in self.cells}
        return bytes(
            b ^ sum((bit + j in wrong[p]) << j for j in range(8)) for b, (p, bit) in zip(data, where, strict=True)
        )

    def _rows_before(self, where: list) -> dict:
        before, last = {}, {}
        for place, _ in where:
            bank = place[:2]
            if place not in before:
                before[place] = last.get(bank)
                last[bank] = place
        return before

    def flips(self, channel: int, bank: int, row: int) -> set[int]:
        """Bits of a row that come out wrong."""
        geometry = self.map.geometry
        part = 0 if self.owner is None else int(self.owner[channel, bank, row // geometry.subarray_rows])
        laws, found = self.laws[part], set()
        for law in laws:
            found |= self._of_law(law, channel, bank, row, alone=len(laws) == 1)
        return found

    def _key(self, law: CellLaw, stream: str, word: int, transient: bool) -> int:
        access = [self.access] if transient else []
        return draw(rng.key(self.seed, law.stream, stream, *access), word)

    def _of_law(self, law: CellLaw, channel: int, bank: int, row: int, alone: bool) -> set[int]:
        rows = Rows(self.map.geometry, *(np.array([x]) for x in (channel, bank, row)))
        level = int(law.row_level(rows, self.seed)[0])
        word = channel << 56 | bank << 40 | row
        key = self._key(law, "fresh", word, True) if law.fresh else self._key(law, "weak", word, False)
        if law.fresh and law.symmetric and law.weak_share.shape[1] == 1 and law.unit_bits == 1 and alone:
            return self._plain(draw(key, 0), float(law.fail_one[level, 0, 0]))
        sub = channel << 56 | bank << 40 | row // self.map.geometry.subarray_rows
        bitlines = self._key(law, "bitline", sub, False)
        units, classes = self.row_bits // law.unit_bits, law.weak_share.shape[1]
        found: set[int] = set()
        edges = [round(x * units) for x in np.cumsum([0, *law.class_share])]
        for b in range(classes):
            share, scale = float(law.weak_share[level, b]), 1.0
            if law.fresh:
                share = scale = max(float(law.fail_one[level, b, 0]), float(law.fail_zero[level, b, 0]))
            size = edges[b + 1] - edges[b]
            ranks = range(size) if share == 1 else points(draw(key, b), mean_of_share(size, share), size)
            for rank in set(ranks):
                unit = edges[b] + rank
                if law.bitline_class is not None:
                    unit = int(np.flatnonzero(law.bitline_class == b)[rank])
                elif classes > 1:
                    unit = permute(bitlines, units.bit_length() - 1, unit)
                found |= self._unit(law, level, b, unit, word, (channel, bank, row), scale)
        return found

    def _plain(self, key: int, rate: float) -> set[int]:
        n = self.row_bits
        if rate < 1 / 16:
            hits = points(key, mean_of_parity(n, rate), n) if rate else []
            return {x for x in hits if hits.count(x) % 2}
        eighths = int(rate * 256)
        rest = (rate - eighths / 256) / (1 - eighths / 256) if eighths < 256 else 0.0
        found = set(points(key, mean_of_share(n, rest), n)) if rest else set()
        for bit in range(n):
            value = eighths >= 256
            for level in range(8):  # from the least significant bit of the rate up
                word = draw(draw(key, (1 << 32) + level), bit // 64) >> (bit % 64) & 1
                value = bool(word or value) if eighths >> level & 1 else bool(word and value)
            if value or eighths >= 256:
                found.add(bit)
        return found

    def _unit(self, law, level, b, unit, word, place, scale) -> set[int]:
        kinds = law.fail_one.shape[2]
        kind = (draw(self._key(law, "kind", word, False), unit) >> 32) * kinds >> 32
        outcome = draw(self._key(law, "outcome", word, True), unit) >> 1
        cells = self.cells[place]
        found = set()
        for cell in range(law.cells_per_unit):
            bit = unit
            if law.unit_bits > 1:
                places = draw(self._key(law, "place", word, False), unit)
                bit = unit * law.unit_bits + permute(places, law.unit_bits.bit_length() - 1, cell)
            if bit not in cells:
                continue
            fail = (law.fail_one if cells[bit] else law.fail_zero)[level, b, kind] / scale
            if outcome >= int(fail * 2**63):
                continue
            if law.previous_row:
                held = self.cells.get(self.before.get(place), {}).get(bit)
                if held is None:
                    held = draw(self._key(law, "previous", word, True), bit) >> 63
                if held == cells[bit]:
                    continue
            found.add(bit)
        return found
