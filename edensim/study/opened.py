"""A finished run or sweep, opened for reading by those who compare and report.

Modelled: which of the two a folder holds, and what both have in common. Not modelled: unfinished folders.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edensim.errors import InputError
from edensim.printable import one_line, shown

if TYPE_CHECKING:
    import pandas as pd

    from edensim.system.result import Result

RUN_RECORD = "meta.json"
SWEEP_RECORD = "sweep.json"


@dataclass(frozen=True)
class Opened:
    """What a run and a sweep have in common: the folder and its record."""

    folder: Path
    meta: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Title of the configuration, else its name."""
        return one_line(str(self.config.get("title") or self.meta.get("name") or self.folder.name))

    @property
    def config(self) -> dict[str, Any]:
        """Resolved configuration (of a sweep: the one its axes change)."""
        config = self.meta.get("config", {})
        return config if isinstance(config, dict) else {}

    @property
    def origins(self) -> dict[str, str]:
        """Dotted key to where its value comes from."""
        origins = self.meta.get("origins", {})
        return {str(key): str(origin) for key, origin in origins.items()} if isinstance(origins, dict) else {}

    @property
    def config_hash(self) -> str:
        """SHA-256 of the configuration, hexadecimal."""
        return str(self.meta.get("config_hash", ""))

    @property
    def versions(self) -> dict[str, str]:
        """Versions of edensim, of its model where it is recorded, and of libraries."""
        found = self.meta.get("versions")
        versions = dict(found) if isinstance(found, dict) else {}
        for key, name in (("version", "edensim"), ("edensim_version", "edensim"), ("model_version", "model")):
            if key in self.meta:
                versions.setdefault(name, self.meta[key])
        return {str(name): str(version) for name, version in versions.items()}

    @property
    def model_version(self) -> str:
        """What results may be mixed by: the version of the model, or of edensim where only that is recorded."""
        versions = self.versions
        return versions.get("model") or versions.get("edensim", "")


@dataclass(frozen=True)
class OpenedRun(Opened):
    """A run folder and its result."""

    result: Result


@dataclass(frozen=True)
class OpenedSweep(Opened):
    """A sweep folder: its axes and one row per point."""

    axes: Mapping[str, list[Any]]
    frame: pd.DataFrame

    @property
    def metrics(self) -> list[str]:
        """Columns of the frame that hold results."""
        from pandas.api.types import is_bool_dtype, is_numeric_dtype

        known = {"point", "status", "pareto", *self.axes}
        columns = [str(name) for name in self.frame.columns if name not in known]
        return [c for c in columns if is_numeric_dtype(self.frame[c]) and not is_bool_dtype(self.frame[c])]


def open_folder(folder: str | os.PathLike[str]) -> OpenedRun | OpenedSweep:
    """Open a run or a sweep folder.

    Raises
    ------
    InputError
        If it is neither, unfinished, written by a newer edensim, or cannot be read.
    """
    path = Path(folder)
    try:
        is_sweep, is_run = ((path / record).is_file() for record in (SWEEP_RECORD, RUN_RECORD))
        is_folder = path.is_dir()
    except OSError as problem:
        raise InputError(f"{shown(path)} cannot be read: {problem.strerror or problem}.") from None
    if is_sweep:
        from edensim.study.sweep import load_sweep

        sweep = load_sweep(path)
        return OpenedSweep(path, sweep.meta, sweep.axes, sweep.frame)
    if is_folder and not is_run:
        raise InputError(
            f"{shown(path)} holds neither {RUN_RECORD} nor {SWEEP_RECORD}: expected a folder written by "
            "`edensim run` or `edensim sweep`."
        )
    from edensim.study.folder import read_meta
    from edensim.study.record import load

    return OpenedRun(path, read_meta(path), load(path))
