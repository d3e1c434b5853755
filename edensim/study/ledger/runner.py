"""Running the ledger: simulate what is missing, evaluate every item, write the report.

A ledger folder holds `points/` (a sweep folder: journal, results.csv), `experiments/` (a file for each that is done),
`ledger.json`, `ledger.txt` and `figures/`.
The same command resumes; other items or `--band` add to what is there. Rows are computed from the journal alone, so
an interrupted and repeated run gives the same bytes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from edensim.errors import OutputError
from edensim.printable import utf8
from edensim.study.folder import inside
from edensim.study.ledger import experiment
from edensim.study.ledger.cost import cost_s
from edensim.study.ledger.curve import Curve
from edensim.study.ledger.experiment import Experiment
from edensim.study.ledger.item import Context, Item, NotMeasuredError, Row, with_band
from edensim.study.ledger.plan import Points, item_corners, make_ledger_plan, settings_of
from edensim.study.ledger.text import text
from edensim.study.sweep import disk
from edensim.study.sweep.backend import Backend, Task
from edensim.study.sweep.engine import Session, Tally, run_plan
from edensim.study.sweep.folder import owner_of, read_meta
from edensim.study.sweep.journal import Reader, Records, read_all
from edensim.study.sweep.plan import Plan
from edensim.version import MODEL_VERSION, __version__

FORMAT = 1
POINTS, FIGURES, JSON, TEXT = "points", "figures", "ledger.json", "ledger.txt"
Watch = Callable[[Tally], None]


class OtherVersionError(OutputError):
    """The folder holds a ledger of another version."""


@dataclass(frozen=True)
class Outcome:
    """An item with its rows and curves."""

    item: Item
    rows: list[Row]
    curves: list[Curve] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "title": self.item.title,
            "where": self.item.where,
            "beyond": self.item.beyond,
            "figure": self.item.figure,
            "status": self.item.statuses(self.rows),
            "rows": [row.to_dict() for row in self.rows],
        } | ({"curves": [curve.to_dict() for curve in self.curves]} if self.curves else {})


@dataclass
class Work:
    """What is asked for, and what of it is left to simulate."""

    items: list[Item]
    band: bool
    plan: Plan
    points: Points
    folder: Path
    wanted: list[dict[str, Any]] = field(default_factory=list)

    @property
    def experiments(self) -> list[Experiment]:
        """Experiments that are asked for and left to run."""
        return experiment.left(self.folder, (e for item in self.items for e in item.experiments))

    def seconds(self, tasks: list[Task], jobs: int) -> float:
        """How long these points and the experiments will take, by what finished points took here.

        Without any: what they took on the machine of `cost`. Experiments run one after the other.
        """
        slowness = self.points.slowness() or 1.0
        simulations = sum(cost_s(settings) for _, settings in tasks) / jobs
        return slowness * (simulations + sum(e.seconds for e in self.experiments))

    @property
    def basis(self) -> str:
        """What `seconds` rests on."""
        return "by those that are done" if self.points.slowness() else "by what they took where edensim was developed"


def read_report(folder: Path) -> dict[str, Any] | None:
    """`ledger.json` of a folder, None if there is none.

    Raises
    ------
    OutputError
        If the folder is something else, or a ledger of another version.
    """
    if not folder.exists():
        return None
    if not folder.is_dir():
        raise OutputError(f"{folder} is not a folder: choose another place with --out.")
    path = folder / JSON
    if not path.exists():
        ours = (POINTS,) if experiment.is_foreign(folder) else (POINTS, experiment.FOLDER)
        foreign = sorted(p.name for p in folder.iterdir() if p.name not in ours)
        if foreign:
            raise OutputError(
                f"{folder} exists and is no ledger (it holds {', '.join(foreign[:3])}): nothing was changed; choose "
                "another place with --out."
            )
        return None
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise OutputError(f"{path} cannot be read: {error}. Choose another place with --out.") from None
    if not isinstance(found, dict) or found.get("kind") != "ledger" or not isinstance(found.get("items"), dict):
        raise OutputError(
            f"{path} is not the record of a ledger: nothing was changed; choose another place with --out."
        )
    have = (found.get("format"), found.get("model_version"))
    if have != (FORMAT, MODEL_VERSION):
        raise OtherVersionError(
            f"{folder} holds a ledger of layout {have[0]} and model version {have[1]}, written by edensim "
            f"{found.get('version', '?')}; this edensim writes layout {FORMAT} and computes model version "
            f"{MODEL_VERSION}. They are never mixed: choose another place with --out, or --force to compute it anew."
        )
    return found


def prepare(items: list[Item], known: Sequence[Item], folder: Path, band: bool) -> Work:
    """Plan what the items need; `known` are all items there are."""
    place = folder / POINTS
    plan = make_ledger_plan(known, place)
    records = read_all(place, owner_of(read_meta(place))) if (place / "sweep.json").exists() else Records()
    return Work(items, band, plan, Points.of(plan, records), folder, settings_of(items, band))


def simulate(
    work: Work,
    folder: Path,
    backend: Backend,
    watch: Watch | None = None,
    begin: Callable[[], None] | None = None,
    retry_failed: bool = False,
) -> Tally:
    """Simulate what is left; interrupted, it returns with everything finished in the journal.

    Raises
    ------
    OutputError
        If the folder belongs to another ledger, is in use, or cannot be written.
    """
    tasks = work.points.tasks(work.wanted, retry_failed)
    if not tasks:
        return Tally()

    def only(session: Session, chosen: Backend, told: Watch | None) -> None:
        session.tally.planned, session.tally.before, session.tally.failed = len(tasks), 0, 0
        if begin is not None:
            begin()
        session.run(tasks, chosen, told)
        work.points = Points(work.points.ids, session.records)

    tally, _ = run_plan(work.plan, folder / POINTS, backend, retry_failed=retry_failed, watch=watch, search=only)
    return tally


def evaluate(work: Work) -> list[Outcome]:
    """Rows of every item from what the journal holds."""
    outcomes = []
    with Reader(work.points.records) as reader:
        lookup = partial(work.points.lookup, reader)
        found = partial(experiment.read, work.folder)
        for item in work.items:
            contexts = [Context(lookup, corner, found) for corner in item_corners(item, work.band)]
            computed = [(context.corner, item.rows(context)) for context in contexts]
            rows = computed[0][1]
            rows = with_band(rows, computed) if len(computed) > 1 else rows
            outcomes.append(Outcome(item, rows, _curves(item, contexts[0])))
    return outcomes


def _curves(item: Item, context: Context) -> list[Curve]:
    try:
        return item.curves(context) if item.curves else []
    except NotMeasuredError:
        return []


def report(outcomes: list[Outcome], old: dict[str, Any] | None, order: Sequence[str]) -> dict[str, Any]:
    """The ledger as plain data: these outcomes, and what an older report has beside them."""
    items = dict(old["items"]) if old else {}
    items |= {outcome.item.name: outcome.to_dict() for outcome in outcomes}
    return {
        "kind": "ledger",
        "format": FORMAT,
        "version": __version__,
        "model_version": MODEL_VERSION,
        "paper": "Koppula et al., EDEN, MICRO 2019",
        "items": {name: items[name] for name in order if name in items},
    }


def write(
    folder: Path, outcomes: list[Outcome], old: dict[str, Any] | None, order: Sequence[str], formats: list[str]
) -> dict[str, Any]:
    """Write `ledger.json`, whose contents are returned, text and figures.

    Raises
    ------
    OutputError
        If a file stands there that no ledger wrote, or the disk refuses.
    """
    from edensim.study.plots.ledger import render

    data = report(outcomes, old, order)
    contents = {TEXT: utf8(text(data["items"]) + "\n")} | render(data["items"], formats)
    owned = set(old["files"]) if old else set()
    foreign = sorted(name for name in contents if name not in owned and (folder / name).exists())
    if foreign:
        raise OutputError(
            f"{folder} holds {', '.join(foreign)}, which no ledger wrote: nothing was changed; choose another place "
            "with --out."
        )
    data["files"] = sorted({*owned, *contents})
    # First the record, so that whatever a crash leaves is known to be a ledger's own.
    record = utf8(json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False) + "\n")
    for name, piece in {JSON: record, **contents}.items():
        disk.make_folder((folder / name).parent)
        disk.replace_file(folder / name, [piece])
    return data


def forget(folder: Path) -> None:
    """Remove what a ledger of any version wrote.

    Raises
    ------
    OutputError
        If the folder holds something else.
    """
    with suppress(OtherVersionError):
        read_report(folder)
    if (folder / POINTS).exists():
        read_meta(folder / POINTS)
        shutil.rmtree(folder / POINTS)
    experiment.forget(folder)
    path = folder / JSON
    if path.exists():
        for name in json.loads(path.read_bytes()).get("files", []):
            inside(folder, name).unlink(missing_ok=True)
        with suppress(OSError):  # not there, or not empty
            (folder / FIGURES).rmdir()
        path.unlink()
