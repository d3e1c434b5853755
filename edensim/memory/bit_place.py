"""Where a bit lies: byte address and bit -> (channel, rank, bank group, bank, subarray, row, row bit), and back.

The bits of a row (of all devices of a rank together) are numbered in address order, bit k of a byte being its k-th
least significant:

    row bit = ((column * burst_length + beat) * devices + chip) * device_width + dq

so a burst goes over the pins beat by beat: beat b carries the b-th `channel_width_bits` of the burst, and in each beat
chip c carries the c-th `device_width_bits`, DQ 0 the lowest. A 64-byte burst of eight x8 devices has byte 8 b + c in
beat b on chip c. Within chip c, cell (column * burst_length + beat) * device_width + dq of the row is a bitline.

Not modelled: DQ swizzling on the board, row and column scrambling or remapping inside a device, ECC devices.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edensim.memory.address_map import AddressMap
from edensim.memory.geometry import Geometry

Ints = NDArray[np.int64]


class RowBit(NamedTuple):
    """Place of a bit within a row: burst, transfer, device and data pin (int64 arrays or ints)."""

    column: ArrayLike
    beat: ArrayLike
    chip: ArrayLike
    dq: ArrayLike


class Place(NamedTuple):
    """Place of a bit in the memory (int64 arrays or ints); `subarray` follows from `row`, `row_bit` as in `RowBit`.

    `rank` counts through the pseudo-channels and `bank_group` through the stack IDs of HBM.
    """

    channel: ArrayLike
    rank: ArrayLike
    bank_group: ArrayLike
    bank: ArrayLike
    subarray: ArrayLike
    row: ArrayLike
    row_bit: ArrayLike


def split_row_bit(geometry: Geometry, row_bit: ArrayLike) -> RowBit:
    """Column (burst), beat, chip and DQ of bits 0 … 8 * row_bytes - 1 of a row, as int64 arrays."""
    rest, dq = np.divmod(np.asarray(row_bit, np.int64), geometry.device_width_bits)
    rest, chip = np.divmod(rest, geometry.devices_per_rank)
    column, beat = np.divmod(rest, geometry.burst_length)
    return RowBit(column, beat, chip, dq)


def join_row_bit(geometry: Geometry, place: RowBit) -> Ints:
    """Row bit of (column, beat, chip, DQ); the inverse of `split_row_bit`."""
    column, beat, chip, dq = (np.asarray(x, np.int64) for x in place)
    beats = column * geometry.burst_length + beat
    return np.asarray((beats * geometry.devices_per_rank + chip) * geometry.device_width_bits + dq)


def locate(address_map: AddressMap, address: ArrayLike, bit: ArrayLike = 0) -> Place:
    """Place of bit `bit` (0 … 7, least significant first) of the byte at physical byte address `address`."""
    geometry = address_map.geometry
    line, byte = np.divmod(np.asarray(address).astype(np.int64), geometry.burst_bytes)
    channel, bank, row, column = address_map.decode(line)
    rank, in_rank = np.divmod(bank, geometry.banks_per_rank)
    group, in_group = np.divmod(in_rank, geometry.banks_per_group)
    row_bit = (column * geometry.burst_bytes + byte) * 8 + np.asarray(bit, np.int64)
    return Place(channel, rank, group, in_group, row // geometry.subarray_rows, row, row_bit)


def address_of(address_map: AddressMap, place: Place) -> tuple[Ints, Ints]:
    """Physical byte address and bit (0 … 7) of a place; the inverse of `locate` (`subarray` is not looked at)."""
    geometry = address_map.geometry
    channel, rank, group, bank, _, row, row_bit = (np.asarray(x, np.int64) for x in place)
    index = rank * geometry.banks_per_rank + group * geometry.banks_per_group + bank
    column, rest = np.divmod(row_bit, 8 * geometry.burst_bytes)
    byte, bit = np.divmod(rest, 8)
    return address_map.encode(channel, index, row, column) * geometry.burst_bytes + byte, bit
