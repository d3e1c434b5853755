"""Kernels that split line numbers into channel, bank, row and column by the table of `AddressMap.kernel_table`.

Every row (target, source_shift, mask, target_shift) of the table moves one run of address bits:
`out[target] ^= ((line >> source_shift) & mask) << target_shift`, target 0 channel, 1 bank, 2 row, 3 column.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edensim.jit import jit

BLOCK = 1024  # lines per block: five arrays of it stay in the first-level cache


@jit
def decode_line(modulus: int, table: NDArray[np.int64], line: int) -> tuple[int, int, int, int]:
    """(channel, bank, row, column) of one line number (int64, not negative)."""
    channel = bank = row = column = 0
    if modulus > 1:
        channel = line % modulus
        line = line // modulus
    for k in range(table.shape[0]):
        part = ((line >> table[k, 1]) & table[k, 2]) << table[k, 3]
        if table[k, 0] == 0:
            channel ^= part
        elif table[k, 0] == 1:
            bank ^= part
        elif table[k, 0] == 2:
            row ^= part
        else:
            column ^= part
    return channel, bank, row, column


@jit
def _add_bits(line: NDArray[np.int64], n: int, source_shift: int, mask: int, target_shift: int, out: Any) -> None:
    for i in range(n):
        out[i] ^= ((line[i] >> source_shift) & mask) << target_shift


@jit
def decode_lines(
    source: Any, shift: int, modulus: int, table: NDArray[np.int64], channel: Any, bank: Any, row: Any, column: Any
) -> None:
    """Decode `source >> shift` into the four output arrays, each int64 or int32 and as long as `source`.

    `source` (int64 or uint64, below 2^63): line numbers with shift 0, byte addresses with shift log2(burst_bytes).
    """
    line = np.empty(BLOCK, np.int64)
    for start in range(0, source.shape[0], BLOCK):
        n = min(BLOCK, source.shape[0] - start)
        end = start + n
        for i in range(n):
            line[i] = np.int64(source[start + i]) >> shift
        channel[start:end] = 0
        bank[start:end] = 0
        row[start:end] = 0
        column[start:end] = 0
        if modulus > 1:
            for i in range(n):
                channel[start + i] = line[i] % modulus
                line[i] = line[i] // modulus
        for k in range(table.shape[0]):
            if table[k, 0] == 0:
                out = channel[start:end]
            elif table[k, 0] == 1:
                out = bank[start:end]
            elif table[k, 0] == 2:
                out = row[start:end]
            else:
                out = column[start:end]
            _add_bits(line, n, table[k, 1], table[k, 2], table[k, 3], out)
