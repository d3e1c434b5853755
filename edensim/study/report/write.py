"""A report from a folder: sections in order, and the file.

The same folder gives the same bytes whenever and wherever the report is written: no clock is read here.
"""

from __future__ import annotations

import os
from pathlib import Path

from edensim.output import atomic_output, check_output
from edensim.study.folder import add_files
from edensim.study.opened import OpenedRun, OpenedSweep, open_folder
from edensim.study.report import record_page, run_page, sweep_page
from edensim.study.report.markup import Markup, tag
from edensim.study.report.page import Section, page
from edensim.study.report.pictures import Picture, pictures
from edensim.version import __version__

FILE = "report.html"


def write_report(
    folder: str | os.PathLike[str], out: str | os.PathLike[str] | None = None, force: bool = False
) -> Path:
    """Write the report of a run or sweep folder.

    Parameters
    ----------
    out
        File to write; None: `report.html` in the folder.

    Raises
    ------
    InputError
        If the folder is neither a run nor a sweep.
    OutputError
        If the file exists (unless `force`) or cannot be written.
    """
    opened = open_folder(folder)
    target = opened.folder / FILE if out is None else Path(out)
    check_output(target, force)
    contents = report_bytes(opened)
    if out is None and isinstance(opened, OpenedRun):
        # Listed in meta.json, so that running again into the folder removes a report that is no longer true.
        add_files(opened.folder, {FILE: contents})
    else:
        with atomic_output(target, force) as file:
            file.write(contents)
    return target


def report_bytes(opened: OpenedRun | OpenedSweep) -> bytes:
    """Lay out the report as HTML, UTF-8."""
    if isinstance(opened, OpenedRun):
        kind, facts, sections = "run", run_page.facts(opened), list(run_page.sections(opened))
    else:
        kind, facts, sections = "sweep", sweep_page.facts(opened), list(sweep_page.sections(opened))
    drawn = pictures(opened)
    if drawn:
        # The table of a run is short; that of a sweep may have hundreds of rows, so pictures come first there.
        place = 1 if kind == "run" else 0
        sections.insert(place, Section("figures", "Figures", tag("div", *map(_figure, drawn), class_="figures")))
    sections += [
        Section("configuration", "Configuration", record_page.configuration(opened)),
        Section("provenance", "Provenance", record_page.provenance(opened)),
        Section("limits", "Known limits", record_page.known_limits(opened)),
    ]
    kicker = f"edensim {kind} · {opened.meta.get('name', opened.folder.name)} · {opened.config_hash[:8]}"
    return page(opened.name, kicker, facts, sections, f"Written by edensim {__version__}. Nothing in this file runs.")


def _figure(picture: Picture) -> Markup:
    return tag(
        "figure",
        tag("img", src=picture.uri, alt=picture.caption),
        tag("figcaption", picture.caption),
    )
