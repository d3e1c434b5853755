"""`edensim reproduce`: the numbers of the EDEN paper beside ours."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edensim.cli import console
from edensim.cli.compiling import announced_compilation
from edensim.cli.options import common, format_option, json_option
from edensim.cli.progress import Progress, clock_text
from edensim.cli.sweep_options import positive_option
from edensim.errors import INTERRUPTED, SOME_FAILED

if TYPE_CHECKING:
    from edensim.study.ledger.runner import Work
    from edensim.study.sweep.backend import Backend
    from edensim.study.sweep.engine import Tally

DEFAULT_FOLDER = "runs/reproduce"


@click.command(short_help="The numbers of the EDEN paper beside ours.")
@click.argument("items", nargs=-1, metavar="[ITEM]...")
@click.option("--band", is_flag=True, help="All combinations of what the paper leaves open, not the default alone.")
@click.option("--list", "only_list", is_flag=True, help="Name the items; simulate nothing.")
@click.option("--dry-run", is_flag=True, help="Tell how many simulations are left and how long they take.")
@click.option("--out", default=DEFAULT_FOLDER, show_default=True, metavar="DIR", help="Ledger folder; resumed.")
@positive_option("--jobs", kind=int, metavar="N", help="Worker processes (default: one per processor).")
@click.option("--serial", is_flag=True, help="No worker processes: simulations run in this one.")
@click.option("--retry-failed", is_flag=True, help="Run simulations again that failed before.")
@click.option("--force", is_flag=True, help="Forget what the ledger folder holds and compute it anew.")
@format_option("png")
@json_option
@common
def reproduce(items: tuple[str, ...], only_list: bool, as_json: bool, **options: Any) -> int:
    """Print the numbers of the EDEN paper (Koppula et al., MICRO 2019) beside ours, with a status for each.

    Without ITEM all of them. Statuses: reached; scaled-down (the note says what stands in its place); not reachable
    (the note says why); not computed. Nothing is tuned: a miss is shown as a miss. What the paper leaves open has a
    documented default; --band runs every combination. The same command resumes what was interrupted.

    \b
    edensim reproduce eyeriss-ddr4 tpu-ddr4 --band
    edensim reproduce --list
    """  # noqa: D301  (click wants the backspace itself)
    from edensim.study.ledger.items import all_items, chosen

    selected = chosen(items)
    if only_list:
        _list(selected, as_json)
        return 0
    return _reproduce(selected, list(all_items().values()), options, as_json)


def _list(selected: list[Any], as_json: bool) -> None:
    from edensim.study.text_table import columns

    if as_json:
        console.say_json({item.name: {"title": item.title, "where": item.where} for item in selected})
        return
    console.say(columns([[item.name, item.title, item.where] for item in selected], right_from=3))


def _reproduce(selected: list[Any], known: list[Any], options: dict[str, Any], as_json: bool) -> int:
    from edensim.study.ledger import runner
    from edensim.study.plots.formats import check_formats

    formats, folder = check_formats(options["formats"]), Path(options["out"])
    if options["serial"] and options["jobs"]:
        raise click.UsageError("--serial and --jobs exclude each other")
    if options["force"] and not options["dry_run"]:
        runner.forget(folder)
    old = runner.read_report(folder)
    work = runner.prepare(selected, known, folder, options["band"])
    jobs = 1 if options["serial"] else options["jobs"] or os.cpu_count() or 1
    tasks, waiting = work.points.tasks(work.wanted, options["retry_failed"]), work.experiments
    seconds = work.seconds(tasks, jobs)
    trials = f" and {len(waiting)} experiments" if waiting else ""
    told = f"{len(tasks)} of {len(work.wanted)} simulations{trials} are left"
    told = f"{told}, about {clock_text(seconds)} on {jobs} processors ({work.basis})."
    if options["dry_run"]:
        if as_json:
            found = {"simulations": len(work.wanted), "left": len(tasks), "experiments_left": len(waiting)}
            console.say_json(found | {"seconds": seconds, "jobs": jobs})
        else:
            console.say(told)
        return 0
    if tasks or waiting:
        console.log(told)
    tally = _simulate(work, folder, options, jobs)
    for note in tally.notes:
        console.log(note)
    if tally.interrupted or not _experiment(work):
        console.complain("interrupted", f"what is done is saved in {folder}: the same command goes on.")
        return INTERRUPTED
    outcomes = runner.evaluate(work)
    data = runner.write(folder, outcomes, old, [item.name for item in known], formats)
    _say(data, {item.name for item in selected}, folder, as_json)
    return SOME_FAILED if tally.failed else 0


def _simulate(work: Work, folder: Path, options: dict[str, Any], jobs: int) -> Tally:
    from edensim.study.ledger import runner
    from edensim.study.sweep.warm import warm

    def begin() -> None:
        with announced_compilation():
            warm(work.plan)

    with _watch() as watch:
        backend = _backend(options["serial"], jobs)
        return runner.simulate(work, folder, backend, watch, begin, options["retry_failed"])


def _experiment(work: Work) -> bool:
    """Run the experiments that are left; false if it was interrupted."""
    from edensim.study.ledger import experiment

    waiting = work.experiments
    try:
        with Progress("experiments") as progress:
            for done, one in enumerate(waiting):
                progress(done, len(waiting), one.name)
                experiment.run(work.folder, one)
    except KeyboardInterrupt:
        return False
    return True


def _backend(serial: bool, jobs: int) -> Backend:
    from edensim.study.ledger.measure import MEASURE
    from edensim.study.sweep.backend import Serial
    from edensim.study.sweep.pool import Pool, check_platform

    if serial:
        return Serial(MEASURE)
    check_platform()
    return Pool(jobs, measure=MEASURE)


@contextmanager
def _watch() -> Iterator[Callable[[Tally], None]]:
    with Progress("simulations") as progress:

        def watch(tally: Tally) -> None:
            progress(tally.done, tally.planned, "reproduce")

        yield watch


def _say(data: dict[str, Any], names: set[str], folder: Path, as_json: bool) -> None:
    from edensim.study.ledger.text import text

    shown = {name: item for name, item in data["items"].items() if name in names}
    if as_json:
        console.say_json(data | {"items": shown, "folder": str(folder)})
    else:
        console.say(text(shown))
        console.say(f"ledger folder  {folder}/")
