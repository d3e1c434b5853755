"""The request traces on which ramulator2 2.1 was measured, regenerated from their seeds.

Every trace is a `Trace` of addr (uint64 byte address, 64-byte lines), is_write (uint8) and arrival (uint64 memory clock,
0 = as fast as the queue accepts). The letters a to d are the saturated traces of one million requests; `_low` is their
first 100,000 at one request per 100 clocks; s1 to s4 have 200,000 requests.

    python -m tests.dram.golden_traces FOLDER
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

LONG, LOW, SHORT = 1_000_000, 100_000, 200_000
LINE, ROW, GIB = 64, 8192, 1 << 30
SPAN = 4 * GIB

SHA256 = {
    "s1_streams16": "c3b10e4a681af923dc945292f7ae808da83a10c1f7ee0ad9147e3070bfa4856f",
    "s2_random_writes": "d64593359d2f640bf72eeb418a0f55dd5f7291780e443416db0e278ac21348b5",
    "s3_dnn_like": "8940a4b95ff484173e6e46163cea2ea0e032b0c83c248508d99999cc78591690",
    "s4_rank_pingpong": "8fc45609ad7dbbed93975a6db883cd6c58146ddb219fd7f064beae42ee754065",
}
"""Of the bytes of addr, is_write and arrival (little-endian), as published with the figures."""


class Trace(NamedTuple):
    """Requests in order: uint64, uint8, uint64 arrays of one length."""

    addr: NDArray[np.uint64]
    is_write: NDArray[np.uint8]
    arrival: NDArray[np.uint64]

    def head(self, count: int) -> Trace:
        """The first requests."""
        return Trace(*(column[:count] for column in self))

    def sha256(self) -> str:
        """SHA-256 of all bytes."""
        return hashlib.sha256(b"".join(np.ascontiguousarray(column).tobytes() for column in self)).hexdigest()


def make(addr: ArrayLike, is_write: ArrayLike | None = None, arrival: ArrayLike | None = None) -> Trace:
    """A trace from anything array-like; by default reads, as fast as possible."""
    addresses = np.asarray(addr).astype(np.uint64)
    zeros = np.zeros(len(addresses))
    writes, arrivals = (zeros if x is None else np.asarray(x) for x in (is_write, arrival))
    return Trace(addresses, writes.astype(np.uint8), arrivals.astype(np.uint64))


def a_stream() -> Trace:
    """One sequential stream of reads."""
    return make(np.arange(LONG) * LINE)


def a2_stream_bgi() -> Trace:
    """The same stream with consecutive lines spread over bank groups and banks."""
    i = np.arange(LONG)
    bank_group, bank, column, row = i & 3, (i >> 2) & 3, (i >> 4) & 127, i >> 11
    return make(((row << 11) | (bank << 9) | (bank_group << 7) | column) * LINE)


def b_random() -> Trace:
    """Uniformly random reads."""
    return make(np.random.default_rng(1).integers(0, SPAN // LINE, LONG, dtype=np.uint64) * np.uint64(LINE))


def c_mix8() -> Trace:
    """Eight interleaved sequential streams, three in ten requests writes."""
    rng = np.random.default_rng(2)
    base = np.arange(8, dtype=np.uint64) * np.uint64(512 << 20)
    base += rng.integers(0, 1 << 12, 8, dtype=np.uint64) * np.uint64(ROW)
    stream, is_write = rng.integers(0, 8, LONG), rng.random(LONG) < 0.3
    return make(interleaved(base.astype(np.int64), stream), is_write)


def d_loc50() -> Trace:
    """Random reads, every other one on average in the row of the one before."""
    rng = np.random.default_rng(3)
    is_new_row = rng.random(LONG) >= 0.5
    is_new_row[0] = True
    rows = rng.integers(0, SPAN // ROW, LONG, dtype=np.uint64)
    rows = rows[np.maximum.accumulate(np.where(is_new_row, np.arange(LONG), 0))]
    return make(rows * np.uint64(ROW) + rng.integers(0, 128, LONG, dtype=np.uint64) * np.uint64(LINE))


def s1_streams16() -> Trace:
    """Sixteen interleaved sequential streams, each request read or write with equal chance."""
    rng = np.random.default_rng(103)
    base = np.arange(16) * (SPAN // 16) + rng.integers(0, 4096, 16) * ROW
    stream = rng.integers(0, 16, SHORT)
    return make(interleaved(base, stream), rng.random(SHORT) < 0.5)


def s2_random_writes() -> Trace:
    """Uniformly random writes."""
    return make(np.random.default_rng(104).integers(0, SPAN // LINE, SHORT) * LINE, np.ones(SHORT))


def s3_dnn_like() -> Trace:
    """Long weight reads, short feature-map reads, output writes."""
    rng = np.random.default_rng(107)
    weights, ifm, ofm = 0, 1 * GIB + 3 * ROW, 2 * GIB + 5 * ROW
    parts: list[NDArray[np.int64]] = []
    writes: list[NDArray[np.bool_]] = []

    def append(base: int, lines: NDArray[np.int64], is_write: bool) -> int:
        parts.append(base + lines * LINE)
        writes.append(np.full(len(lines), is_write))
        return len(lines)

    read_weights = written = total = 0
    while total < SHORT:
        run = int(rng.integers(256, 2049))
        total += append(weights, read_weights + np.arange(run), False)
        read_weights += run
        for _ in range(int(rng.integers(2, 9))):
            run, height = int(rng.integers(4, 33)), int(rng.integers(1, 5))
            origin = int(rng.integers(0, 1 << 18))
            tile = np.concatenate([(origin + y * 224) + np.arange(run) for y in range(height)])
            out = int(rng.integers(8, 65))
            total += append(ifm, tile, False) + append(ofm, written + np.arange(out), True)
            written += out
    return make(np.concatenate(parts)[:SHORT], np.concatenate(writes)[:SHORT])


def s4_rank_pingpong() -> Trace:
    """Four streams; address bit 13 (the rank of a two-rank DDR4 x8 channel) flips every 1, 2, 4 or 8 requests."""
    rng = np.random.default_rng(109)
    flip = np.zeros(SHORT, dtype=np.int64)
    at = 0
    while at < SHORT:
        period, length = int(rng.choice([1, 2, 4, 8])), int(rng.integers(64, 513))
        flip[at : at + length] = (np.arange(length) // period % 2)[: SHORT - at]
        at += length
    stream = rng.integers(0, 4, SHORT)
    line = np.empty(SHORT, dtype=np.int64)
    for k in range(4):
        mine = stream == k
        line[mine] = np.arange(mine.sum()) + 5000 * k
    base = stream * GIB + (line // 128) * (2 * ROW) + (line % 128) * LINE
    return make(base + flip * ROW, rng.random(SHORT) < 0.3)


def interleaved(base: NDArray[np.int64], stream: NDArray[np.int64]) -> NDArray[np.int64]:
    """Addresses of sequential streams that begin at `base`; `stream` says whose turn it is."""
    addr = np.empty(len(stream), np.int64)
    for k, start in enumerate(base):
        mine = stream == k
        addr[mine] = start + np.arange(int(mine.sum())) * LINE
    return addr


SATURATED: dict[str, Callable[[], Trace]] = {f.__name__: f for f in (a_stream, a2_stream_bgi, b_random, c_mix8, d_loc50)}
OTHERS: dict[str, Callable[[], Trace]] = {
    f.__name__: f for f in (s1_streams16, s2_random_writes, s3_dnn_like, s4_rank_pingpong)
}
NAMES = [*SATURATED, *(f"{name}_low" for name in SATURATED if name != "a2_stream_bgi"), *OTHERS]


def golden_trace(name: str) -> Trace:
    """A trace by name: one of `NAMES`."""
    if name.endswith("_low"):
        addr, is_write, _ = SATURATED[name.removesuffix("_low")]().head(LOW)
        return make(addr, is_write, np.arange(LOW) * 100)
    return (SATURATED | OTHERS)[name]()


def main(folder: Path) -> None:
    """Write every trace as FOLDER/NAME.npz."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        np.savez_compressed(folder / f"{name}.npz", **golden_trace(name)._asdict())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
