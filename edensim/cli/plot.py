"""`edensim plot FOLDER…`: draw the figures of finished runs and sweeps; `--dram`: the latency of a memory."""

from __future__ import annotations

import os
from pathlib import Path

import click

from edensim.cli import console
from edensim.cli.latency_options import check_latency, latency_options, latency_table
from edensim.cli.options import common, force_option, format_option


@click.command(short_help="Draw figures of runs, sweeps and memories.")
@click.argument("folders", metavar="FOLDER...", nargs=-1)
@click.option(
    "--kind",
    "kinds",
    default="all",
    show_default=True,
    metavar="NAME,…|all",
    help="Of a run: energy, timeline, points, layers, power. Of a sweep: energy, vdd, trcd, lines, heatmap, pareto. "
    "Of a table or --dram: latency.",
)
@click.option(
    "--width", type=click.Choice(["single", "double"]), default="single", show_default=True, help="Column of a paper."
)
@click.option("--x", metavar="AXIS", help="Axis of a sweep along which to draw, e.g. vdd (default: the first).")
@click.option("--metric", "metrics", metavar="NAME", multiple=True, help="What heat maps show, a column of results.csv "
              "(repeatable; default: energy and time).")  # fmt: skip
@latency_options
@format_option("png,svg,pdf")
@click.option(
    "--out",
    metavar="DIR",
    help="Folder for the figures (default: FOLDER/figures; of several runs, a table or --dram: figures).",
)
@force_option
@common
def plot(
    folders: tuple[str, ...],
    kinds: str,
    width: str,
    x: str | None,
    metrics: tuple[str, ...],
    drams: tuple[str, ...],
    overrides: tuple[str, ...],
    rates: int | None,
    requests: int | None,
    formats: list[str],
    out: str | None,
    force: bool,
) -> None:
    """Draw figures of runs and sweeps, each with its data as CSV.

    FOLDER is a run folder, a sweep folder, or a .csv file with the columns offered_gb_s, bandwidth_gb_s and latency_ns.
    Of several runs the energy is drawn side by side. With --dram a memory is measured first.

    \b
    edensim plot runs/vdd-trcd --kind heatmap,pareto
    edensim plot --dram ddr4-2400r-8gb-x8 --dram lpddr3-1600-4gb-x32 --out figures
    edensim plot --dram all --width double --out figures

    Figures in a run or sweep folder are drawn anew; in another folder existing files are kept unless --force.
    """  # noqa: D301
    check_latency(folders, drams, set=overrides, rates=rates, requests=requests)
    from edensim.study.plots.formats import check_formats
    from edensim.study.plots.kinds import CannotDrawError, parse_kinds
    from edensim.study.plots.options import Options

    wanted = parse_kinds(kinds)
    formats = check_formats(formats)
    options = Options(width, x, metrics) if metrics else Options(width, x)

    from edensim.errors import ConfigError
    from edensim.study.folder import write_all
    from edensim.study.plots.figures import render, source_kind
    from edensim.study.plots.kinds import SWEEP
    from edensim.study.plots.sources import HERE, Source, keep, open_sources

    measured = [Source(latency_table(drams, overrides, rates, requests), None)] if drams else []
    sources = measured or open_sources(folders)
    if (x or metrics) and not any(source_kind(source.content) == SWEEP for source in sources):
        raise ConfigError(f"{'--x' if x else '--metric'} is for figures of sweeps, and none is given.")
    apart = [source for source in sources if out is not None or source.home is None]
    if len(apart) > 1:
        raise ConfigError(
            f"{len(sources)} sources would write figures of the same names into {out or HERE}: "
            "draw them in separate calls, each with its own --out."
        )
    for source in sources:
        if source.note:
            console.log(source.note)
        reasons: dict[str, None] = {}
        refused = None if wanted else reasons.setdefault
        contents = render(source.content, wanted, formats, folder="", options=options, refused=refused)
        for reason in reasons:
            console.log(reason)
        if not contents:
            raise CannotDrawError(f"{', '.join(folders or drams)}: there is nothing to draw.")
        written = write_all(Path(out or HERE), contents, force) if source in apart else keep(source, contents)
        for path in written:
            console.say(os.fspath(path))
