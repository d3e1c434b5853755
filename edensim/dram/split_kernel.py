"""Kernel that decodes requests and sorts them by channel, so that every channel finds its own side by side.

Floor: 8 bytes of address in, 48 bytes out per request, all within the second-level cache.
"""

from __future__ import annotations

from edensim.jit import jit
from edensim.memory import decode_lines

BANK, ROW, COLUMN, LINE, ARRIVAL = range(5)
"""Rows of what is sorted."""


@jit
def split_requests(addr, is_write, arrival, shift, lines, modulus, table, scratch, out, out_write, begin):
    """Decode requests and sort them by channel; within a channel the order stays.

    Parameters
    ----------
    addr : uint64 [n]
        Byte addresses.
    is_write : uint8 [n]
    arrival : int64 [n]
        Clocks, in order.
    shift : int
        log2 of the bytes of a line.
    lines : int
        Lines of the memory: addresses wrap around there.
    modulus, table
        See `AddressMap.kernel_table`.
    scratch : int64 [5, at least n]
    out : int64 [5, at least n]
        Bank, row, column, line and arrival of the sorted requests.
    out_write : uint8 [at least n]
    begin : int64 [channels + 1]
        Where the requests of each channel begin, and the end of the last.
    """
    n = addr.shape[0]
    line, channel, bank, row, column = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    for i in range(n):
        line[i] = addr[i] >> shift
        if line[i] >= lines:
            line[i] %= lines
    decode_lines(line[:n], 0, modulus, table, channel[:n], bank[:n], row[:n], column[:n])
    begin[:] = 0
    for i in range(n):
        begin[channel[i] + 1] += 1
    for c in range(1, begin.shape[0]):
        begin[c] += begin[c - 1]
    for i in range(n):
        c = channel[i]
        k = begin[c]
        begin[c] = k + 1
        out[BANK, k] = bank[i]
        out[ROW, k] = row[i]
        out[COLUMN, k] = column[i]
        out[LINE, k] = line[i]
        out[ARRIVAL, k] = arrival[i]
        out_write[k] = is_write[i]
    for c in range(begin.shape[0] - 1, 0, -1):  # each has moved on to the next one's begin
        begin[c] = begin[c - 1]
    begin[0] = 0
