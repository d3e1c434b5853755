"""Chips by name: shipped families ("A"), their modules ("A@A4" measured, "A@7" drawn), and files of the user.

A TOML file holds the keys of a shipped profile and may begin with `extends = ["A"]`; a CSV file holds measured points
(`edensim.approx.chip_csv`).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from edensim.approx.chip import Chip
from edensim.approx.chip_csv import read_points
from edensim.approx.chip_module import module_of
from edensim.approx.chip_schema import ChipTable
from edensim.config import Presets
from edensim.config.extend import merge_bases
from edensim.config.read import read_file
from edensim.config.tree import Node, origin_of, plain, show_path
from edensim.errors import ConfigError, did_you_mean

KIND = "chip"


def chip_names() -> list[str]:
    """Names of the shipped chips."""
    return Presets().names(KIND)


def load_chip(name: str) -> Chip:
    """Load a chip.

    Parameters
    ----------
    name : str
        "A", "A@A4" or "A@7" for a shipped family and its modules; "mine.toml", "mine.toml@7"; "mine.csv".

    Raises
    ------
    ConfigError
        If there is no such chip or module, or a profile is malformed.
    InputError
        If a CSV file is.
    """
    family, at, module = name.rpartition("@") if "@" in Path(name).name else (name, "", "")
    if family.lower().endswith(".csv"):
        if at:
            raise ConfigError(f"chip {name}: points of a CSV file know of no modules; give the file alone")
        return Chip(name, read_points(Path(family)))
    table = _shipped(family) if "." not in family else parse_chip(_read(family))
    return Chip(name, module_of(table, family, module) if at else table)


def parse_chip(root: Node) -> ChipTable:
    """Check the keys of a profile.

    Raises
    ------
    ConfigError
        With everything that is wrong, each with file and line.
    """
    try:
        return ChipTable.model_validate_json(json.dumps(plain(root)))
    except ValidationError as error:
        raise ConfigError(_sentence(detail, root) for detail in error.errors(include_url=False)) from None


@cache
def _shipped(family: str) -> ChipTable:
    return parse_chip(_read(family))


def _read(family: str) -> Node:
    presets = Presets()
    if family.lower().endswith(".toml"):
        return merge_bases(read_file(Path(family)), lambda base: presets.load(KIND, base))
    if Path(family).suffix and Path(family).exists():
        raise ConfigError(f"chip {family}: expected a profile (.toml) or measured points (.csv)")
    return presets.load(KIND, family)


def _sentence(detail: object, root: Node) -> str:
    """One problem as place and sentence; pydantic's branches of unions are no part of the place."""
    location, message, kind = detail["loc"], str(detail["msg"]), detail["type"]  # type: ignore[index]
    path: tuple[str | int, ...] = ()
    node = root
    for part in location:
        below = node.get(part)
        if below is None and part != location[-1]:
            continue
        path += (part,)
        node = below or node
    if kind == "extra_forbidden":
        message = "unknown key" + did_you_mean(str(path[-1]), _names())
    elif kind == "value_error":
        message = message.removeprefix("Value error, ")
    else:
        shown = node.value if not isinstance(node.value, dict | list) else "a list or table"
        message = message[:1].lower() + message[1:] + ("" if kind == "missing" else f" (found {shown})")
    return f"{origin_of(root, path)}: {show_path(path)}: {message}" if path else f"{root.origin}: {message}"


def _names() -> set[str]:
    """All keys that occur anywhere in a profile."""
    schema = ChipTable.model_json_schema()
    tables = [schema, *schema.get("$defs", {}).values()]
    return {name for table in tables for name in table.get("properties", {})}
