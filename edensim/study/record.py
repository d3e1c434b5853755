"""A run on disk: `meta.json`, `result.json`, `results.csv` and figures; and its way back into a `Result`.

`results.csv` and `result.json` hold no clock readings, so equal configurations give equal bytes; times, versions and
the command line stand in `meta.json`.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edensim.errors import ConfigError, InputError
from edensim.printable import readable, utf8
from edensim.study.folder import read_meta, staged, write_meta
from edensim.study.provenance import host, input_digests, versions
from edensim.version import MODEL_VERSION

if TYPE_CHECKING:
    from edensim.config import Resolved
    from edensim.system.result import Result

CLOCK_READINGS = ("wall_s",)


@dataclass(frozen=True)
class Occasion:
    """Circumstances of a run that must not change its result."""

    command_line: list[str]
    started: datetime = field(default_factory=lambda: datetime.now(UTC))


def default_folder(resolved: Resolved) -> Path:
    """`runs/<config>-<hash8>` under the present folder."""
    return Path("runs") / f"{resolved.name}-{resolved.hash[:8]}"


def save(
    result: Result,
    resolved: Resolved,
    folder: Path,
    occasion: Occasion,
    figures: Iterable[str] = (),
    force: bool = False,
) -> list[Path]:
    """Write a run folder, all or nothing.

    Parameters
    ----------
    figures
        Formats to draw every figure in (png, svg, pdf); none draws nothing.
    force
        Replace what edensim wrote to `folder` before.

    Returns
    -------
    list of Path
        The pictures that were drawn.
    """
    with staged(folder, force) as stage:
        data = {name: value for name, value in result.data.items() if name not in CLOCK_READINGS}
        (stage / "result.json").write_bytes(utf8(to_json(data) + "\n"))
        (stage / "results.csv").write_bytes(utf8(tidy_csv(result)))
        if result.tensors:
            np.savez(stage / "tensors.npz", **result.tensors)  # type: ignore[arg-type]
        drawn: list[str] = []
        formats = list(figures)
        if formats:
            from edensim.study.plots.figures import KINDS, render

            (stage / "figures").mkdir()
            for name, contents in render(result, KINDS, formats, refused=lambda _: None).items():
                (stage / name).write_bytes(contents)
                drawn.append(name)
        write_meta(stage, _meta(result, resolved, occasion))
    return [folder / name for name in drawn if not name.endswith(".csv")]


def load(folder: str | os.PathLike[str]) -> Result:
    """Read a run folder back.

    Raises
    ------
    InputError
        If the folder is no complete run folder.
    """
    from edensim.system.result import Result

    meta = read_meta(Path(folder))
    if not meta.get("complete"):
        raise InputError(f"{folder} was being replaced when edensim was interrupted: run it again with --force.")
    path = Path(folder) / "result.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from None
    if not isinstance(data, dict) or data.get("config_hash") != meta.get("config_hash"):
        raise InputError(f"{path} does not belong to the {meta.get('config_hash', '?')[:8]} that meta.json records.")
    return Result(data | {name: meta[name] for name in CLOCK_READINGS if name in meta})


def to_json(data: Any, indent: int | None = 1) -> str:
    """JSON without NaN; arrays and NumPy scalars become lists and numbers."""
    return readable(json.dumps(data, indent=indent, allow_nan=False, ensure_ascii=False, default=_plain))


def tidy_csv(result: Result) -> str:
    """`results.csv`: one row per point, layer, metric and component; floats keep every digit."""
    from edensim.system.result import COLUMNS

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(result.rows())
    return text.getvalue()


def require_runnable(resolved: Resolved) -> None:
    """Check that a configuration says what runs and where.

    Raises
    ------
    ConfigError
        Naming every missing table.
    """
    missing = [table for table in ("workload", "machine") if getattr(resolved.config, table) is None]
    if missing:
        where = resolved.path or resolved.name
        raise ConfigError([f"{where}: table [{table}] is missing; a run needs it." for table in missing])


def _meta(result: Result, resolved: Resolved, occasion: Occasion) -> dict[str, Any]:
    return {
        "complete": True,
        "files": [],
        "name": resolved.name,
        "config_hash": resolved.hash,
        "model_version": MODEL_VERSION,
        "versions": versions(),
        "host": host(),
        "command_line": occasion.command_line,
        "started": occasion.started.isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        **{name: result.data[name] for name in CLOCK_READINGS if name in result.data},
        "warnings": list(result.data.get("warnings", ())),
        "seeds": {"seed": resolved.config.seed},
        "inputs": input_digests(resolved),
        "config": resolved.config.model_dump(mode="json", exclude_none=True),
        "origins": resolved.origins,
    }


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON")
