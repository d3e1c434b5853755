"""Reads drawn in plain numpy by the definition of each error model, for tests of the fits."""

from __future__ import annotations

import numpy as np

from edensim.approx.fit_reads import Reads

BANKS, BITS = 8, 4096


def make_reads(model, seed=0, rows=64, bits=BITS, reads=16, stored="complementary", share=0.01, fail=0.6):
    """Reads of rows spread over eight banks, whose weak cells follow one of the five models."""
    random = np.random.default_rng(seed)
    bank = np.repeat(np.arange(BANKS), rows // BANKS)
    row = np.tile(np.arange(rows // BANKS) * 64, BANKS)
    weak_share, one, zero = np.full((rows, bits), share), fail, fail
    if model == "bitline":
        weak_share = np.broadcast_to(share * np.exp(random.normal(-0.5, 1, bits)), (rows, bits))
    if model == "wordline":
        weak_share = np.broadcast_to(share * np.exp(random.normal(-0.5, 1, (rows, 1))), (rows, bits))
    if model == "data_dependent":
        one, zero = 0.1, 0.9
    if model == "bank_clustered":
        weak_share = np.where(np.isin(bank, [2, 5])[:, None] & (row >= 64)[:, None], 2 * share, 0.05 * share)
        weak_share = np.broadcast_to(weak_share, (rows, bits))
    weak = random.random((rows, bits)) < weak_share
    data = patterns_of(stored, random, rows, bits // 8)
    pattern = np.arange(reads) % len(data)
    found = np.empty((reads, rows, bits // 8), np.uint8)
    for k in range(reads):
        ones = np.unpackbits(data[pattern[k]], axis=1, bitorder="little").astype(bool)
        flips = weak & (random.random((rows, bits)) < np.where(ones, one, zero))
        found[k] = np.packbits(ones ^ flips, axis=1, bitorder="little")
    return Reads(found, data, pattern, np.zeros(rows, np.int64), bank, row)


def patterns_of(stored, random, rows, width):
    """What is written: random data and its inverse, or one solid byte."""
    if stored == "complementary":
        first = random.integers(0, 256, (rows, width), dtype=np.uint8)
        return np.stack([first, ~first])
    return np.full((1, rows, width), stored, np.uint8)
