"""`es.sweep(…)`: a sweep from Python."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edensim.config import Resolved, load_config
from edensim.errors import ConfigError
from edensim.study.sweep.backend import Backend, Serial
from edensim.study.sweep.engine import Tally, run_plan
from edensim.study.sweep.executors import Futures
from edensim.study.sweep.pareto import objectives
from edensim.study.sweep.plan import check_base, make_plan, space_of
from edensim.study.sweep.pool import Pool, check_platform
from edensim.study.sweep.warm import warm

if TYPE_CHECKING:
    import pandas as pd


def sweep(
    config: Resolved | str | os.PathLike[str] | Mapping[str, Any],
    axes: Mapping[str, Any] | None = None,
    where: str | None = None,
    mode: str | None = None,
    out: str | os.PathLike[str] | None = None,
    jobs: int | None = None,
    executor: Executor | None = None,
    *,
    number: int | None = None,
    seed: int | None = None,
    timeout_s: float | None = None,
    memory_limit: int | None = None,
    retry_failed: bool = False,
    pareto: str | None = None,
    watch: Callable[[Tally], None] | None = None,
) -> pd.DataFrame:
    """Run a configuration at every point of its axes.

    Parameters
    ----------
    config
        What `load_config` returns or accepts; its `[sweep]` table, if any, is the start.
    axes
        Values by dotted key: a list, `{"linspace": [first, last, number]}` or `{"range": [start, stop, step]}`.
    where
        Condition on points, such as "operating_point.vdd >= 1.1".
    mode
        grid (default), zip, list or sample (with `number` and `seed`).
    out
        Sweep folder: every point is saved as it finishes, and the same call resumes. Without it nothing is kept.
    jobs
        Worker processes (default: one per processor; 0: none, points run in this process).
    executor
        Any `concurrent.futures.Executor` instead of own worker processes. If it breaks, own ones go on.
    timeout_s, memory_limit
        Wall seconds a point may take, and bytes of address space (not with `jobs=0`).
    retry_failed
        Run points again that failed before.
    pareto
        Objectives whose front is marked in a column, such as "energy,time".
    watch
        Called with the tally whenever points were saved.

    Returns
    -------
    pandas.DataFrame
        The rows of `results.csv`: point, axes, status (ok or failed), metrics with their units in the name.

    Raises
    ------
    ConfigError
        All problems of all points, before anything runs; or an objective that no point has, after the first one.
    OutputError
        If `out` holds another sweep, is in use, or cannot be written.
    KeyboardInterrupt
        After Ctrl-C; points in flight were finished and saved.
    """
    resolved = load_config(config, check=check_base(axes or {}))
    space = space_of(resolved, axes, where, mode, number, seed, origin="axes")
    backend = choose_backend(jobs, executor, timeout_s, memory_limit)
    front = objectives(pareto) if pareto else []
    plan = make_plan(resolved, space, yes=True, folder=None if out is None else Path(out))
    with tempfile.TemporaryDirectory(prefix="edensim-sweep-") as temporary:
        folder = Path(temporary) / "sweep" if out is None else Path(out)
        tally, table = run_plan(
            plan,
            folder,
            backend,
            retry_failed=retry_failed,
            pareto=front,
            watch=watch,
            begin=None if executor is not None else lambda: warm(plan),
            command_line=["es.sweep"],
        )
        for note in tally.notes:
            warnings.warn(note, stacklevel=2)
        if tally.interrupted:
            raise KeyboardInterrupt
        return table.frame()


def choose_backend(
    jobs: int | None, executor: Executor | None, timeout_s: float | None, memory_limit: int | None
) -> Backend:
    """The backend that runs points.

    Raises
    ------
    ConfigError
        If limits are asked for where none can hold.
    """
    if executor is not None:
        return Futures(executor, timeout_s=timeout_s, memory_limit=memory_limit)
    if jobs == 0:
        if timeout_s or memory_limit:
            raise ConfigError("limits of time and memory need worker processes: points in this process have none")
        return Serial()
    check_platform()
    return Pool(jobs or os.cpu_count() or 1, timeout_s, memory_limit)
