"""Errors of several reads of one tensor, from the same addresses: the injector's kernel, read by read."""

from __future__ import annotations

import numpy as np

from edensim.approx.inject_kernel import inject_units
from edensim.approx.tables_kernel import Data
from edensim.jit import jit_uncounted
from edensim.rng_kernel import draw

_ONE = np.uint64(1)


@jit_uncounted
def inject_reads(codes, stored, layout, rows, tables, keys, anew, access, now, rule, work, by_bank, by_bit):  # type: ignore[no-untyped-def]
    """Inject in place; returns the number of bits flipped.

    Parameters
    ----------
    codes : uint8 array, shape (reads, bytes)
        What is read.
    stored : uint8 array, shape (reads, bytes)
        What was stored: `codes` itself, or a copy where failing cells read another row.
    keys : uint64 array, shape (laws, streams)
        Keys of the streams.
    anew : bool array, shape (laws, streams)
        Which streams are drawn anew in every access.
    access : uint64
        Number of the first read.
    now : uint64 array, shape (laws, streams)
        To work in.
    layout, rows, tables, rule, work, by_bank, by_bit
        As `inject_units` takes them.
    """
    flips = 0
    for i in range(len(codes)):
        for law in range(keys.shape[0]):
            for k in range(keys.shape[1]):
                now[law, k] = draw(keys[law, k], access) if anew[law, k] else keys[law, k]
        access += _ONE
        data = Data(stored[i], codes[i], False, False, 0, 1, 0)
        flips += inject_units(
            0, len(layout.unit_line), data, layout, rows, tables, now, rule, work, by_bank, by_bit, 7
        )[0]
    return flips
