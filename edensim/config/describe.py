"""A configuration as rows for people: value, unit, origin and meaning of every key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edensim.config.keys import key_at
from edensim.config.load import Resolved
from edensim.config.positions import KeyPath
from edensim.config.tree import show_key, show_path, show_table, show_value


@dataclass(frozen=True)
class Row:
    """One key of a resolved configuration; `value` is None where the key is optional and not given."""

    path: KeyPath
    value: Any
    unit: str
    origin: str
    doc: str

    @property
    def key(self) -> str:
        """Dotted key."""
        return show_path(self.path)


def describe(resolved: Resolved) -> list[Row]:
    """All values of a configuration in the order of the schema."""
    return list(_rows(resolved.config.model_dump(), (), resolved.origins))


def _rows(value: Any, path: KeyPath, origins: dict[str, str]) -> Iterator[Row]:
    dotted = show_path(path)
    if dotted in origins:
        key = key_at(path)
        yield Row(path, value, key.unit if key else "", origins[dotted], key.doc if key else "")
    elif isinstance(value, dict):
        for part, below in value.items():
            yield from _rows(below, (*path, part), origins)
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _rows(below, (*path, index), origins)


def describe_text(resolved: Resolved, origins: bool = False, defaults: bool = True) -> str:
    """A configuration as TOML that loads to the same configuration again.

    With `origins`, each line ends in a comment that tells the unit and where the value is from; optional keys that
    are not given appear as comments. Without `defaults`, only what files, presets and settings say is shown.
    """
    tables: dict[KeyPath, list[Row]] = {(): []}
    for row in describe(resolved):
        rows = tables.setdefault(row.path[:-1], [])
        if (defaults or row.origin != "default") and (origins or row.value is not None):
            rows.append(row)
    lines: list[tuple[str, str]] = []
    for table, rows in tables.items():
        if table and (rows or _is_entry(table)):
            lines += [("", ""), (show_table(table), "")]
        lines += [(_assigned(row), _comment(row) if origins else "") for row in rows]
    width = min(48, max((len(text) for text, note in lines if note), default=0))
    return "\n".join(f"{text:<{width}}  {note}" if note else text for text, note in lines).strip("\n") + "\n"


def _is_entry(table: KeyPath) -> bool:
    """Whether the table exists by being written down, as [compare.NAME] and [[partition]] do."""
    around = key_at(table[:-1])
    return around is not None and around.kind in ("map", "list")


def _assigned(row: Row) -> str:
    name = show_key(str(row.path[-1]))
    return f"# {name} is not given" if row.value is None else f"{name} = {show_value(row.value)}"


def _comment(row: Row) -> str:
    return f"# {', '.join(filter(None, (row.unit, row.origin)))}"
