"""What the kernels are handed: tuples of arrays, and the names of their columns.

They are defined here because compiled kernels on disk refer to them, and are made anew when this file changes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edensim.jit import LINE_BYTES

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

NOTHING, PARITY, MASK, CELLS = range(4)
"""Ways to draw the errors of a row, column 0 of `LawTables.level`; column 1 is the argument of MASK."""
WEAK, OUTCOME, KIND, BITLINE, PLACE, PREVIOUS = range(6)
"""Streams of a law, columns of its keys."""
(
    LEVELS, CLASSES, KINDS, UNIT_SHIFT, PER_UNIT, PREVIOUS_ROW, DATA_DEPENDENT, FIRST_LEVEL, FIRST_GROUP, FIRST_FAIL,
    FIRST_ORDER, CHIP_BITS, CHIP_COUNT, CHIPS, FIELDS,
) = range(15)  # fmt: skip
"""Columns of `LawTables.law`, and how many there are."""
ALL_CHIPS = -1
"""CHIPS of a law that concerns every chip of a rank; else bit c of it is chip c."""
LOW, BEGIN, END, START, SIZE = range(5)
"""Columns of `LawTables.groups`: least number of points, range of thresholds, first rank and number of units."""
ALL = -1
"""LOW of a group all of whose units are weak."""
MASK_BITS = 8
(
    LINEAR, SCATTERED, MODULUS, PAGE_SHIFT, SKIPPED_BYTES, BURST_SHIFT, ROW_BITS, ROW_BYTES, UNIT_BYTES, FORM,
) = range(10)  # fmt: skip
"""Entries of `LayoutTable.form`, and how many there are."""
BLOCK = 4096
"""Random words made at once, so that making them vectorises, and rows looked at ahead of their turn."""
ALL_PLANES = 48
"""Lines of `Work.planes`."""
LARGEST_ROOM = 1 << 18
"""Largest unit whose bitmap is gathered before it is written: in the second cache."""
LISTED = 32
"""Flips of a row up to which only the bytes they touch are looked at."""
UNCHECKED, INT4, INT8, UINT8, INT16, UINT16, FLOAT16, FP32 = range(8)
"""Kinds of values that `Rule` corrects; FLOAT16 is fp16 and bf16 alike."""


class LawTables(NamedTuple):
    """All laws of a device, one behind the other.

    `law` (laws, fields); `level` (levels of all laws, 2); `groups` (levels x classes of all laws, 5); `fail`: of
    zeros and ones (levels x classes x kinds of all laws, 2); `order`: units in the order of their ranks.
    """

    law: Ints
    level: Ints
    groups: Ints
    thresholds: Words
    fail: Words
    order: Ints


class LayoutTable(NamedTuple):
    """Where the rows of a tensor lie.

    Row `slot` of unit u is the row of line unit_line[u] + row_line[slot] * modulus + row_channel[slot]; its column c
    is at line unit_line[u] + (row_line[slot] ^ column_line[c]) * modulus + row_channel[slot]. Byte 0 of unit u is at
    offset unit_offset[u] of the tensor, unless the tensor is scattered: then offsets follow from its pages. `previous`
    is the index of the row before each row (unit by unit), or -1; empty if nobody asks.
    """

    unit_line: Ints
    unit_offset: Ints
    row_line: Ints
    row_channel: Ints
    column_line: Ints
    previous: Ints
    pages: Ints
    form: Ints


class RowTable(NamedTuple):
    """The rows of a layout, unit by unit.

    `words` says which row it is (`rows.row_word`); `parts` its partition, empty if there is but one; `levels` (laws,
    rows) its level for every law, (laws, 0) if no law has more than one; `first_law` the first law of a partition.
    """

    words: Words
    parts: NDArray[np.int16]
    levels: NDArray[np.uint16]
    first_law: Ints
    subarray_rows: int


class Reads(NamedTuple):
    """Bursts read, group by group of one row in one access.

    `starts` (groups + 1): first read of each group; `columns` (reads): burst of the row; `access` (groups): number of
    the access; `stored` and `held` (reads, bytes of a burst, or (0, 0)): what is stored there, and what the row open
    before holds there.
    """

    starts: Ints
    columns: Ints
    access: Ints
    stored: Bytes
    held: Bytes


class ReadWork(NamedTuple):
    """Keys of one access, what a row stores and the row before it, an empty table."""

    now: Words
    image: Bytes
    none: Ints


class Data(NamedTuple):
    """What is read and what is written: uint8 arrays, the same if errors go in place.

    `copies`: the two differ; `streams`: what is written goes past the caches; `phase`: place of the first byte written
    within its cache line, if it streams; `together`: units to copy at once, before their flips, if not row by row;
    `fetched`: units of which to fetch at once what is stored, before errors look at it (0: no need).
    """

    source: Bytes
    target: Bytes
    copies: bool = False
    streams: bool = False
    phase: int = 0
    together: int = 1
    fetched: int = 0


class Rule(NamedTuple):
    """A correction of implausible values: bounds and replacements, as integers or, for FP32, as numbers."""

    kind: int = UNCHECKED
    low: int = 0
    high: int = 0
    below: int = 0
    above: int = 0
    infinity: int = 0
    low_fp32: np.float32 = np.float32(0)
    high_fp32: np.float32 = np.float32(0)
    below_fp32: np.float32 = np.float32(0)
    above_fp32: np.float32 = np.float32(0)


class Work(NamedTuple):
    """Arrays a thread works in.

    Two rooms of a bitmap of a row (`send_kernel`), and in each the bitmap as words and as bytes, clear between uses;
    bytes noted, random words (also as halves), keys and numbers of points of rows ahead, numbers of cells; counters of
    `position_kernel`, clear between uses; a line that nobody reads; two rooms of a unit of several rows, or none; turns
    that no other thread takes.
    """

    room: Bytes
    mask: Words
    mask_bytes: Bytes
    spare_room: Bytes
    spare: Words
    spare_bytes: Bytes
    touched: Ints
    space: Words
    halves: NDArray[np.uint32]
    heads: Words
    counts: Ints
    which: Ints
    planes: Words
    waste: Bytes
    unit_room: Bytes
    unit_spare: Bytes
    turns: Ints

    @classmethod
    def of(cls, row_bytes: int, unit_bytes: int = 0) -> Work:
        """Arrays for rows of so many bytes, and units of several rows, unless they are larger than `LARGEST_ROOM`."""
        rooms = [own_lines(row_bytes + 2 * LINE_BYTES, np.uint8) for _ in range(2)]
        masks = [room[LINE_BYTES : LINE_BYTES + row_bytes] for room in rooms]
        room_bytes = unit_bytes + 2 * LINE_BYTES if row_bytes < unit_bytes <= LARGEST_ROOM else 0
        units = own_lines(room_bytes, np.uint8), own_lines(room_bytes, np.uint8)
        space, heads = own_lines(BLOCK, np.uint64), own_lines(BLOCK, np.uint64)
        touched, counts, which = (own_lines(size, np.int64) for size in (LISTED + 1, BLOCK, BLOCK))
        planes, waste = own_lines(ALL_PLANES * LINE_BYTES // 8, np.uint64), own_lines(LINE_BYTES, np.uint8)
        return cls(
            rooms[0], masks[0].view(np.uint64), masks[0], rooms[1], masks[1].view(np.uint64), masks[1],
            touched, space, space.view(np.uint32), heads, counts, which, planes, waste, *units, own_lines(1, np.int64),
        )  # fmt: skip


def own_lines(count: int, dtype: type) -> Any:
    """So many zeros in cache lines of their own: threads that write to one line wait for each other."""
    size = count * np.dtype(dtype).itemsize
    room = np.zeros(-(-size // LINE_BYTES) * LINE_BYTES + LINE_BYTES, np.uint8)
    begin = -room.ctypes.data % LINE_BYTES
    return room[begin : begin + size].view(dtype)
