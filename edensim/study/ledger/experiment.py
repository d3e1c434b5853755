"""Measurements of the ledger that are no simulation of a machine: networks under errors, mappings.

Each runs once and leaves one file, `experiments/NAME.json`, as soon as it is done; an interrupted ledger goes on with
the next. A file of another version, or of other shipped weights, counts as missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from edensim.study.sweep import disk
from edensim.version import MODEL_VERSION

FOLDER = "experiments"
WEIGHTS = "study/ledger/weights"
NEEDS_TORCH = "needs the extra dnn: `pip install 'edensim[dnn]'`, then repeat the command"
Found = Mapping[str, float]


@dataclass(frozen=True)
class Experiment:
    """A measurement.

    Parameters
    ----------
    name : str
        Name of its file.
    run : callable
        Measures; gives numbers by name.
    seconds : float
        What it takes of one processor of a shared virtual machine.
    needs_torch : bool
        Whether it needs the extra `dnn`.
    networks : tuple of str
        Shipped networks that it measures.
    """

    name: str
    run: Callable[[], Found]
    seconds: float
    needs_torch: bool = True
    networks: tuple[str, ...] = ()

    @property
    def basis(self) -> dict[str, Any]:
        """What its numbers belong to."""
        return {"model_version": MODEL_VERSION, "weights": {name: digest(name) for name in self.networks}}

    @property
    def is_possible(self) -> bool:
        """Whether what it needs is installed."""
        return not self.needs_torch or find_spec("torch") is not None


@cache
def digest(network: str) -> str:
    """Of the shipped weights of a network."""
    return sha256(weights_file(network)).hexdigest()[:16]


def weights_file(network: str) -> bytes:
    """The shipped weights of a network, an .npz file."""
    return (files("edensim") / WEIGHTS / f"{network}.npz").read_bytes()


def read(folder: Path, experiment: Experiment) -> Found | None:
    """What it found, None if it has not run (or for another version)."""
    try:
        record = json.loads((folder / FOLDER / f"{experiment.name}.json").read_bytes())
        if record["basis"] != experiment.basis:
            return None
        return {str(name): float(value) for name, value in record["found"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def forget(folder: Path) -> None:
    """Remove what experiments wrote, and nothing else."""
    for path in _records(folder):
        path.unlink()
    with suppress(OSError):  # not there, or not empty
        (folder / FOLDER).rmdir()


def is_foreign(folder: Path) -> bool:
    """Whether the folder of the experiments holds something that none of them wrote."""
    place = folder / FOLDER
    return place.exists() and (not place.is_dir() or set(place.iterdir()) != set(_records(folder)))


def _records(folder: Path) -> list[Path]:
    return [path for path in (folder / FOLDER).glob("*.json") if _is_record(path)]


def _is_record(path: Path) -> bool:
    try:
        return set(json.loads(path.read_bytes())) == {"basis", "found"}
    except (OSError, ValueError, TypeError, RecursionError):
        return False


def left(folder: Path, experiments: Iterable[Experiment]) -> list[Experiment]:
    """Those that can run and have not, each once."""
    named = {e.name: e for e in experiments}
    return [e for e in named.values() if e.is_possible and read(folder, e) is None]


def run(folder: Path, experiment: Experiment) -> None:
    """Measure, and keep what was found.

    Raises
    ------
    OutputError
        If the disk refuses.
    """
    record = {"basis": experiment.basis, "found": {name: float(value) for name, value in experiment.run().items()}}
    disk.make_folder(folder / FOLDER)
    text = json.dumps(record, indent=1, allow_nan=False, sort_keys=True) + "\n"
    disk.replace_file(folder / FOLDER / f"{experiment.name}.json", [text.encode()])
