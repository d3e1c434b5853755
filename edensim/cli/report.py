"""`edensim report RUN|SWEEP`: one self-contained HTML file."""

from __future__ import annotations

import os

import click

from edensim.cli import console
from edensim.cli.options import common, force_file_option


@click.command(short_help="A run or sweep as one self-contained HTML file.")
@click.argument("folder", metavar="RUN|SWEEP")
@click.option("--out", metavar="FILE.html", help="Where to write it (default: report.html in the folder).")
@force_file_option
@common
def report(folder: str, out: str | None, force: bool) -> None:
    """Write a run or a sweep as one static HTML file: tables, figures, configuration, origins, provenance, limits.

    The file needs no server and no network, and executes nothing.
    """
    from edensim.study.report import write_report

    console.say(os.fspath(write_report(folder, out, force)))
