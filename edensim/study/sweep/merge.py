"""Merging the journals of shards into one table."""

from __future__ import annotations

from pathlib import Path

from edensim.errors import OutputError
from edensim.study.sweep.engine import Tally, damage, write_results
from edensim.study.sweep.folder import lock_path, read_meta, write_meta
from edensim.study.sweep.load import saved_table
from edensim.study.sweep.lock import Lock
from edensim.study.sweep.table import Table
from edensim.version import MODEL_VERSION


def merge(folder: Path, pareto: list[str]) -> tuple[Tally, Table]:
    """Write `results.csv` from all journals of a sweep folder.

    Raises
    ------
    InputError
        If `folder` is no sweep folder.
    OutputError
        If it is in use, of another model version, or cannot be written.
    """
    meta = read_meta(folder)
    if meta["model_version"] != MODEL_VERSION:
        raise OutputError(
            f"{folder} holds results of model version {meta['model_version']}; this edensim has model version "
            f"{MODEL_VERSION}. They are never mixed: merge with the edensim that computed them ({meta.get('edensim')})."
        )
    with Lock(lock_path(folder, None)):
        records, table = saved_table(folder, meta, pareto or None)
        if table.ok and pareto and pareto != meta.get("pareto"):
            write_meta(folder, meta | {"pareto": pareto})
        notes = write_results(folder, table)
    tally = Tally(planned=meta["points"], before=table.ok + table.failed, failed=table.failed)
    tally.notes = [*damage(records, None), *notes]
    return tally, table
