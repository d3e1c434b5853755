"""A sweep folder on the way back: its description, axes and table, finished or not."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edensim.study.sweep.axes import Axes
from edensim.study.sweep.folder import owner_of, read_meta
from edensim.study.sweep.journal import Records, read_all
from edensim.study.sweep.plan import points_of
from edensim.study.sweep.plan_file import read_plan
from edensim.study.sweep.space import Space, settings_key
from edensim.study.sweep.table import Table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Sweep:
    """A sweep that was read back.

    Attributes
    ----------
    meta : dict
        `sweep.json`.
    axes : dict of str to list
        Values by key, in order.
    frame : pandas.DataFrame
        The rows of `results.csv`: point, axes, status, metrics.
    missing : int
        Points of the plan that have no record yet.
    """

    meta: dict[str, Any]
    axes: Axes
    frame: pd.DataFrame
    missing: int = 0


def load_sweep(folder: str | os.PathLike[str]) -> Sweep:
    """Read a sweep folder, also while it is being written: what the journals hold now.

    Raises
    ------
    InputError
        If `folder` is no sweep folder.
    OutputError
        If its journals belong to another sweep.
    """
    meta = read_meta(Path(folder))
    _, table = saved_table(Path(folder), meta)
    return Sweep(meta, meta["axes"], table.frame(), max(0, meta["points"] - table.ok - table.failed))


def saved_table(folder: Path, meta: Mapping[str, Any], pareto: list[str] | None = None) -> tuple[Records, Table]:
    """The table of a folder without resolving its plan."""
    records = read_all(folder, owner_of(meta))
    space = Space.from_json(meta)
    saved = read_plan(folder, str(meta.get("plan")))
    ids = None if saved else records.ids_by_settings()

    def points() -> Iterator[tuple[str, Mapping[str, Any]]]:
        if saved is not None:
            yield from points_of(space, saved.ids, saved.kept)
            return
        assert ids is not None
        for settings in space.settings():  # the file is lost or damaged: whatever was computed at these settings
            identity = ids.get(settings_key(settings))
            if identity is not None:
                yield identity.hex(), settings

    return records, Table(points, list(space.axes), records, meta.get("pareto", []) if pareto is None else pareto)
