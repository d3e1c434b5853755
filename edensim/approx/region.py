"""Where a tensor lies in a memory, and the order in which the injector walks through it.

A region is either a run of physical addresses, or a list of physical pages in ascending order, which are one run of
virtual addresses (`edensim.memory.placement`). Every bit of it is in one row of one bank, by the one address map.

The injector walks in *units*: the shortest aligned power-of-two runs of lines that hold whole rows. A unit is one row
of one bank where the column bits are the lowest of the address, one row of every channel where channels are interleaved
by burst, and so on. Maps whose columns lie so high that a unit would exceed `LARGEST_UNIT` are walked row by row.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from edensim.approx.rows import Rows, row_word
from edensim.approx.tables_kernel import (
    BURST_SHIFT,
    FORM,
    LINEAR,
    MODULUS,
    PAGE_SHIFT,
    ROW_BITS,
    ROW_BYTES,
    SCATTERED,
    SKIPPED_BYTES,
    UNIT_BYTES,
    Ints,
    LayoutTable,
    Words,
)
from edensim.errors import ConfigError
from edensim.memory import AddressMap, Geometry, decode_lines

LARGEST_UNIT = 1 << 20
LINES_AT_ONCE = 1 << 16

PLAIN = AddressMap(Geometry(1, 1, 4, 4, 1 << 22, 128, 8, 64, 8, 512), "RoBaRaCoCh")
"""Memory of data without a place of their own: 16 banks, rows of 8 KiB, 512 rows per subarray, as of a DDR4 module with
x8 devices, but with 512 GiB, so that there is room for any file."""


@dataclass(frozen=True, eq=False)
class Walk:
    """What follows from the address map alone: the rows of a unit.

    Attributes
    ----------
    lines : int
        Lines of a unit; 0: too long, walk row by row.
    row_line, row_channel, column_line : int64 arrays
        As in `LayoutTable`.
    """

    lines: int
    row_line: Ints
    row_channel: Ints
    column_line: Ints


@lru_cache(maxsize=16)
def walk_of(address_map: AddressMap) -> Walk:
    """Rows of a unit of a memory."""
    geometry, modulus = address_map.geometry, address_map.modulus
    column_line = address_map.encode(0, 0, 0, np.arange(geometry.columns)) // modulus
    span = 1 << int(column_line.max()).bit_length()  # the map is linear over XOR: no column leaves this run
    if span > geometry.columns and span * geometry.burst_bytes > LARGEST_UNIT:
        return Walk(0, np.zeros(0, np.int64), np.zeros(0, np.int64), column_line)
    line = np.arange(span)
    first = line[address_map.decode(line * modulus)[3] == 0]
    row_line, row_channel = np.repeat(first, modulus), np.tile(np.arange(modulus), len(first))
    return Walk(span * modulus, row_line, row_channel, column_line)


@dataclass(frozen=True, eq=False)
class Region:
    """A run of bytes in a memory.

    Parameters
    ----------
    address_map : AddressMap
        The memory.
    size_bytes : int
        Length.
    address : int
        Physical byte address of the first byte; with pages, its offset from the beginning of the first page.
    pages : int64 array, optional
        Physical page numbers, ascending.
    page_lines : int
        Lines of a page, a power of two.

    Raises
    ------
    ConfigError
        If the bytes do not lie within the memory, or pages do not ascend.
    """

    address_map: AddressMap
    size_bytes: int
    address: int = 0
    pages: Ints | None = None
    page_lines: int = 1

    def __post_init__(self) -> None:
        geometry = self.address_map.geometry
        capacity = geometry.capacity_bytes
        if geometry.row_bytes < 8:
            raise ConfigError(f"rows of {geometry.row_bytes} bytes: errors need rows of at least 8 bytes")
        if self.address < 0 or self.size_bytes < 0:
            raise ConfigError(f"address {self.address}, {self.size_bytes} bytes: neither may be negative")
        if self.pages is not None:
            capacity = len(self.pages) * self.page_lines * geometry.burst_bytes
            pages = np.asarray(self.pages, np.int64)
            if len(pages) and (pages.min() < 0 or (pages.max() + 1) * self.page_lines > geometry.lines):
                raise ConfigError(f"page {pages.max()} of {self.page_lines} bursts is not in this memory")
            if (np.diff(pages) <= 0).any():
                raise ConfigError("the pages of a tensor do not ascend")
            object.__setattr__(self, "pages", pages)
        if self.address + self.size_bytes > capacity:
            raise ConfigError(
                f"{self.size_bytes:,} bytes from byte {self.address:,} on end outside of the {capacity:,} bytes that "
                f"{'these pages' if self.pages is not None else 'the memory'} can hold"
            )

    def part(self, begin: int, end: int) -> Region:
        """Bytes begin … end - 1 of this region, at the place where they are."""
        if self.pages is None:
            return Region(self.address_map, end - begin, self.address + begin)
        page_bytes = self.page_lines * self.address_map.geometry.burst_bytes
        skipped = (self.address + begin) // page_bytes
        pages = self.pages[skipped : -(-(self.address + end) // page_bytes)]
        return Region(
            self.address_map, end - begin, self.address + begin - skipped * page_bytes, pages, self.page_lines
        )


class Layout:
    """The rows of a region, as the kernel wants them.

    Parameters
    ----------
    region : Region
        Bytes of the tensor.
    with_previous : bool
        Also find which row of the tensor was open before each row: the one opened before it in its bank, the tensor
        being read once from its beginning to its end.
    """

    def __init__(self, region: Region, with_previous: bool = False) -> None:
        self.region = region
        address_map, geometry = region.address_map, region.address_map.geometry
        walk = walk_of(address_map)
        row_line, row_channel = walk.row_line, walk.row_channel
        pages, page_lines = region.pages, region.page_lines
        skipped = region.address
        scattered = pages is not None and page_lines % (walk.lines or geometry.lines + 1) != 0
        if not walk.lines and pages is None:  # a run of addresses, as pages that follow each other
            page_lines, scattered = 1, True
            while page_lines * geometry.burst_bytes < LARGEST_UNIT:
                page_lines *= 2
            page_bytes = page_lines * geometry.burst_bytes
            first, skipped = divmod(region.address, page_bytes)
            pages = first + np.arange(-(-(skipped + region.size_bytes) // page_bytes))
        if not walk.lines:
            assert pages is not None
            row_line, row_channel = _rows_of_pages(address_map, walk, pages, page_lines)
            unit_line, unit_offset = np.zeros(1 if len(row_line) else 0, np.int64), np.zeros(1, np.int64)
        elif pages is None:
            unit_line, unit_offset = _units_of_run(region, walk.lines)
        elif scattered:
            unit_line = _units_of_pages(pages, page_lines, walk.lines)
            unit_offset = np.zeros(len(unit_line), np.int64)
        else:
            per_page = np.arange(0, page_lines, walk.lines)
            unit_line = (pages[:, None] * page_lines + per_page).ravel()
            virtual = (np.arange(len(pages))[:, None] * page_lines + per_page).ravel()
            unit_offset = virtual * geometry.burst_bytes - skipped
            inside = (unit_offset > -walk.lines * geometry.burst_bytes) & (unit_offset < region.size_bytes)
            unit_line, unit_offset = unit_line[inside], unit_offset[inside]
        linear = len(row_line) == 1 and not scattered and bool((walk.column_line == np.arange(geometry.columns)).all())
        self.table = LayoutTable(
            unit_line,
            unit_offset,
            row_line,
            row_channel,
            walk.column_line,
            np.zeros(0, np.int64),
            np.zeros(0, np.int64) if pages is None else pages,
            np.zeros(FORM, np.int64),
        )
        form = self.table.form
        form[LINEAR], form[SCATTERED], form[MODULUS] = linear, scattered, address_map.modulus
        form[PAGE_SHIFT], form[SKIPPED_BYTES] = page_lines.bit_length() - 1, skipped
        form[BURST_SHIFT], form[ROW_BYTES] = geometry.burst_bytes.bit_length() - 1, geometry.row_bytes
        form[ROW_BITS], form[UNIT_BYTES] = (8 * geometry.row_bytes).bit_length() - 1, walk.lines * geometry.burst_bytes
        self.scattered, self.unit_bytes, self.units = scattered, walk.lines * geometry.burst_bytes, len(unit_line)
        if with_previous:
            self.table = self.table._replace(previous=_previous_rows(region, self.rows))

    @cached_property
    def rows(self) -> Rows:
        """Places of all rows, unit by unit."""
        table, address_map = self.table, self.region.address_map
        line = (table.unit_line[:, None] + table.row_line * address_map.modulus + table.row_channel).ravel()
        channel, bank, row, column = (np.empty(len(line), np.int64) for _ in range(4))
        decode_lines(line, 0, *address_map.kernel_table(), channel, bank, row, column)
        return Rows(address_map.geometry, channel, bank, row)


def layout_of(region: Region, with_previous: bool = False) -> Layout:
    """Layout of a region; those of runs of addresses are kept for a while."""
    if region.pages is not None:
        return Layout(region, with_previous)
    return _layout_of_run(region.address_map, region.size_bytes, region.address, with_previous)


@lru_cache(maxsize=128)
def _layout_of_run(address_map: AddressMap, size_bytes: int, address: int, with_previous: bool) -> Layout:
    return Layout(Region(address_map, size_bytes, address), with_previous)


def _units_of_run(region: Region, lines: int) -> tuple[Ints, Ints]:
    unit_bytes = lines * region.address_map.geometry.burst_bytes
    first, last = region.address // unit_bytes, -(-(region.address + region.size_bytes) // unit_bytes)
    unit = np.arange(first, last if region.size_bytes else first)
    return unit * lines, unit * unit_bytes - region.address


def _units_of_pages(pages: Ints, page_lines: int, lines: int) -> Ints:
    """First lines of the units that pages touch, ascending."""
    first, last = pages * page_lines // lines, (pages * page_lines + page_lines - 1) // lines
    span = int((last - first).max(initial=0)) + 1
    unit = first[:, None] + np.arange(span)
    return np.unique(unit[unit <= last[:, None]]) * lines


def _rows_of_pages(address_map: AddressMap, walk: Walk, pages: Ints, page_lines: int) -> tuple[Ints, Ints]:
    """Rows that pages touch, in ascending order: line of column 0 without the channel of an odd map, and that."""
    found = [np.zeros(0, np.int64)]
    step = max(1, LINES_AT_ONCE // page_lines)
    for start in range(0, len(pages), step):
        line = (pages[start : start + step, None] * page_lines + np.arange(page_lines)).ravel()
        quotient, channel = np.divmod(line, address_map.modulus)
        first = quotient ^ walk.column_line[address_map.decode(line)[3]]
        found.append(np.unique(first * address_map.modulus + channel))
    rows = np.unique(np.concatenate(found))
    return rows // address_map.modulus, rows % address_map.modulus


def opening_order(region: Region, rows: Rows) -> tuple[Ints, Ints]:
    """Rows of a region that its tensor touches, in the order in which it opens them: index, bank (of all channels)."""
    words = rows.words
    order = np.argsort(words)
    ranked = order[np.searchsorted(words, _first_touches(region), sorter=order)]
    return ranked, (rows.channel * rows.geometry.banks + rows.bank)[ranked]


def _previous_rows(region: Region, rows: Rows) -> Ints:
    """Index of the row of the tensor that was opened before each row in its bank, or -1."""
    ranked, bank = opening_order(region, rows)
    by_bank = np.argsort(bank, kind="stable")
    same = bank[by_bank][1:] == bank[by_bank][:-1]
    previous = np.full(len(rows.words), -1, np.int64)
    previous[ranked[by_bank[1:][same]]] = ranked[by_bank[:-1][same]]
    return previous


def _first_touches(region: Region) -> Words:
    """Words of the rows that a tensor touches, in the order of their first bytes in it."""
    burst_bytes = region.address_map.geometry.burst_bytes
    first = region.address // burst_bytes
    last = -(-(region.address + region.size_bytes) // burst_bytes) if region.size_bytes else first
    found, where = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for start in range(first, last, LINES_AT_ONCE):
        line = np.arange(start, min(start + LINES_AT_ONCE, last))
        if region.pages is not None:
            page, rest = np.divmod(line, region.page_lines)
            line = region.pages[page] * region.page_lines + rest
        channel, bank, row, _ = region.address_map.decode(line)
        new, at = np.unique(row_word(channel, bank, row), return_index=True)
        found.append(new)
        where.append(at + start)
    words, at = np.unique(np.concatenate(found), return_index=True)
    return words[np.argsort(np.concatenate(where)[at])]
