"""Checking merged values against the schema: every problem at once, each in one readable sentence."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from edensim.config.hints import guess_at
from edensim.config.keys import Key, key_at, keys_of, names_below, places_of
from edensim.config.positions import KeyPath
from edensim.config.schema import Config
from edensim.config.tree import Node, Problems, origin_of, plain, scalars, show_key, show_table, show_value
from edensim.errors import did_you_mean

_INT64 = range(-(1 << 63), 1 << 63)


def validate(
    root: Node, problems: Problems, presets: Mapping[str, Collection[str]], unread: Collection[str]
) -> Config | None:
    """The configuration, or None with everything that is wrong with it noted in `problems`.

    `presets` gives, for each table that may name a preset, the names to choose from: of a table that names none all
    missing keys become one message. In the tables `unread`, whose preset could not be read, no key is called missing.
    """
    for path, node in scalars(root):
        if isinstance(node.value, int) and node.value not in _INT64:
            problems.add(node.origin, path, "found a whole number beyond 64 bits; no key takes such a number")
    try:
        return Config.model_validate(plain(root))
    except ValidationError as error:
        details = error.errors(include_url=False)
    details += [more for detail in details if detail["type"] in UNTAGGED for more in _of_every_kind(detail)]
    missing: dict[str, list[str]] = {}
    for detail in details:
        path, lacks = place_of(detail), detail["type"] in ("missing", UNTAGGED[0])
        table = str(path[0])
        if lacks and len(path) == 1 and table in presets:
            problems.add(root.origin, path, _missing_all(table, [], presets[table]))
        elif not lacks or table not in presets:
            problems.add(origin_of(root, path), path, _sentence(detail, path, root))
        elif table in unread:
            continue
        elif len(path) == 2 and root.value[table].get("preset") is None:
            missing.setdefault(table, []).append(str(path[1]))
        else:
            problems.add(origin_of(root, path), path, _missing(path))
    for table, names in missing.items():
        problems.add(origin_of(root, (table,)), (table,), _missing_all(table, names, presets[table]))
    return None


UNTAGGED = ("union_tag_not_found", "union_tag_invalid")
"""What pydantic says of a table that comes in several kinds and does not tell which."""


def _of_every_kind(detail: ErrorDetails) -> list[ErrorDetails]:
    """What is wrong with a table of no known kind, whatever its kind should be."""
    key = key_at(detail["loc"])
    if key is None or not isinstance(detail["input"], dict):
        return []
    found: list[dict[KeyPath, ErrorDetails]] = []
    for model in key.models:
        kind = keys_of(model)[key.tag].choices[0]
        try:
            model.model_validate(detail["input"] | {key.tag: kind})
        except ValidationError as error:
            wrong = [d for d in error.errors(include_url=False) if d["type"] != "missing"]
            found.append({d["loc"]: d | {"loc": (*detail["loc"], kind, *d["loc"])} for d in wrong})
        else:
            return []
    return [d for loc, d in found[0].items() if all(loc in other for other in found)]


def place_of(detail: ErrorDetails) -> KeyPath:
    """Place of a problem in the configuration, without the branches of unions that pydantic adds to it."""
    path: KeyPath = ()
    told = False
    for part in detail["loc"]:
        key = key_at(path)
        if key is None or key.kind in ("indices", "axis"):
            break
        if key.tag and not told:
            told = True  # pydantic names the kind of a table here
            continue
        told = False
        if key.kind == "map" and detail["loc"][-1] == "[key]" == part:
            break
        path = (*path, part)
    key = key_at(path)
    return (*path, key.tag) if key is not None and detail["type"] in UNTAGGED else path


def _sentence(detail: ErrorDetails, path: KeyPath, root: Node) -> str:
    if detail["type"] == "missing":
        return _missing(path)
    if detail["type"] == "extra_forbidden":
        return _unknown(path, root)
    key = key_at(path)
    if key is None:
        return f"found {_found(detail['input'])}; {detail['msg']}"
    value = plain(_node_at(root, path))
    if key.kind == "text" and detail["type"] == "string_unicode":
        return f"found {_found(value)}; expected text that is valid Unicode"
    return f"found {_found(value)}; expected {key.expected()}{_meaning(key)}{guess_at(key, value)}"


def _node_at(root: Node, path: KeyPath) -> Node:
    node = root
    for part in path:
        node = node.get(part) or node
    return node


def _missing(path: KeyPath) -> str:
    key = key_at(path)
    return f"missing; expected {key.expected()}{_meaning(key)}" if key else "missing"


def _missing_all(table: str, names: list[str], presets: Collection[str]) -> str:
    what = f" {', '.join(names)}; give them, or" if names else ";"
    parts = " or from a device with dram.organisation and dram.speed_bin" if table == "dram" and names else ""
    return f"missing{what} start from a preset with {table}.preset (available: {', '.join(presets) or 'none'}){parts}"


def _meaning(key: Key) -> str:
    return f" ({key.doc})" if key.doc and key.kind not in ("table", "map", "list") else ""


def _unknown(path: KeyPath, root: Node) -> str:
    *around, last = path
    table = key_at(tuple(around))
    kind = _node_at(root, (*around, table.tag)).value if table is not None and table.tag else None
    names, word = names_below(tuple(around), kind), str(last)
    if path == ("extends",):
        return "extends belongs at the top of a file, as a list of file names"
    elsewhere = places_of(word)
    belongs = f"a key of that name belongs to {' or '.join(elsewhere)}" if elsewhere else ""
    guess = did_you_mean(word, names, belongs, show=show_key)
    where = (show_table(tuple(around)) + (f" of kind {kind}" if kind else "")) if around else "the top level"
    return f"unknown key{guess} (keys of {where}: {', '.join(names)})"


def _found(value: Any) -> str:
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value}, which is no finite number"
    if isinstance(value, str):
        return f"text {show_value(value, 60)}" if value else "an empty text"
    return show_value(value, 60)
