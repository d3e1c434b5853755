"""`edensim plot RUN`: draw the figures of a finished run."""

from __future__ import annotations

import os
from pathlib import Path

import click

from edensim.cli import console
from edensim.cli.options import common, force_option, format_option


@click.command()
@click.argument("run_folder", metavar="RUN")
@click.option("--kind", type=click.Choice(["energy", "timeline", "points", "all"]), default="all", show_default=True)
@format_option("png,svg,pdf")
@click.option("--out", metavar="DIR", help="Folder for the figures (default: RUN/figures).")
@force_option
@common
def plot(run_folder: str, kind: str, formats: list[str], out: str | None, force: bool) -> None:
    """Draw energy breakdown, bandwidth timeline and operating points of a run, each with its data as CSV.

    Figures in the run folder are drawn anew; in another folder existing files are kept unless --force.
    """
    from edensim.study.folder import add_files, write_all
    from edensim.study.plots.figures import KINDS, render
    from edensim.study.record import load

    result = load(run_folder)
    kinds = KINDS if kind == "all" else (kind,)
    if out is None:
        written = add_files(Path(run_folder), render(result, kinds, formats))
    else:
        written = write_all(Path(out), render(result, kinds, formats, folder=""), force)
    for path in written:
        console.say(os.fspath(path))
