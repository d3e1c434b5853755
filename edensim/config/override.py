"""`--set key=value`: single values that replace those of the files.

The key is a dotted TOML key, in which a number is the place of an entry in a list (`partition.0.vdd`). The value is
TOML; what is no TOML and does not look like a list, table or quoted text is taken as text (`workload.network=alexnet`).

`key=null` (None in Python) leaves the key out, as if neither the files nor their presets had it: its default holds.
So `--set operating_point.vdd=null --set operating_point.delta_vdd=-0.1` puts a change in place of a voltage.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from edensim.config.keys import key_at
from edensim.config.positions import KeyPath, split_key
from edensim.config.tree import MAX_DEPTH, Node, Origin, Problems, build, replace, show_path, show_value
from edensim.errors import ConfigError

ORIGIN = Origin("set", "--set")
NULL = "null"
"""The word, beyond TOML, for a key that is to be left out."""
Settings = Iterable[str] | Mapping[str, Any]


def override(root: Node, settings: Settings, problems: Problems) -> Node:
    """Apply settings in order; those that make no sense are noted in `problems` and left out."""
    if isinstance(settings, str):
        settings = [settings]
    pairs = settings.items() if isinstance(settings, Mapping) else ((s, None) for s in settings)
    for text, given in pairs:
        try:
            if isinstance(settings, Mapping):
                path, value = _key(text), given
            else:
                path, value = parse_setting(text)
            place = _locate(root, path)
            root = replace(root, place, build(value, ORIGIN))
        except ConfigError as error:
            problems.add(ORIGIN, (), str(error).removeprefix(f"{ORIGIN}: "))
    return root


def parse_setting(text: str) -> tuple[KeyPath, Any]:
    """Split `key=value` into the place and the value. Raises ConfigError when it is not of that form."""
    try:
        parts, end = split_key(text.lstrip())
    except ValueError:
        parts, end = [], 0
    rest = text.lstrip()[end:]
    if not parts or not rest.startswith("="):
        raise ConfigError(f"found {show_value(text, 80)}; expected key=value, such as operating_point.vdd=1.05")
    return _short(parts, text), _value(rest[1:].strip(), text)


def _key(text: str) -> KeyPath:
    try:
        parts, end = split_key(text)
    except ValueError:
        parts, end = [], 0
    if not parts or end < len(text):
        raise ConfigError(f"found the key {show_value(text, 80)}; expected a dotted key, such as operating_point.vdd")
    return _short(parts, text)


def _short(parts: list[str], text: str) -> KeyPath:
    if len(parts) > MAX_DEPTH:
        raise ConfigError(f"{show_value(text, 80)}: a key with more than {MAX_DEPTH} parts; no such key exists")
    return tuple(parts)


def _value(text: str, whole: str) -> Any:
    if text == NULL:
        return None
    try:
        parsed = tomllib.loads(f"v = {text}")
    except RecursionError:
        raise ConfigError(f"{show_value(whole, 80)}: lists nested deeper than {MAX_DEPTH}") from None
    except ValueError as error:
        if text[:1] in ("[", "{", '"', "'"):
            reason = str(error).split(" (at ", 1)[0]
            raise ConfigError(f"{show_value(whole, 80)}: the value is not valid TOML: {reason}") from None
        if not text:
            raise ConfigError(
                f'{show_value(whole, 80)}: no value; write null to leave the key out, "" for an empty text'
            ) from None
        return text
    return parsed["v"] if parsed.keys() == {"v"} else text


def _locate(root: Node, path: KeyPath) -> KeyPath:
    """The same path with numbers in place of digits where the configuration has a list."""
    node: Node | None = root
    place: KeyPath = ()
    for part in path:
        if node is not None and isinstance(node.value, list):
            place = (*place, _index(part, len(node.value), place))
        else:
            schema = key_at(place)
            if node is None and schema is not None and schema.kind == "list":
                place = (*place, _index(part, 0, place))
            place = (*place, part)
        node = node.get(place[-1]) if node is not None else None
    return place


def _index(part: str | int, length: int, around: KeyPath) -> int:
    text = str(part)
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) < length:
        return int(text)
    known = f"entries 0 to {length - 1}" if length else "no entries"
    raise ConfigError(f"{show_path((*around, part))}: {show_path(around)} has {known} in this configuration")
