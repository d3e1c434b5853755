"""Running a plan: open the folder, skip what is done, run the rest, journal every record, write the table.

Promise: a point is absent or complete and verified; interrupting anything at any moment loses at most the points in
flight; repeating the same command finishes the sweep; `results.csv` is the same bytes for any number of workers and
after any interruption; one bad point never stops the others.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edensim.study.provenance import file_digest
from edensim.study.sweep import disk
from edensim.study.sweep.backend import Backend, Task
from edensim.study.sweep.folder import (
    FAILURES,
    RESULTS,
    Shard,
    check_folder,
    journal_path,
    lock_path,
    settle,
    write_meta,
)
from edensim.study.sweep.interrupt import Interrupt
from edensim.study.sweep.journal import Journal, Records, read_one
from edensim.study.sweep.lock import Lock
from edensim.study.sweep.pareto import check_columns
from edensim.study.sweep.plan import Plan
from edensim.study.sweep.point import OK, REFUSED, Record
from edensim.study.sweep.process import WorkerError
from edensim.study.sweep.renew import renew
from edensim.study.sweep.table import Table, is_count

Watch = Callable[["Tally"], None]
Search = Callable[["Session", Backend, "Watch | None"], None]


@dataclass
class Tally:
    """How far a sweep has come. `planned` counts the points of this call (of a shard: its own)."""

    planned: int = 0
    before: int = 0
    done: int = 0
    failed: int = 0
    interrupted: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def left(self) -> int:
        """Points without a record."""
        return self.planned - self.before - self.done


@dataclass
class Session:
    """An open sweep folder: journal and lock are held. Made by `opened`."""

    plan: Plan
    folder: Path
    records: Records
    journal: Journal
    interrupt: Interrupt
    tally: Tally
    shard: Shard | None
    meta: dict[str, Any]
    pareto: list[str]
    _unchecked: bool = True

    def table(self) -> Table:
        """The table of all points of the plan, from all journals."""
        return Table(self.plan.points, list(self.plan.space.axes), self.records, self.pareto)

    def mine(self, retry_failed: bool) -> Iterator[Task]:
        """Points that this call should run."""
        for identity, settings in self.plan.points():
            if self.shard is not None and not self.shard.holds(identity):
                continue
            entry = self.records.get(identity)
            if entry is None or (retry_failed and not entry.ok):
                yield identity, settings

    def run(self, tasks: Iterable[Task], backend: Backend, watch: Watch | None = None) -> None:
        """Run points and journal them.

        Raises
        ------
        SaveError
            If the disk refuses.
        WorkerError
            If workers cannot start or disagree with the plan.
        ConfigError
            If the first point to succeed lacks an objective of the Pareto front.
        """
        told = len(backend.notes)
        with closing(backend.run(self.plan.text, iter(tasks), self.interrupt)) as batches:
            for batch in batches:
                self.journal.append([record for record in batch if record["status"] != REFUSED])
                for record in batch:
                    if record["status"] == REFUSED:
                        raise WorkerError(record["error"]["message"])
                    self.tally.done += 1
                    self.tally.failed += record["status"] != OK
                self._check_objectives(batch)
                if watch is not None:
                    watch(self.tally)
        self.tally.notes += backend.notes[told:]
        self.tally.interrupted = bool(self.interrupt)

    def _check_objectives(self, batch: Iterable[Record]) -> None:
        """Tell a misspelt objective after the first point, not in the morning."""
        metrics = next((record["metrics"] for record in batch if record["status"] == OK), None)
        if self._unchecked and metrics is not None:
            # What happened zero times is no column of a point that it did not happen to.
            sure = [name for name in self.pareto if not is_count(name)]
            check_columns(sure, [*metrics, *self.plan.space.axes])
            self._unchecked = False


def run_plan(
    plan: Plan,
    folder: Path,
    backend: Backend,
    *,
    shard: Shard | None = None,
    retry_failed: bool = False,
    pareto: Iterable[str] = (),
    watch: Watch | None = None,
    begin: Callable[[], None] | None = None,
    search: Search | None = None,
    command_line: Iterable[str] = sys.argv,
) -> tuple[Tally, Table]:
    """Run what is left of a plan in its folder and write `results.csv` (not for a shard, nor when interrupted).

    Parameters
    ----------
    watch
        Called with the tally whenever records have been saved.
    begin
        Called before the first point runs, if there is one (to compile kernels).
    search
        Runs the points of its choice instead of all (see `optimise`).

    Raises
    ------
    OutputError
        If the folder holds something else, is in use, or cannot be written.
    """
    with closing(backend), opened(plan, folder, shard, list(pareto), list(command_line)) as session:
        tally = session.tally
        _count(session, retry_failed)
        if watch is not None:
            watch(tally)
        if tally.left and begin is not None and not session.interrupt:
            begin()
        if search is not None:
            search(session, backend, watch)
        elif tally.left:
            session.run(session.mine(retry_failed), backend, watch)
        table = session.table()
        if table.ok and table.pareto != session.meta.get("pareto"):
            write_meta(folder, session.meta | {"pareto": table.pareto})
        if shard is None and not tally.interrupted:
            tally.notes += write_results(folder, table)
    return tally, table


def _count(session: Session, retry_failed: bool) -> None:
    tally, shard = session.tally, session.shard
    for identity in map(bytes.hex, session.plan.ids):
        if shard is not None and not shard.holds(identity):
            continue
        tally.planned += 1
        entry = session.records.get(identity)
        if entry is not None and (entry.ok or not retry_failed):
            tally.before += 1
            tally.failed += not entry.ok


@contextmanager
def opened(
    plan: Plan, folder: Path, shard: Shard | None, pareto: list[str], command_line: list[str]
) -> Iterator[Session]:
    """Open a sweep folder for running: lock it, check or write `sweep.json`, read all journals, open one."""
    check_folder(folder)
    path = journal_path(folder, shard)
    disk.make_folder(path.parent)
    with Lock(lock_path(folder, shard)):
        meta = settle(folder, plan, command_line)
        records = Records()
        for other in sorted(path.parent.glob("*.jsonl")):
            if other != path:
                read_one(other, plan.owner, records)
        with Journal(path, plan.owner, records) as journal, Interrupt() as interrupt:
            tally = Tally(notes=[*plan.notes, *damage(records, path)])
            front = pareto or list(meta.get("pareto", []))
            yield Session(plan, folder, records, journal, interrupt, tally, shard, meta, front)


def damage(records: Records, mine: Path | None) -> list[str]:
    """What was found wrong with journals, in words."""
    notes = []
    for path, length in records.torn.items():
        if path == mine:
            notes.append(f"{path} ended in {length} bytes of a line that a crash tore; they were cut.")
    for path, lines in records.bad.items():
        kept = f"; they are kept in {path.stem}.bad" if path == mine else ""
        notes.append(f"{path} has {len(lines)} damaged lines{kept}; their points run again.")
    return notes


def write_results(folder: Path, table: Table) -> list[str]:
    """Write `results.csv` and `failures.csv`; if that changes a table, renew what was drawn from it.

    Returns
    -------
    list of str
        Notes of `renew`.

    Raises
    ------
    SaveError
        If the disk refuses; the files then hold what they held before.
    """
    path = folder / RESULTS
    before = file_digest(path) if path.is_file() else None
    if table.failed or (folder / FAILURES).exists():
        disk.replace_file(folder / FAILURES, table.failures_csv())
    disk.replace_file(path, table.csv())
    return [] if file_digest(path) == before else renew(folder)
