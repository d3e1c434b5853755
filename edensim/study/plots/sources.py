"""What `edensim plot` was given: runs, which are drawn together, sweeps, and tables of latencies."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from edensim.errors import ConfigError, InputError
from edensim.printable import shown
from edensim.study.folder import add_files
from edensim.study.opened import OpenedRun, open_folder
from edensim.study.plots.placing import place
from edensim.study.plots.sweep_points import left_out

if TYPE_CHECKING:
    import pandas as pd

HERE = Path("figures")
"""Where figures of several runs, and of tables, go without --out."""


class Source(NamedTuple):
    """Something to draw; `home` is the folder that keeps its figures, None if it has none of its own."""

    content: Any
    home: Path | None
    note: str | None = None


def open_sources(arguments: Sequence[str]) -> list[Source]:
    """Open every folder or .csv file, all runs as one source.

    Raises
    ------
    InputError
        If one cannot be read, or is neither a run, a sweep nor a table.
    ConfigError
        If one is given twice.
    """
    paths = [Path(argument) for argument in arguments]
    places = [os.path.realpath(path) for path in paths]  # Path.resolve raises on a loop of links
    twice = sorted({str(path) for path, place in zip(paths, places, strict=True) if places.count(place) > 1})
    if twice:
        raise ConfigError(f"{twice[0]} is given more than once: its figures would be drawn over each other.")
    runs: list[OpenedRun] = []
    others: list[Source] = []
    for path in paths:
        if path.suffix == ".csv" and _is_file(path):
            others.append(Source(read_table(path), None))
            continue
        opened = open_folder(path)
        if isinstance(opened, OpenedRun):
            runs.append(opened)
        else:
            others.append(Source(opened, path, left_out(opened)))
    if not runs:
        return others
    if len(runs) == 1:
        return [Source(runs[0].result, runs[0].folder), *others]
    return [Source(dict(zip(distinct(runs), (run.result for run in runs), strict=True)), None), *others]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as problem:
        raise InputError(f"{shown(path)} cannot be read: {problem.strerror or problem}.") from None


def distinct(runs: Sequence[OpenedRun]) -> list[str]:
    """Folder names, with as many of the folders above as it takes to tell them apart."""
    paths = [run.folder.resolve().parts for run in runs]
    depth = next(n for n in range(1, max(map(len, paths)) + 1) if len({path[-n:] for path in paths}) == len(paths))
    return ["/".join(path[-depth:]) for path in paths]


def read_table(path: Path) -> pd.DataFrame:
    """Read a table of latencies (columns: see `latency`)."""
    import pandas as pd

    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a table: {' '.join(str(error).split())}.") from None


def keep(source: Source, contents: dict[str, bytes]) -> list[Path]:
    """Write figures into the folder they were drawn from."""
    assert source.home is not None
    if (source.home / "sweep.json").is_file():
        return place(source.home / "figures", contents)
    return add_files(source.home, {f"figures/{name}": data for name, data in contents.items()})
