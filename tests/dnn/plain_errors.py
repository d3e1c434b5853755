"""Errors for the tests, written plainly: independent flips, by numpy's generator, from (seed, tensor, access)."""

import zlib

import numpy as np


class PlainErrors:
    """Every bit flips with probability `rate` in every read; `weak` fixes the cells, which fail half of the time."""

    def __init__(self, rate, seed=0, weak=False):
        self.rate, self.seed, self.weak = rate, seed, weak
        self.calls = []

    def corrupt(self, name, codes, access):
        self.calls.append((name, codes.shape, access))
        if not self.rate:
            return 0
        place = [self.seed, zlib.crc32(name.encode())]
        reads, size = codes.shape
        if self.weak:
            cells = np.flatnonzero(np.random.default_rng(place).random(8 * size) < 2 * self.rate)
            flips = 0
            for read in range(reads):
                failed = cells[np.random.default_rng([*place, access + read]).random(len(cells)) < 0.5]
                np.bitwise_xor.at(codes[read], failed // 8, (1 << (failed % 8)).astype(np.uint8))
                flips += len(failed)
            return flips
        # Hits that meet cancel; at this mean, what is left flips each bit with probability `rate`, independently.
        rng = np.random.default_rng([*place, access])
        hits = rng.integers(0, 8 * codes.size, rng.poisson(-0.5 * np.log1p(-2 * self.rate) * 8 * codes.size))
        np.bitwise_xor.at(codes.reshape(-1), hits // 8, (1 << (hits % 8)).astype(np.uint8))
        return len(hits)
