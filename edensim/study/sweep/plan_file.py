"""`plan.ids`: the points of a sweep as they were resolved once, so that a repeated command need not do it again.

The file counts only for exactly the plan that wrote it: the same configuration, axes and contents of input files, under
the same rules (the sources that turn settings into a point, and all presets). Any other file is ignored.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.abc import Traversable
from importlib.resources import files
from pathlib import Path

import pydantic

from edensim.config import Resolved
from edensim.config.tree import plain
from edensim.study.sweep import disk
from edensim.study.sweep.point import Digests
from edensim.study.sweep.space import Space
from edensim.version import MODEL_VERSION

FILE = "plan.ids"
RULES = (
    "config",
    "errors.py",
    "study/record.py",
    "study/sweep/plan.py",
    "study/sweep/point.py",
    "study/sweep/space.py",
)
"""Sources that decide which points there are and what they are called."""
ID_BYTES = 32


@dataclass(frozen=True)
class Saved:
    """Contents of the file: ids of the points, which candidates they are, and digests of input files by name."""

    key: str
    ids: list[bytes]
    kept: bytearray
    inputs: dict[str, str]


def plan_key(base: Resolved, space: Space) -> str:
    """What a plan follows from, input files apart: SHA-256, hexadecimal."""
    sources = {name: files("edensim") / name for name in RULES} | {"presets": base.presets.root}
    parts = [plain(base.written), space.to_json(), MODEL_VERSION, pydantic.VERSION, _digest(sources)]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def write_plan(folder: Path, saved: Saved) -> None:
    """Write the file.

    Raises
    ------
    SaveError
        If the disk refuses.
    """
    body = b"".join(saved.ids) + bytes(saved.kept)
    head = {"key": saved.key, "ids": len(saved.ids), "inputs": saved.inputs, "crc": zlib.crc32(body)}
    disk.replace_file(folder / FILE, [json.dumps(head).encode() + b"\n", body])


def read_plan(folder: Path, key: str) -> Saved | None:
    """The plan with this key, None if the folder has none or the file is damaged. Input files are not looked at."""
    try:
        line, _, body = (folder / FILE).read_bytes().partition(b"\n")
        head = json.loads(line)
        if head["key"] != key or head["crc"] != zlib.crc32(body):
            return None
        end = head["ids"] * ID_BYTES
        ids = [body[at : at + ID_BYTES] for at in range(0, end, ID_BYTES)]
        return Saved(key, ids, bytearray(body[end:]), head["inputs"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def inputs_unchanged(saved: Saved, base: Resolved, digests: Digests) -> bool:
    """Whether all input files are what they were."""
    return all(digests.of_file(base.base_folder, name) == digest for name, digest in saved.inputs.items())


def _digest(places: Mapping[str, Traversable]) -> str:
    """SHA-256 of source files and presets, names included."""
    digest = hashlib.sha256()
    for name, place in places.items():
        for path, contents in _files(place, name):
            digest.update(f"{path} {len(contents)}\n".encode() + contents)
    return digest.hexdigest()


def _files(place: Traversable, name: str) -> Iterator[tuple[str, bytes]]:
    if place.is_file():
        yield name, place.read_bytes()
    elif place.is_dir():
        for entry in sorted(place.iterdir(), key=lambda entry: entry.name):
            if entry.is_dir() or entry.name.endswith((".py", ".toml")):
                yield from _files(entry, f"{name}/{entry.name}")
