"""What two results were made with: keys of the configuration, axes, versions, inputs, the machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edensim.config.positions import KeyPath
from edensim.config.tree import show_path
from edensim.study.opened import Opened, OpenedSweep


@dataclass(frozen=True)
class Change:
    """One thing that is not the same: its value and origin on both sides, None where a side lacks it."""

    key: str
    a: Any
    b: Any
    origin_a: str = ""
    origin_b: str = ""


def config_changes(a: Opened, b: Opened) -> list[Change]:
    """Keys whose values differ, in the order of the configuration."""
    left, right = flatten(a.config), flatten(b.config)
    return [
        Change(key, left.get(key), right.get(key), origin_of(key, a.origins), origin_of(key, b.origins))
        for key in _union(left, right)
        if left.get(key) != right.get(key)
    ]


def axis_changes(a: OpenedSweep, b: OpenedSweep) -> list[Change]:
    """Axes whose values differ."""
    return _differences(a.axes, b.axes)


def environment_changes(a: Opened, b: Opened) -> list[Change]:
    """Versions, digests of input files and properties of the machine that differ."""
    return _differences(_environment(a), _environment(b))


def model_warning(a: Opened, b: Opened) -> list[str]:
    """Say that the results are of different model versions, if so."""
    if a.model_version == b.model_version:
        return []
    return [
        f"{a.folder} is of model version {a.model_version or 'unknown'}, {b.folder} of "
        f"{b.model_version or 'unknown'}: differences may come from the model, not from the configuration."
    ]


def flatten(config: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted key to value; a list of plain values is one value."""
    return {dotted: value for dotted, _, value in leaves(config)}


def leaves(config: Mapping[str, Any]) -> Iterator[tuple[str, KeyPath, Any]]:
    """Yield every value that is given: dotted key, path, value."""
    for path, value in _leaves(config, ()):
        yield show_path(path), path, value


def origin_of(key: str, origins: Mapping[str, str]) -> str:
    """Origin of a key, or of the table or list around it where only that is recorded."""
    while key and key not in origins:
        key = key.rpartition(".")[0]
    return origins.get(key, "")


def _leaves(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from _leaves(below, (*path, str(key)))
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for index, below in enumerate(value):
            yield from _leaves(below, (*path, index))
    elif value is not None:
        yield path, value


def _environment(opened: Opened) -> dict[str, Any]:
    found: dict[str, Any] = {"version": opened.versions}
    found |= {name: opened.meta[name] for name in ("inputs", "host") if name in opened.meta}
    # Names of input files hold dots, so they are joined here and not shown as dotted keys.
    return {
        f"{group}: {name}": value
        for group, members in found.items()
        if isinstance(members, Mapping)
        for name, value in members.items()
    }


def _differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Change]:
    return [Change(key, a.get(key), b.get(key)) for key in _union(a, b) if a.get(key) != b.get(key)]


def _union(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys([*a, *b]))
