"""Errors of the bursts that a simulated memory reads, in whatever order and number it reads them.

Each read has the number of its access: reads of one row under one number share one draw, and a burst read under number
n has the errors that `inject(..., access=n)` puts into an array at that place. So numbering every line's reads
0, 1, 2 … makes each read of the run one more read of the tensor, with the same weak cells and fresh luck.

Where only the first read after an activation is at risk (`errors.scope = "first_burst"`), pass only those reads. Not
modelled: errors that stay in the row buffer for the reads that follow in the same activation, writes that fail.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edensim.approx.device import Device
from edensim.approx.read_kernel import draw_groups
from edensim.approx.rows import Rows
from edensim.approx.tables_kernel import (
    BURST_SHIFT,
    FORM,
    LINEAR,
    ROW_BITS,
    ROW_BYTES,
    Bytes,
    Ints,
    Reads,
    ReadWork,
    Work,
)
from edensim.errors import ConfigError

SPACE = 1 << 16


@dataclass(frozen=True, eq=False)
class BurstFlips:
    """Wrong bits of some reads, in the order of reads and bits.

    Attributes
    ----------
    read : int64 array
        Index of the read.
    bit : int64 array, same length
        Bit of its burst: 8 * byte + bit of the byte, least significant first.
    """

    read: Ints
    bit: Ints


def read_errors(
    device: Device,
    channel: ArrayLike,
    bank: ArrayLike,
    row: ArrayLike,
    column: ArrayLike,
    access: ArrayLike = 0,
    stored: Bytes | None = None,
    held: Bytes | None = None,
) -> BurstFlips:
    """Draw the errors of reads.

    Parameters
    ----------
    device : Device
        The memory.
    channel, bank, row, column : arrays of int, shape (reads,)
        Places of the bursts; `bank` counts through a channel, `column` bursts of a row.
    access : arrays of int, shape (reads,) or one for all
        Number of the access, 0 … 2^63 - 1.
    stored : uint8 array, shape (reads, bytes of a burst), optional
        What is stored there. Needed if errors depend on it.
    held : uint8 array, same shape, optional
        What the row that was open before holds in the same columns, for precharge failures (default: random bits).

    Raises
    ------
    ConfigError
        If a place is outside of the memory, or data are needed and not given, or of the wrong shape.
    """
    geometry = device.address_map.geometry
    channel, bank, row, column, access = np.broadcast_arrays(
        *(np.asarray(x, np.int64).ravel() for x in (channel, bank, row, column, access))
    )
    limits = (geometry.channels, geometry.banks, geometry.rows, geometry.columns, 1 << 63)
    names = ("channel", "bank", "row", "column", "access")
    for name, values, limit in zip(names, (channel, bank, row, column, access), limits, strict=True):
        if len(values) and (values.min() < 0 or values.max() >= limit):
            raise ConfigError(f"{name} {values.min()} … {values.max()}: expected 0 … {limit - 1} in this memory")
    shape = (len(row), geometry.burst_bytes)
    data = [_checked(name, x, shape) for name, x in (("stored", stored), ("held", held))]
    if stored is None and any(not law.symmetric for law in device.laws):
        raise ConfigError("stored: these errors depend on what is stored, so it must be given")
    rows = Rows(geometry, channel, bank, row)
    order = np.lexsort((access, rows.words))
    new = np.ones(len(order), np.bool_)
    new[1:] = (np.diff(rows.words[order]) != 0) | (np.diff(access[order]) != 0)
    starts = np.append(np.flatnonzero(new), len(order))
    heads = order[starts[:-1]]
    reads = Reads(starts, column[order], access[heads], *(x[order] if len(x) else x for x in data))
    found = _draw(device, reads, Rows(geometry, channel[heads], bank[heads], row[heads]))
    read, bit = order[found[0]], found[1]
    by_read = np.lexsort((bit, read))
    return BurstFlips(read[by_read], bit[by_read])


def _checked(name: str, data: Bytes | None, shape: tuple[int, int]) -> Bytes:
    if data is None:
        return np.zeros((0, 0), np.uint8)
    if data.dtype != np.uint8 or data.shape != shape:
        raise ConfigError(f"{name}: expected a uint8 array of shape {shape}")
    return data


def _draw(device: Device, reads: Reads, rows: Rows) -> tuple[Ints, Ints]:
    """Position and bit of every flip."""
    geometry = rows.geometry
    form = np.zeros(FORM, np.int64)
    form[LINEAR], form[ROW_BYTES], form[BURST_SHIFT] = 1, geometry.row_bytes, geometry.burst_bytes.bit_length() - 1
    form[ROW_BITS] = (8 * geometry.row_bytes).bit_length() - 1
    most = int(np.diff(reads.starts).max(initial=0)) * 8 * geometry.burst_bytes
    flip_read, flip_bit = np.zeros((2, max(most, SPACE)), np.int64)
    image = np.zeros(2 * geometry.row_bytes, np.uint8)
    own = ReadWork(np.zeros_like(device.stream_keys), image, np.zeros(0, np.int64))
    table, work = device.rows(rows), Work.of(geometry.row_bytes)
    group, groups = 0, len(reads.access)
    parts: list[NDArray[np.int64]] = [np.zeros((2, 0), np.int64)]
    while group < groups:
        group, count = draw_groups(
            group, groups, reads, table, form, device.tables, device.stream_keys, device.anew, work, own, flip_read,
            flip_bit,
        )  # fmt: skip
        parts.append(np.stack([flip_read[:count], flip_bit[:count]]))
    found = np.concatenate(parts, axis=1)
    return found[0], found[1]
