"""`extends = [...]`: files (or presets) that a file starts from, merged below its own values in the order given."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edensim.config.read import read_file
from edensim.config.tree import Node, merge, show_value
from edensim.errors import ConfigError

MAX_CHAIN = 16


class LinkError(ConfigError):
    """A file that must not be extended at this place (whatever is in it)."""


@dataclass(frozen=True)
class Chain:
    """The files that led to the one being read: what identifies each, and its name for people."""

    links: tuple[tuple[str, str], ...] = ()

    def then(self, identity: str, shown: str) -> Chain:
        """One link more. Raises LinkError for a circle and for a chain of more than 16 files."""
        longer = Chain((*self.links, (identity, shown)))
        names = " -> ".join(name for _, name in longer.links)
        if identity in (known for known, _ in self.links):
            raise LinkError(f"goes in a circle: {names}")
        if len(longer.links) > MAX_CHAIN:
            raise LinkError(f"goes more than {MAX_CHAIN} files deep: {names}")
        return longer


def merge_bases(own: Node, load: Callable[[str], Node]) -> Node:
    """A file over everything that its key `extends` names. `load` reads one of them, with its own bases."""
    low = Node({}, own.origin)
    for base in _bases(own):
        try:
            low = merge(low, load(base.value))
        except LinkError as error:
            raise ConfigError(f"{base.origin}: extends: {error}") from None
        except ConfigError as error:
            raise ConfigError(f"{error}\n    extended by {base.origin}") from None
    return merge(low, Node({key: node for key, node in own.value.items() if key != "extends"}, own.origin))


def read_with_bases(path: Path) -> Node:
    """A TOML file merged over all files that it extends, directly and indirectly."""
    return _FileReader().read(path, Chain())


def merge_file_bases(own: Node, folder: Path) -> Node:
    """Like `merge_bases` for values that are no file themselves; names are relative to `folder`."""
    return _FileReader().bases(own, folder, Chain())


class _FileReader:
    """Reads each file once, however many others extend it."""

    def __init__(self) -> None:
        self.done: dict[str, Node] = {}

    def read(self, path: Path, chain: Chain) -> Node:
        identity = os.path.realpath(path) if "\0" not in str(path) else ""
        chain = chain.then(identity, str(path))
        if identity not in self.done:
            self.done[identity] = self.bases(read_file(path), path.parent, chain)
        return self.done[identity]

    def bases(self, own: Node, folder: Path, chain: Chain) -> Node:
        def load(name: str) -> Node:
            if Path(name).is_absolute() or not name.endswith(".toml"):
                raise LinkError(f"found {show_value(name, 60)}; expected the relative path of a .toml file")
            return self.read(Path(os.path.normpath(folder / name)), chain)

        return merge_bases(own, load)


def _bases(own: Node) -> list[Node]:
    entry = own.get("extends")
    if entry is None:
        return []
    if not isinstance(entry.value, list) or not all(isinstance(item.value, str) for item in entry.value):
        raise ConfigError(f'{entry.origin}: extends: expected a list of names, such as ["base.toml"]')
    return entry.value
