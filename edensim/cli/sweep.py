"""`edensim sweep CONFIG`: run a configuration at many points; resume, shard, merge, search."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edensim.cli import console
from edensim.cli.compiling import announced_compilation
from edensim.cli.options import common, json_option, set_option
from edensim.cli.progress import Progress, clock_text
from edensim.cli.sweep_options import positive_option, shard_option, size_option, sweep_options
from edensim.errors import INTERRUPTED, SOME_FAILED

if TYPE_CHECKING:
    from edensim.study.sweep.backend import Backend
    from edensim.study.sweep.engine import Tally
    from edensim.study.sweep.folder import Shard
    from edensim.study.sweep.plan import Plan
    from edensim.study.sweep.table import Table


@click.command(short_help="Run a configuration at many points; resumes.")
@click.argument("config", required=False)
@set_option
@sweep_options
@click.option("--out", metavar="DIR", help="Sweep folder (default: runs/<config>-sweep-<hash>); resumed if it exists.")
@positive_option("--jobs", kind=int, metavar="N", help="Worker processes (default: one per processor).")
@click.option("--serial", is_flag=True, help="No worker processes: points run in this one, without limits.")
@click.option("--dask", metavar="ADDRESS", help="Run points on a Dask cluster, e.g. tcp://host:8786.")
@positive_option("--timeout", "timeout_s", kind=float, metavar="S", help="Seconds a point may take, also on Dask.")
@size_option("--memory-limit", help="Memory a point may have, e.g. 4GB (address space, about 2 GB above its data).")
@shard_option
@click.option("--merge", metavar="DIR", help="Write results.csv from all shards in DIR; runs nothing.")
@click.option("--retry-failed", is_flag=True, help="Run points again that failed before.")
@click.option("--pareto", metavar="LIST", help="Mark the front of these objectives, e.g. energy,time.")
@positive_option("--optuna", "trials", kind=int, metavar="N", help="Search: N points of the grid, by Optuna.")
@click.option("--objective", default="energy,time", show_default=True, metavar="LIST", help="What --optuna minimises.")
@click.option("--dry-run", is_flag=True, help="Tell the number of points, estimated time and disk; run one point.")
@click.option("--yes", is_flag=True, help="Run more than a million points.")
@json_option
@common
def sweep(config: str | None, merge: str | None, as_json: bool, **options: Any) -> int:
    """Run CONFIG at every point of its [sweep] axes (or --axis); the same command resumes what was interrupted.

    \b
    edensim sweep configs/sweep-eyeriss-vdd-trcd.toml --pareto energy,time
    edensim sweep configs/eyeriss-alexnet.toml --axis operating_point.vdd=1.2:0.9:7 --jobs 4

    Every finished point is on the disk before the next is counted; Ctrl-C finishes what runs and saves it.

    \b
    On a cluster, as a SLURM job array, then once:
      edensim sweep CONFIG --out DIR --shard $SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT
      edensim sweep --merge DIR
    or on Dask workers, started with dask-jobqueue for example (see README.md):
      edensim sweep CONFIG --out DIR --dask tcp://host:8786
    """  # noqa: D301  (click wants the backspace itself)
    if (config is None) == (merge is None):
        raise click.UsageError("give either CONFIG or --merge DIR")
    if merge is not None:
        _check_alone("merge", ("pareto", "as_json"))
        return _merge(Path(merge), options, as_json)
    assert config is not None
    _check_combination(options)
    return _sweep(config, options, as_json)


def _check_combination(options: dict[str, Any]) -> None:
    """Refuse options that would silently do nothing."""
    given = [name for name in ("serial", "dask", "jobs") if options[name]]
    if len(given) > 1:
        raise click.UsageError(f"--{given[0]} and --{given[1]} exclude each other")
    limits = [name for key, name in (("timeout_s", "timeout"), ("memory_limit", "memory-limit")) if options[key]]
    if limits and options["serial"]:
        raise click.UsageError(f"--{limits[0]} needs worker processes; points of --serial run in this one")
    if options["trials"] and options["shard"]:
        raise click.UsageError("--optuna chooses its points itself; it cannot run a --shard")
    if _given("objective") and not options["trials"]:
        raise click.UsageError("--objective is what --optuna minimises, which is not given")


def _given(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is click.core.ParameterSource.COMMANDLINE


def _check_alone(name: str, allowed: Sequence[str]) -> None:
    """Refuse every option beside `name` but the allowed ones."""
    for parameter in click.get_current_context().command.params:
        other = str(parameter.name)
        if parameter.expose_value and _given(other) and other not in (name, *allowed):
            raise click.UsageError(f"--{name} runs nothing, so {parameter.opts[0]} would do nothing")


def _check_sampling(mode: str, options: dict[str, Any]) -> None:
    if options["number"] and mode != "sample":
        raise click.UsageError(f"--number is for --mode sample, not for {mode}")
    if options["seed"] is not None and mode != "sample" and not options["trials"]:
        raise click.UsageError("--seed is for --mode sample and --optuna; an axis `seed` repeats points")


def _sweep(config: str, options: dict[str, Any], as_json: bool) -> int:
    from edensim.config import load_config
    from edensim.study.sweep.engine import run_plan
    from edensim.study.sweep.folder import check_folder, default_folder
    from edensim.study.sweep.pareto import objectives
    from edensim.study.sweep.plan import check_base, make_plan, space_of
    from edensim.study.sweep.warm import warm

    axes = _axes(options["axes"])
    resolved = load_config(config, set=list(options["overrides"]), check=check_base(axes))
    space = space_of(resolved, axes, options["where"], options["mode"], options["number"], options["seed"])
    _check_sampling(space.mode, options)
    front = objectives(options["pareto"]) if options["pareto"] else []
    targets = objectives(options["objective"])
    folder = Path(options["out"]) if options["out"] else default_folder(resolved)
    if not options["dry_run"]:
        check_folder(folder)
    with Progress("points") as progress:
        plan = make_plan(resolved, space, options["yes"], progress, folder)
    console.warn(plan.warnings)
    shard = _shard(options["shard"])
    if options["dry_run"]:
        return _dry_run(plan, shard, folder, options, as_json)
    search = None
    if options["trials"]:
        from edensim.study.sweep.optimise import search as by_optuna

        def search(session: Any, backend: Any, watch: Any) -> None:
            by_optuna(session, backend, options["trials"], targets, watch)

    def begin() -> None:
        if options["dask"] is None:
            with announced_compilation():
                warm(plan)

    last: list[Tally] = []
    try:
        with _backend(options) as backend, _watch(last) as watch:
            tally, table = run_plan(
                plan,
                folder,
                backend,
                shard=shard,
                retry_failed=options["retry_failed"],
                pareto=front,
                watch=watch,
                begin=begin,
                search=search,
                command_line=console.settings.command_line,
            )
    except KeyboardInterrupt:
        done = last[-1].before + last[-1].done if last else 0
        console.complain("interrupted", f"stopped at once; {done:,} points are saved in {folder}: repeat to go on.")
        return INTERRUPTED
    return _report(tally, table, folder, shard, as_json, plan.warnings)


def _axes(texts: tuple[str, ...]) -> dict[str, Any]:
    from edensim.errors import ConfigError
    from edensim.study.sweep.axes import parse_axis

    axes: dict[str, Any] = {}
    problems: list[str] = []
    for text in texts:
        try:
            key, values = parse_axis(text)
            if key in axes:
                raise ConfigError(f"--axis: {key} is given twice")
            axes[key] = values
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return axes


def _shard(pair: tuple[int, int] | None) -> Shard | None:
    from edensim.study.sweep.folder import Shard

    return Shard(*pair) if pair else None


@contextmanager
def _backend(options: dict[str, Any]) -> Iterator[Backend]:
    if options["dask"] is not None:
        from edensim.study.sweep.dask_executor import dask_backend

        with dask_backend(
            options["dask"], timeout_s=options["timeout_s"], memory_limit=options["memory_limit"]
        ) as backend:
            yield backend
    else:
        from edensim.study.sweep.api import choose_backend

        jobs = 0 if options["serial"] else options["jobs"]
        yield choose_backend(jobs, None, options["timeout_s"], options["memory_limit"])


@contextmanager
def _watch(last: list[Tally]) -> Iterator[Callable[[Tally], None]]:
    with Progress("points") as progress:

        def watch(tally: Tally) -> None:
            last[:] = [tally]
            label = "sweep" + (f", {tally.before:,} done before" if tally.before else "")
            label += f", {tally.failed:,} failed" if tally.failed else ""
            progress(tally.done, tally.planned - tally.before, label)

        yield watch


def _dry_run(plan: Plan, shard: Shard | None, folder: Path, options: dict[str, Any], as_json: bool) -> int:
    from edensim.study.sweep.estimate import estimate

    points = sum(shard is None or shard.holds(identity.hex()) for identity in plan.ids)
    jobs = 1 if options["serial"] else options["jobs"] or os.cpu_count() or 1
    with announced_compilation():
        found = estimate(plan, points, jobs)
    if as_json:
        data = {"points": points, "jobs": jobs, "point_s": found.point_s, "status": found.status}
        data |= {"seconds": found.seconds, "disk_bytes": found.disk_bytes, "folder": str(folder)}
        console.say_json(data | {"warnings": plan.warnings})
        return 0
    from edensim.study.summary import size
    from edensim.study.text_table import columns

    time = clock_text(found.seconds) if found.seconds >= 60 else f"{found.seconds:.2g} s"
    axes = [[key, f"{len(values)} values"] for key, values in plan.space.axes.items()]
    rows = [
        *axes,
        ["points", f"{points:,}"],
        ["one point", f"{found.point_s:.3g} s (the first one, run here just now: {found.status})"],
        ["estimated time", f"{time} on {jobs} processors, if all points are like it"],
        ["disk", f"{size(found.disk_bytes)} in {folder}/"],
    ]
    console.say(columns(rows, right_from=9))
    for note in plan.notes:
        console.log(note)
    return 0


def _merge(folder: Path, options: dict[str, Any], as_json: bool) -> int:
    from edensim.study.sweep.merge import merge
    from edensim.study.sweep.pareto import objectives

    tally, table = merge(folder, objectives(options["pareto"]) if options["pareto"] else [])
    return _report(tally, table, folder, None, as_json)


def _report(
    tally: Tally, table: Table, folder: Path, shard: Shard | None, as_json: bool, warnings: Sequence[str] = ()
) -> int:
    for note in tally.notes:
        console.log(note)
    data = {
        "folder": str(folder),
        "points": tally.planned,
        "done_before": tally.before,
        "done_now": tally.done,
        "failed": tally.failed,
        "missing": tally.left,
        "interrupted": tally.interrupted,
        "warnings": list(warnings),
    }
    if as_json:
        console.say_json(data)
    else:
        from edensim.study.sweep.summary import summarize

        text = summarize(table)
        if text:
            console.say(text + "\n")
        before = f" ({tally.before:,} of them before)" if tally.before else ""
        part = f" of shard {shard.index}/{shard.count}" if shard else ""
        failed = f", {tally.failed:,} failed" if tally.failed else ""
        missing = f", {tally.left:,} missing" if tally.left else ""
        console.say(f"{tally.planned - tally.left:,} of {tally.planned:,} points{part}{before}{failed}{missing}")
        console.say(f"sweep folder  {folder}/")
    if tally.failed:
        console.log(f"{tally.failed:,} points failed: see {folder}/failures.csv; --retry-failed runs them again.")
    if tally.interrupted:
        console.complain("interrupted", "points in flight were finished and saved; the same command goes on.")
        return INTERRUPTED
    return SOME_FAILED if tally.failed or tally.left else 0
