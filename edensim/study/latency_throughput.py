"""Latency-throughput curves of a memory: random reads or a sequential stream, offered at rising rates.

An open loop: requests arrive with exponentially distributed gaps (a Poisson process) whatever the memory answers; a
full queue makes later ones wait outside. Latency counts from the clock at which the controller accepts a read to its
last beat of data, so beyond saturation it stays at what a full queue costs. Not modelled: cores or caches that slow
down when the memory is slow, writes.

On the command line: `edensim plot --dram ddr4-2400r-8gb-x8`, or `--dram all` for every shipped memory.

>>> from edensim.config import load_config
>>> from edensim.study.latency_throughput import measure
>>> frame = measure(load_config({"dram": {"preset": "ddr4-2400r-8gb-x8"}}), rates=8)  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from edensim.config import Resolved
from edensim.dram.controller import DramSystem
from edensim.dram.trace import Requests
from edensim.errors import ConfigError, did_you_mean
from edensim.system.replay import replay_trace

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "pattern", "offered_gb_s", "bandwidth_gb_s", "latency_ns", "latency_p50_ns", "latency_p99_ns", "peak_gb_s",
)  # fmt: skip
PATTERNS = ("stream", "random")
MOST_RATES, MOST_REQUESTS = 1000, 100_000_000


def measure(
    resolved: Resolved,
    rates: int | Sequence[float] = 12,
    patterns: Sequence[str] = PATTERNS,
    requests: int = 20_000,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Replay every pattern at every rate.

    Parameters
    ----------
    resolved : Resolved
        The memory and its operating point.
    rates : int or sequence of float
        Rates offered, GB/s, above 0; or how many, evenly up to the peak of the data buses.
    patterns : sequence of str
        `stream`: lines one after the other; `random`: lines anywhere in the memory with equal chance.
    requests : int
        Requests per curve point and data bus (channel or pseudo-channel), at least 1; so wide memories are watched for
        as many refreshes as narrow ones.
    seed : int
        Of addresses and arrivals; the same ones at every rate, only closer together.
    progress : callable, optional
        Called with points done and their number.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`: GB/s offered and delivered; mean, median and 99th percentile of the read latency in ns; GB/s
        of the data buses.

    Raises
    ------
    ConfigError
        Unknown pattern, or a number out of range.
    """
    import pandas as pd

    memory = DramSystem(resolved.config.dram)
    peak = memory.peak_bandwidth_gb_s
    offered = [peak * k / rates for k in range(1, rates + 1)] if isinstance(rates, int) else [float(r) for r in rates]
    _check(offered, patterns, requests, seed)
    count = requests * memory.geometry.channels * memory.geometry.pseudo_channels
    rows: list[list[float | str]] = []
    for pattern in patterns:
        for rate in offered:
            made = poisson_reads(memory, pattern, rate, count, seed)
            data, _ = replay_trace(resolved, [made], where=pattern)
            latency = data["read_latency_ns"]
            rows.append([pattern, rate, data["bandwidth_gb_s"], latency["mean"], latency["p50"], latency["p99"], peak])
            if progress is not None:
                progress(len(rows), len(patterns) * len(offered))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def measure_each(
    memories: Mapping[str, Resolved],
    rates: int,
    requests: int,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Measure several memories; of more than one, a first column `memory` names them. See `measure`."""
    import pandas as pd

    frames: list[pd.DataFrame] = []
    for name, resolved in memories.items():
        before, each = len(frames), rates * len(PATTERNS)

        def told(done: int, _: int, before: int = before, each: int = each) -> None:
            if progress is not None:
                progress(before * each + done, len(memories) * each)

        frame = measure(resolved, rates, requests=requests, seed=seed, progress=told)
        if len(memories) > 1:
            frame.insert(0, "memory", name)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def poisson_reads(memory: DramSystem, pattern: str, rate_gb_s: float, count: int, seed: int) -> Requests:
    """Reads of a pattern that arrive at `rate_gb_s` on average."""
    rng = np.random.default_rng(seed)
    gap_ck = memory.line_bytes / rate_gb_s * 1000 / float(memory.period)
    arrival = (np.cumsum(rng.exponential(size=count)) * gap_ck).astype(np.uint64)
    lines = memory.geometry.capacity_bytes // memory.line_bytes
    line = rng.integers(0, lines, count) if pattern == "random" else np.arange(count) % lines
    return Requests(line.astype(np.uint64) * np.uint64(memory.line_bytes), np.zeros(count, np.uint8), arrival)


def _check(rates: list[float], patterns: Sequence[str], requests: int, seed: int) -> None:
    problems = []
    for name in patterns:
        if name not in PATTERNS:
            guess = did_you_mean(name, PATTERNS, f"expected {' or '.join(PATTERNS)}")
            problems.append(f"access pattern {name!r} is unknown{guess}")
    if not 1 <= len(rates) <= MOST_RATES:
        problems.append(f"{len(rates)} rates; expected 1 to {MOST_RATES}")
    problems += [f"rate {rate:g} GB/s; expected a finite rate above 0" for rate in rates if not 0 < rate < 1e6]
    if not 1 <= requests <= MOST_REQUESTS:
        problems.append(f"requests = {requests}; expected 1 to {MOST_REQUESTS}")
    if seed < 0:
        problems.append(f"seed = {seed}; expected at least 0")
    if problems:
        raise ConfigError(problems)
