"""Two runs and two sweeps, opened, with invented numbers."""

import copy
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from edensim.study.opened import OpenedRun, OpenedSweep
from edensim.system.result import Result

META = {
    "name": "tiny",
    "config_hash": "0123456789abcdef",
    "model_version": 1,
    "versions": {"edensim": "0.1.0", "numpy": "2.4.6"},
    "host": {"cores": 2},
    "inputs": {"net.csv": "aa"},
    "config": {
        "title": "tiny",
        "dram": {"channels": 1, "preset": "ddr4"},
        "partition": [{"name": "low", "banks": [0, 1]}],
        "seed": 0,
    },
    "origins": {"dram.channels": "preset ddr4 (line 9)", "dram.preset": "tiny.toml:3", "partition": "tiny.toml:5"},
}
DATA = {
    "time_ns": 1000.0,
    "wall_s": 1.0,
    "energy_pj": {"act": 1.0, "background": 99.0, "total": 100.0},
    "commands": {"ACT": 10, "RD": 1000},
    "layers": [{"name": "conv1", "time_ns": 1000.0}],
}


def run(name: str, **changes: object) -> OpenedRun:
    """A run whose result is changed at dotted keys."""
    data = copy.deepcopy(DATA)
    data["compare"] = {"eden": copy.deepcopy(DATA)}
    for dotted, value in changes.items():
        *path, last = dotted.split("/")
        table = data
        for part in path:
            table = table[part]
        table[last] = value
    return OpenedRun(Path(name), copy.deepcopy(META), Result(data))


def sweep(
    name: str,
    axes: dict[str, list],
    metric: Callable[..., float],
    config: dict | None = None,
    failed: int | None = None,
) -> OpenedSweep:
    """A grid over the axes with one metric; row `failed` has failed."""
    import itertools

    points = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    rows = []
    for k, point in enumerate(points):
        ok = k != failed
        value = metric(*point.values()) if ok else float("nan")
        rows.append({"point": f"{k:08x}", **point, "status": "ok" if ok else "failed", "energy_pj.total": value})
    meta = copy.deepcopy(META) | {"points": len(points)}
    meta["config"] |= config or {}
    return OpenedSweep(Path(name), meta, axes, pd.DataFrame(rows))


@pytest.fixture
def make_run():
    """`run` above."""
    return run


@pytest.fixture
def make_sweep():
    """`sweep` above."""
    return sweep
