"""What was drawn from a sweep while it had fewer points: the report is written anew, figures are mentioned."""

from __future__ import annotations

from pathlib import Path

from edensim.errors import EdensimError


def renew(folder: Path) -> list[str]:
    """Write `report.html` anew, if the folder has one. Gives what the user should know, in sentences."""
    from edensim.study.plots.placing import INDEX
    from edensim.study.report import write_report
    from edensim.study.report.write import FILE

    notes = []
    if (folder / FILE).is_file():
        try:
            write_report(folder, force=True)
        except EdensimError as error:
            notes.append(f"{folder / FILE} shows an earlier state and could not be written anew: {error}")
    if (folder / "figures" / INDEX).is_file():
        notes.append(f"{folder / 'figures'} shows an earlier state: `edensim plot {folder}` draws it anew.")
    return notes
