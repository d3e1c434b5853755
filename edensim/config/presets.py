"""Shipped configurations: `[dram] preset = "NAME"` reads `presets/dram/NAME.toml`, and `a:NAME` reads `a/NAME.toml`.

A preset file is shaped like the table that names it. It may begin with `extends = ["OTHER"]`, presets of the same kind
that lie below it. Names never leave the folder of their kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.abc import Traversable
from importlib.resources import files
from pathlib import Path

from edensim.config.extend import Chain, merge_bases
from edensim.config.read import parse
from edensim.config.tree import Node, Origin
from edensim.errors import ConfigError, did_you_mean

_WORDS = {"organisation": "organisation", "speed_bin": "speed bin"}
"""What a file of a kind is called; others are presets."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*(?::[A-Za-z0-9][A-Za-z0-9._+-]*)*")


class Presets:
    """The preset files below a folder (default: those shipped with edensim). Each file and folder is read once."""

    def __init__(self, root: Path | None = None) -> None:
        self._root = root
        self._read: dict[tuple[str, str], Node] = {}
        self._listed: dict[str, list[str]] = {}

    @property
    def root(self) -> Traversable:
        """The folder."""
        return files("edensim") / "presets" if self._root is None else self._root

    def names(self, kind: str) -> list[str]:
        """All presets of a kind (`dram`, `machine`, `organisation`, `speed_bin`), in alphabetical order."""
        if kind not in self._listed:
            self._listed[kind] = sorted(_names(self._folder(kind), ""))
        return list(self._listed[kind])

    def load(self, kind: str, name: str) -> Node:
        """Keys of a preset with their origins, the ones it extends merged below its own.

        Raises ConfigError for a name that is unknown or no name, for a malformed file and for a cycle.
        """
        return self._load(kind, name, Chain())

    def _load(self, kind: str, name: str, chain: Chain) -> Node:
        chain = chain.then(name, name)
        if (kind, name) not in self._read:
            own = parse(self._find(kind, name).read_bytes(), Origin("preset", f"{_WORDS.get(kind, 'preset')} {name}"))
            if nested := own.get("preset"):
                raise ConfigError(f'{nested.origin}: preset: a preset builds on others with extends = ["NAME"]')
            self._read[kind, name] = merge_bases(own, lambda base: self._load(kind, base, chain))
        return self._read[kind, name]

    def _find(self, kind: str, name: str) -> Traversable:
        if not _NAME.fullmatch(name) or ".." in name:
            raise ConfigError(
                f'"{name}" is no preset name; expected letters, digits, "._+-", and ":" between folder and name'
                f"{self._known(kind, name)}"
            )
        folder = self._folder(kind)
        *parents, last = name.split(":")
        file = folder.joinpath(*parents, last + ".toml")
        if not file.is_file() or not _inside(file, folder):
            what = _WORDS.get(kind, f"{kind} preset")
            raise ConfigError(f'there is no {what} "{name}"{self._known(kind, name)}')
        return file

    def _known(self, kind: str, name: str) -> str:
        names = self.names(kind)
        inside = [n for n in names if len(name) > 2 and name.lower() in n.lower()][:3]
        return f"{did_you_mean(name, names, also=inside)} (available: {', '.join(names) or 'none'})"

    def _folder(self, kind: str) -> Traversable:
        return self.root / kind


def _names(folder: Traversable, prefix: str) -> Iterator[str]:
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        if entry.name.endswith(".toml"):
            yield prefix + entry.name.removesuffix(".toml")
        elif entry.is_dir():
            yield from _names(entry, f"{prefix}{entry.name}:")


def _inside(file: Traversable, folder: Traversable) -> bool:
    if isinstance(file, Path) and isinstance(folder, Path):  # a link could lead elsewhere
        return file.resolve().is_relative_to(folder.resolve())
    return True
