"""Figures in a sweep folder: drawn anew whenever asked for, never in place of a file edensim did not draw."""

from __future__ import annotations

import json
import os
from pathlib import Path

from edensim.errors import OutputError
from edensim.study.folder import write_all

INDEX = "drawn.json"
"""Names of the files in the folder `figures` that edensim drew."""


def place(folder: Path, contents: dict[str, bytes]) -> list[Path]:
    """Write pictures and their data into `folder`, where those drawn before are replaced.

    Raises
    ------
    OutputError
        If one has the name of a file that edensim did not draw, before any is written; or if writing fails.
    """
    drawn = _drawn_before(folder)
    foreign = sorted(name for name in contents if name not in drawn and os.path.lexists(folder / name))
    if foreign:
        raise OutputError(
            f"{folder} holds {', '.join(foreign)}, which edensim did not draw: "
            "nothing was changed; choose another place with --out."
        )
    names = sorted({*drawn, *contents})
    index = (json.dumps(names, indent=1, ensure_ascii=False) + "\n").encode()
    write_all(folder, {INDEX: index}, force=True)
    return write_all(folder, contents, force=True)


def _drawn_before(folder: Path) -> set[str]:
    """Names in the index; none if it is missing or damaged, as then nothing may be replaced."""
    try:
        names = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    return {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()
