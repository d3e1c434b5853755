"""Values that remember where they were written, and the one rule by which configurations merge.

Tables merge key by key; everything else (numbers, text, lists, arrays of tables) is replaced as a whole.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Literal

from edensim.config.positions import KeyPath
from edensim.errors import ConfigError

MAX_DEPTH = 32
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from: a file or preset with its line, a `--set`, or a dictionary."""

    kind: Literal["dict", "preset", "file", "set"]
    source: str
    line: int | None = None

    def __str__(self) -> str:
        if self.line is None:
            return self.source
        return f"{self.source} (line {self.line})" if self.kind == "preset" else f"{self.source}:{self.line}"


@dataclass(frozen=True, slots=True)
class Node:
    """A table (dict of nodes), a list (of nodes) or a plain value, with its origin. Never changed once made."""

    value: Any
    origin: Origin

    @property
    def is_table(self) -> bool:
        """Whether this is a table."""
        return isinstance(self.value, dict)

    def get(self, part: str | int) -> Node | None:
        """The node under a key or list index, None when there is none."""
        below: Node | None = None
        if isinstance(self.value, dict):
            below = self.value.get(part)
        elif isinstance(self.value, list) and isinstance(part, int) and 0 <= part < len(self.value):
            below = self.value[part]
        return below


@dataclass
class Problems:
    """Everything found wrong so far, at most one message per place."""

    found: dict[tuple[Origin, KeyPath, str], str] = field(default_factory=dict)

    def add(self, origin: Origin, path: KeyPath, message: str) -> None:
        """Note a problem of the key at `path` (none: of the origin as a whole)."""
        known = (origin, path, "" if path else message)
        self.found.setdefault(known, f"{origin}: {show_path(path)}: {message}" if path else f"{origin}: {message}")

    @property
    def paths(self) -> set[KeyPath]:
        """Places of all problems; () stands for one that has none."""
        return {path for _, path, _ in self.found}

    def raise_any(self) -> None:
        """Raise all problems as one error, in the order of files and lines."""
        if self.found:
            ordered = sorted(self.found.items(), key=lambda item: (item[0][0].source, item[0][0].line or 0))
            raise ConfigError(message for _, message in ordered)


def build(value: Any, source: Origin, lines: Mapping[KeyPath, int] | None = None) -> Node:
    """Turn parsed TOML (or a dictionary) into nodes; a value without a known line gets that of the table around it.

    Raises ConfigError for tables or lists nested deeper than 32 and for keys that are not text.
    """
    return _build(value, (), source, source, lines or {})


def _build(value: Any, path: KeyPath, source: Origin, around: Origin, lines: Mapping[KeyPath, int]) -> Node:
    if len(path) > MAX_DEPTH:
        raise ConfigError(f"{around}: tables or lists nested deeper than {MAX_DEPTH}; no such configuration exists")
    line = lines.get(path)
    origin = around if line is None else Origin(source.kind, source.source, line)
    if isinstance(value, Mapping):
        wrong = [key for key in value if not isinstance(key, str)]
        if wrong:
            raise ConfigError(f"{origin}: {show_path(path)}: found the key {wrong[0]!r}; expected keys that are text")
        return Node({k: _build(v, (*path, k), source, origin, lines) for k, v in value.items()}, origin)
    if isinstance(value, list | tuple):
        return Node([_build(v, (*path, i), source, origin, lines) for i, v in enumerate(value)], origin)
    return Node(_plain_scalar(value), origin)


def _plain_scalar(value: Any) -> Any:
    """Numbers of numpy and paths as their Python equivalents, so that `set={"a": np.float64(1)}` works."""
    if isinstance(value, PurePath):
        return str(value)
    if type(value).__module__ == "numpy" and hasattr(value, "item"):
        return value.item()
    return value


def merge(low: Node, high: Node) -> Node:
    """`high` over `low`: tables merge, everything else is replaced."""
    if not (low.is_table and high.is_table):
        return high
    merged = dict(low.value)
    for key, node in high.value.items():
        merged[key] = merge(merged[key], node) if key in merged else node
    return Node(merged, high.origin)


def replace(root: Node, path: KeyPath, new: Node) -> Node:
    """The same tree with `new` merged into the place `path`; missing tables are made. Indices must exist."""
    if not path:
        return merge(root, new)
    part, rest = path[0], path[1:]
    if isinstance(part, int):
        entries = list(root.value)
        entries[part] = replace(entries[part], rest, new)
        return Node(entries, root.origin)
    table = dict(root.value) if root.is_table else {}
    below = table.get(part)
    if not rest:
        table[part] = new if below is None else merge(below, new)
    else:
        if below is None or not isinstance(below.value, dict | list):
            below = Node({}, new.origin)
        table[part] = replace(below, rest, new)
    return Node(table, root.origin if root.is_table else new.origin)


def without(root: Node, path: KeyPath) -> Node:
    """The same tree without the value at `path` (the same object if there is none). No list entry can be taken out."""
    part, rest = path[0], path[1:]
    below = root.get(part)
    if below is None:
        return root
    kept = without(below, rest) if rest else None
    if kept is below:
        return root
    if isinstance(root.value, list):
        return Node([kept if i == part else entry for i, entry in enumerate(root.value)], root.origin)
    entries = {key: kept if key == part else node for key, node in root.value.items()}
    return Node({key: node for key, node in entries.items() if node is not None}, root.origin)


def without_nulls(node: Node, apart: KeyPath = ()) -> Node:
    """The same tree without the keys whose value is None, as if they were written nowhere; `apart` stays as it is."""
    if isinstance(node.value, dict):
        inner = {
            key: below if apart == (key,) else without_nulls(below, apart[1:] if apart[:1] == (key,) else ())
            for key, below in node.value.items()
            if below.value is not None
        }
        return Node(inner, node.origin)
    if isinstance(node.value, list):
        return Node([without_nulls(entry) for entry in node.value], node.origin)
    return node


def plain(node: Node) -> Any:
    """The values alone."""
    if isinstance(node.value, dict):
        return {key: plain(below) for key, below in node.value.items()}
    if isinstance(node.value, list):
        return [plain(below) for below in node.value]
    return node.value


def find(root: Node, path: KeyPath) -> Node | None:
    """The value at a place, None when there is none."""
    node: Node | None = root
    for part in path:
        node = node.get(part) if node is not None else None
    return node


def origin_of(root: Node, path: KeyPath) -> Origin:
    """Origin of the value at `path`, or of the innermost table around it that was written down."""
    node = root
    for part in path:
        below = node.get(part)
        if below is None:
            break
        node = below
    return node.origin


def scalars(node: Node, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Node]]:
    """All values that are neither table nor list, with their places."""
    if isinstance(node.value, dict):
        for key, below in node.value.items():
            yield from scalars(below, (*path, key))
    elif isinstance(node.value, list):
        for index, below in enumerate(node.value):
            yield from scalars(below, (*path, index))
    else:
        yield path, node


def show_path(path: KeyPath) -> str:
    """Dotted spelling of a place; parts that are no bare TOML keys are quoted."""
    return ".".join(show_key(part) if isinstance(part, str) else str(part) for part in path)


def show_table(path: KeyPath) -> str:
    """Header of a table: `[dram.timing]`, `[[partition]]`."""
    return f"[[{show_path(path[:-1])}]]" if path and isinstance(path[-1], int) else f"[{show_path(path)}]"


def show_key(part: str) -> str:
    """A key as TOML wants it written."""
    return part if _BARE_KEY.fullmatch(part) else show_value(part)


def show_value(value: Any, limit: int | None = None) -> str:
    """A value as TOML writes it, cut to `limit` characters if given."""
    text = _toml(value)
    return text if limit is None or len(text) <= limit else text[: limit - 1] + "…"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + "".join(_ESCAPES.get(char, char) for char in value) + '"'
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and value.bit_length() > 200:
        return "a whole number of more than 60 digits"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml_inside, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{show_key(str(k))} = {_toml_inside(v)}" for k, v in value.items()) + "}"
    return "null" if value is None else str(value)


def _toml_inside(value: Any) -> str:
    """Within lists and tables what is not given stands as text, which the values of a sweep may be."""
    return '"null"' if value is None else _toml(value)


_ESCAPES = {chr(code): f"\\u{code:04X}" for code in (*range(32), 127)}
_ESCAPES |= {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
