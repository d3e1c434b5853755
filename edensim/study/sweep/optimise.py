"""Optuna over the grid of a sweep: a search that visits the promising points only, with the same journal.

Points are asked for in batches of fixed size and told in order, so the search takes the same path for any number of
workers; a repeated command replays it from the journal. Values of an axis are ordered as the axis lists them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edensim.config import load_config
from edensim.errors import ConfigError, MissingExtraError
from edensim.study.sweep.backend import Backend, Task
from edensim.study.sweep.engine import Session, Watch
from edensim.study.sweep.journal import Reader
from edensim.study.sweep.pareto import check_columns, sense
from edensim.study.sweep.plan import Plan
from edensim.study.sweep.point import OK, point_id

if TYPE_CHECKING:
    import optuna

BATCH = 8
"""Points asked for together; the same for any number of workers."""


def search(session: Session, backend: Backend, trials: int, columns: Sequence[str], watch: Watch | None) -> None:
    """Let Optuna choose `trials` points of the grid that minimise `columns` (maximise accuracy and the like).

    Raises
    ------
    MissingExtraError
        Without `optuna`.
    ConfigError
        If the sweep is no grid, or a column is no result.
    """
    try:
        import optuna
    except ImportError:
        raise MissingExtraError("optuna", "optuna", "--optuna") from None
    plan = session.plan
    if plan.space.mode != "grid":
        raise ConfigError(f'--optuna searches the grid of the axes; sweep mode "{plan.space.mode}" has none')
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    directions = ["minimize" if sense(column) == 1 else "maximize" for column in columns]
    sampler = optuna.samplers.TPESampler(seed=plan.space.seed, n_startup_trials=BATCH)
    study = optuna.create_study(directions=directions, sampler=sampler)  # type: ignore[arg-type]
    members = {bytes(identity) for identity in plan.ids}
    session.tally.planned = trials
    session.tally.before = session.tally.failed = 0
    for first in range(0, trials, BATCH):
        asked = [study.ask() for _ in range(min(BATCH, trials - first))]
        tasks = [_task(trial, plan) for trial in asked]
        _run(session, backend, [task for task in tasks if bytes.fromhex(task[0]) in members], watch)
        if session.interrupt:
            session.tally.interrupted = True
            return
        _tell(study, asked, tasks, session, columns)


def _task(trial: optuna.Trial, plan: Plan) -> Task:
    """The point of the grid that a trial asks for."""
    settings = {key: values[trial.suggest_int(key, 0, len(values) - 1)] for key, values in plan.space.axes.items()}
    return point_id(load_config(plan.base, set=settings), plan.digests), settings


def _run(session: Session, backend: Backend, tasks: list[Task], watch: Watch | None) -> None:
    fresh = {identity: settings for identity, settings in tasks if session.records.get(identity) is None}
    session.tally.before += len(tasks) - len(fresh)
    session.run(list(fresh.items()), backend, watch)


def _tell(study: optuna.Study, asked: list[Any], tasks: list[Task], session: Session, columns: Sequence[str]) -> None:
    import optuna

    with Reader(session.records) as reader:
        for trial, (identity, _) in zip(asked, tasks, strict=True):
            record = reader.get(identity)
            if record is None or record["status"] != OK:  # excluded by `where`, or failed
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
                continue
            check_columns(columns, list(record["metrics"]))
            study.tell(trial, [record["metrics"][column] for column in columns])
