"""Synthetic request traces: streams, random accesses, mixes, and the golden traces of the parity tests.

Every pattern follows from its length and its seed alone. `golden_trace(name)` gives the traces on which other
simulators were run, bit for bit; they are the patterns with fixed length and seed:

================== ============================================================== ========= ====
golden name        pattern                                                         requests  seed
================== ============================================================== ========= ====
`a_stream`         `stream`: sequential reads                                     1,000,000   -
`a2_stream_bgi`    `stream_interleaved`: the same, over bank groups and banks     1,000,000   -
`b_random`         `random`: uniform reads over 4 GiB                             1,000,000    1
`c_mix8`           `mix`: 8 interleaved streams, 30 % writes                      1,000,000    2
`d_loc50`          `locality`: random rows, half the reads stay in the row        1,000,000    3
`*_low`            the first 100,000 of a, b, c, d, one per 100 clocks              100,000
`s1_streams16`     `streams16`: 16 interleaved streams, half of them writes         200,000  103
`s2_random_writes` `random_writes`: uniform writes over 4 GiB                       200,000  104
`s3_dnn_like`      `dnn_like`: long weight reads, short map reads, output writes    200,000  107
`s4_rank_pingpong` `rank_pingpong`: address bit 13 flips every 1, 2, 4, 8 requests  200,000  109
================== ============================================================== ========= ====

Addresses are multiples of 64 bytes below 4 GiB (streams may be longer). Not modelled: any real program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from edensim.dram.trace_requests import CHUNK, Requests, slices
from edensim.errors import ConfigError, did_you_mean

LINE, ROW = 64, 8192
"""Bytes of a burst, and bytes that share a row in a DDR4 x8 channel of 64 bits."""
GIB = 1 << 30
SPAN = 4 * GIB
GOLDEN_LENGTH, GOLDEN_LOW_LENGTH, GOLDEN_STANDARDS_LENGTH = 1_000_000, 100_000, 200_000
LOW_GAP = 100
"""Clocks between two requests of the *_low traces."""

Words = npt.NDArray[np.uint64]


def stream(n: int, seed: int = 0, first: int = 0) -> Requests:
    """Sequential reads from address 0 (from request `first` on); `seed` is unused."""
    i = np.arange(first, first + n, dtype=np.uint64)
    return Requests(i * np.uint64(LINE), np.zeros(n, np.uint8))


def stream_interleaved(n: int, seed: int = 0, first: int = 0) -> Requests:
    """`stream` with line bits moved: neighbours lie in other bank groups, then banks (RoBaRaCoCh, 16 banks)."""
    i = np.arange(first, first + n, dtype=np.uint64)
    bank_group, bank, column, row = i & 3, (i >> 2) & 3, (i >> 4) & 127, i >> 11
    line = (row << 11) | (bank << 9) | (bank_group << 7) | column
    return Requests(line.astype(np.uint64) * np.uint64(LINE), np.zeros(n, np.uint8))


def random(n: int, seed: int = 1, rng: np.random.Generator | None = None) -> Requests:
    """Uniformly random reads over 4 GiB; a given `rng` is continued."""
    rng = np.random.default_rng(seed) if rng is None else rng
    return Requests(rng.integers(0, SPAN // LINE, n, dtype=np.uint64) * np.uint64(LINE), np.zeros(n, np.uint8))


def mix(n: int, seed: int = 2) -> Requests:
    """Eight interleaved sequential streams, 512 MiB apart, every request a write with probability 0.3."""
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 1 << 12, 8, dtype=np.uint64) * np.uint64(ROW)
    base = np.arange(8, dtype=np.uint64) * np.uint64(512 << 20) + start
    which = rng.integers(0, 8, n)
    is_write = (rng.random(n) < 0.3).astype(np.uint8)
    return Requests(base[which] + _turn(which, 8).astype(np.uint64) * np.uint64(LINE), is_write)


def locality(n: int, seed: int = 3) -> Requests:
    """Random reads that stay in the row of their predecessor with probability 0.5."""
    rng = np.random.default_rng(seed)
    new_row = rng.random(n) >= 0.5
    new_row[:1] = True
    newest = np.maximum.accumulate(np.where(new_row, np.arange(n), 0))
    rows = rng.integers(0, SPAN // ROW, n, dtype=np.uint64)[newest]
    columns = rng.integers(0, ROW // LINE, n, dtype=np.uint64)
    return Requests(rows * np.uint64(ROW) + columns * np.uint64(LINE), np.zeros(n, np.uint8))


def streams16(n: int, seed: int = 103) -> Requests:
    """Sixteen interleaved sequential streams, each request read or write with equal chance."""
    rng = np.random.default_rng(seed)
    base = np.arange(16) * (SPAN // 16) + rng.integers(0, 4096, 16) * ROW
    which = rng.integers(0, 16, n)
    return _requests(base[which] + _turn(which, 16) * LINE, rng.random(n) < 0.5)


def random_writes(n: int, seed: int = 104) -> Requests:
    """Uniformly random writes over 4 GiB."""
    rng = np.random.default_rng(seed)
    return _requests(rng.integers(0, SPAN // LINE, n) * LINE, np.ones(n, bool))


def dnn_like(n: int, seed: int = 107) -> Requests:
    """Long weight reads, then a few short two-dimensional feature-map reads, each followed by output writes."""
    rng = np.random.default_rng(seed)
    weights, ifm, ofm = 0, 1 * GIB + 3 * ROW, 2 * GIB + 5 * ROW
    pieces: list[tuple[npt.NDArray[np.int64], int]] = []
    total = weight_line = output_line = 0
    while total < n:
        run = int(rng.integers(256, 2049))
        pieces.append((weights + (weight_line + np.arange(run)) * LINE, 0))
        weight_line += run
        total += run
        for _ in range(int(rng.integers(2, 9))):
            run, width = int(rng.integers(4, 33)), int(rng.integers(1, 5))
            origin = int(rng.integers(0, 1 << 18))
            tile = np.concatenate([(origin + y * 224) + np.arange(run) for y in range(width)])
            out = int(rng.integers(8, 65))
            pieces += [(ifm + tile * LINE, 0), (ofm + (output_line + np.arange(out)) * LINE, 1)]
            output_line += out
            total += len(tile) + out
    addr = np.concatenate([a for a, _ in pieces]) if pieces else np.empty(0, np.int64)
    is_write = np.repeat([w for _, w in pieces], [len(a) for a, _ in pieces]) if pieces else addr
    return _requests(addr[:n], is_write[:n])


def rank_pingpong(n: int, seed: int = 109) -> Requests:
    """Four interleaved streams, 30 % writes, whose address bit 13 flips every 1, 2, 4 or 8 requests.

    Bit 13 is the rank bit of a two-rank DDR4 x8 channel under RoBaRaCoCh.
    """
    rng = np.random.default_rng(seed)
    flip = np.zeros(n, np.int64)
    at = 0
    while at < n:
        period, length = int(rng.choice([1, 2, 4, 8])), int(rng.integers(64, 513))
        flip[at : at + length] = (np.arange(length) // period % 2)[: min(length, n - at)]
        at += length
    which = rng.integers(0, 4, n)
    line = _turn(which, 4) + 5000 * which
    base = which * GIB + (line // 128) * (2 * ROW) + (line % 128) * LINE
    return _requests(base + flip * ROW, rng.random(n) < 0.3)


PATTERNS: dict[str, Callable[..., Requests]] = {
    f.__name__: f
    for f in (stream, stream_interleaved, random, mix, locality, streams16, random_writes, dnn_like, rank_pingpong)
}
GOLDEN: dict[str, tuple[str, int]] = {
    "a_stream": ("stream", GOLDEN_LENGTH),
    "a2_stream_bgi": ("stream_interleaved", GOLDEN_LENGTH),
    "b_random": ("random", GOLDEN_LENGTH),
    "c_mix8": ("mix", GOLDEN_LENGTH),
    "d_loc50": ("locality", GOLDEN_LENGTH),
    "s1_streams16": ("streams16", GOLDEN_STANDARDS_LENGTH),
    "s2_random_writes": ("random_writes", GOLDEN_STANDARDS_LENGTH),
    "s3_dnn_like": ("dnn_like", GOLDEN_STANDARDS_LENGTH),
    "s4_rank_pingpong": ("rank_pingpong", GOLDEN_STANDARDS_LENGTH),
}
"""Pattern and length of every golden trace; `NAME_low` exists for a, b, c and d. The seeds are the defaults."""
GOLDEN_NAMES = (*GOLDEN, *(f"{name}_low" for name in ("a_stream", "b_random", "c_mix8", "d_loc50")))


def generate(pattern: str, n: int, seed: int | None = None, gap: int = 0) -> Requests:
    """Return `n` requests of a pattern.

    Parameters
    ----------
    pattern : str
        One of `PATTERNS`.
    n : int
        Number of requests, at least 1.
    seed : int, optional
        Default: the seed of the golden trace of this pattern.
    gap : int
        Memory clocks between two arrivals; 0 = as fast as the queue accepts (all arrivals 0).

    Raises
    ------
    ConfigError
        Unknown pattern, or a number out of range.
    """
    _check(pattern, n, seed, gap)
    return _made(seed, partial(PATTERNS[pattern], n), n, gap)


def generate_chunks(
    pattern: str, n: int, seed: int | None = None, gap: int = 0, size: int = CHUNK
) -> Iterator[Requests]:
    """Yield the requests of `generate(pattern, n, seed, gap)` in chunks of `size`.

    Memory is flat for `stream`, `stream_interleaved` and `random`, which can so be of any length; the other patterns
    are made as a whole and then cut.
    """
    _check(pattern, n, seed, gap)
    if pattern not in ("stream", "stream_interleaved", "random"):
        yield from slices(generate(pattern, n, seed, gap), size)
        return
    rng = np.random.default_rng(1 if seed is None else seed)
    for first in range(0, n, size):
        now = min(size, n - first)
        more = {"rng": rng} if pattern == "random" else {"first": first}
        yield _made(seed, partial(PATTERNS[pattern], now, **more), now, gap, first)


def golden_trace(name: str) -> dict[str, npt.NDArray[Any]]:
    """`addr`, `is_write` and `arrival` of a golden trace, as a dict.

    Parameters
    ----------
    name : str
        One of `GOLDEN_NAMES`.

    Raises
    ------
    ConfigError
        Unknown name.
    """
    if name not in GOLDEN_NAMES:
        raise ConfigError(_unknown("golden trace", name, GOLDEN_NAMES))
    pattern, length = GOLDEN[name.removesuffix("_low")]
    whole = generate(pattern, length)
    if name.endswith("_low"):
        n = GOLDEN_LOW_LENGTH
        return {"addr": whole.addr[:n], "is_write": whole.is_write[:n], "arrival": _arrivals(n, LOW_GAP)}
    return {"addr": whole.addr, "is_write": whole.is_write, "arrival": _arrivals(length, 0)}


def _check(pattern: str, n: int, seed: int | None, gap: int) -> None:
    if pattern not in PATTERNS:
        raise ConfigError(_unknown("trace pattern", pattern, tuple(PATTERNS)))
    for what, value, least in (("requests", n, 1), ("seed", 0 if seed is None else seed, 0), ("gap", gap, 0)):
        if value < least:
            raise ConfigError(f"trace pattern {pattern}: {what} = {value}; expected at least {least}")


def _made(seed: int | None, make: Callable[..., Requests], n: int, gap: int, first: int = 0) -> Requests:
    made = make() if seed is None else make(seed=seed)
    return made._replace(arrival=_arrivals(n, gap, first)) if gap else made


def _unknown(what: str, name: str, known: tuple[str, ...]) -> str:
    hint = did_you_mean(name, known, f"expected one of {', '.join(known)}")
    return f"{what} {name!r} is unknown{hint}"


def _arrivals(n: int, gap: int, first: int = 0) -> Words:
    return np.arange(first, first + n, dtype=np.uint64) * np.uint64(gap)


def _requests(addr: npt.NDArray[np.int64], is_write: npt.NDArray[Any]) -> Requests:
    return Requests(addr.astype(np.uint64), is_write.astype(np.uint8))


def _turn(which: npt.NDArray[np.int64], streams: int) -> npt.NDArray[np.int64]:
    """How many earlier requests belong to the same stream."""
    turn = np.empty(len(which), np.int64)
    for k in range(streams):
        mine = which == k
        turn[mine] = np.arange(np.count_nonzero(mine))
    return turn
