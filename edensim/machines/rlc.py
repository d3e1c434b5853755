"""Run-length coding of feature maps as on the Eyeriss chip: runs of zeros and values, packed into 64-bit words.

Modelled: the mean size for a given share of zeros, never larger than the plain data (the chip then stores plain).
Not modelled: how zeros cluster, runs longer than 31. Source: JSSC 52(1) 2017 (5-bit run, 16-bit value, three pairs
and a flag per 64-bit word).
"""

from __future__ import annotations

WORD_BITS, RUN_BITS, FLAG_BITS = 64, 5, 1


def compressed_share(zero_fraction: float, bits: int = 16) -> float:
    """Size of the coded data relative to the plain data, in (0, 1].

    Parameters
    ----------
    zero_fraction
        Share of zero elements, in [0, 1].
    bits
        Width of an element (at most 32).
    """
    pairs = (WORD_BITS - FLAG_BITS) // (RUN_BITS + bits)
    return min(1.0, WORD_BITS / pairs / bits * (1 - zero_fraction))
