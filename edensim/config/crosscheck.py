"""Checks between keys that need nothing but the configuration; they also run on values that are wrong in themselves.

Not checked here: whatever needs the memory's geometry or timings (index ranges, overlaps, VDD against nominal).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from edensim.config.hints import unit_slip
from edensim.config.keys import key_at
from edensim.config.positions import KeyPath
from edensim.config.schema import DramController
from edensim.config.tree import Node, Problems, find, origin_of, scalars, show_value
from edensim.errors import did_you_mean

REST = "module"
"""Name of the partition that holds what no [[partition]] claims."""
_SHORTEST_NS = 0.1
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]+")
_SPAN = re.compile(r"\s*(\d{1,9})\s*:\s*(\d{1,9})\s*")
_AXES = ("channel", "rank", "chips", "banks", "subarrays")


def crosscheck(root: Node, problems: Problems) -> None:
    """Note every contradiction between keys in `problems`."""

    def note(path: KeyPath, message: str) -> None:
        problems.add(origin_of(root, path), path, message)

    for path, point in _points(root):
        _one_of_two(path, point, note)
    _times(root, note)
    _write_marks(root, note)
    _compare_names(root, note)
    _partitions(root, note)
    _placement(root, note)


Note = Callable[[KeyPath, str], None]


def _points(root: Node) -> Iterator[tuple[KeyPath, Node]]:
    """All operating points of the configuration."""
    if point := _table(root, "operating_point"):
        yield ("operating_point",), point
    if named := _table(root, "compare"):
        yield from ((("compare", name), point) for name, point in named.value.items() if point.is_table)
    yield from _partition_tables(root)


def _table(root: Node, *path: str) -> Node | None:
    node = find(root, path)
    return node if node is not None and node.is_table else None


def _partition_tables(root: Node) -> list[tuple[KeyPath, Node]]:
    entries = root.get("partition")
    if entries is None or not isinstance(entries.value, list):
        return []
    return [(("partition", i), node) for i, node in enumerate(entries.value) if node.is_table]


def _given(table: Node, name: str) -> Any:
    node = table.get(name)
    return None if node is None else node.value


def _one_of_two(path: KeyPath, point: Node, note: Note) -> None:
    for value, change in (("vdd", "delta_vdd"), ("tRCD_ns", "delta_tRCD_ns")):
        if _given(point, value) is not None and _given(point, change) is not None:
            note((*path, change), f"given together with {value} ({point.value[value].origin}); give one of the two")
    if _given(point, "latency") == "lowest_safe":
        for name in ("tRCD_ns", "delta_tRCD_ns", "tRAS_ns", "tRP_ns"):
            if _given(point, name) is not None:
                told = f'given together with latency = "lowest_safe" ({point.value["latency"].origin})'
                note((*path, name), f"{told}, which says how long tRCD, tRAS and tRP are; give one of the two")


def _times(root: Node, note: Note) -> None:
    """A time that is not zero (ideal) yet shorter than 0.1 ns was most likely written in another unit."""
    for path, node in scalars(root):
        key = key_at(path)
        if key is None or key.unit != "ns" or "delta" in str(path[-1]) or not isinstance(node.value, float):
            continue
        if 0 < node.value < _SHORTEST_NS:
            guess = unit_slip(key, node.value)
            note(path, f"found {node.value}; expected 0 or at least {_SHORTEST_NS} ns ({key.doc}){guess}")


def _write_marks(root: Node, note: Note) -> None:
    controller = _table(root, "dram", "controller")
    if controller is None:
        return
    marks = {}
    for name in ("write_low", "write_high"):
        value = _given(controller, name)
        marks[name] = DramController.model_fields[name].default if value is None else value
        if isinstance(marks[name], bool) or not isinstance(marks[name], int | float):
            return
    low, high = marks["write_low"], marks["write_high"]
    if low >= high:
        where = "write_low" if controller.get("write_low") else "write_high"
        note(
            ("dram", "controller", where),
            f"expected write_low < write_high, found write_low = {low} and write_high = {high}",
        )


MAIN_NAMES = ("main", "nominal", "operating_point")
"""Names under which results show the main point."""


def _compare_names(root: Node, note: Note) -> None:
    named = _table(root, "compare")
    for name in named.value if named else ():
        if not _PLAIN_NAME.fullmatch(name):
            note(
                ("compare", name),
                'expected a name of letters, digits, "_" and "-" (it becomes part of column and file names)',
            )
        elif name in MAIN_NAMES:
            note(("compare", name), f'"{name}" is how results call [operating_point]; expected another name')


def _partitions(root: Node, note: Note) -> None:
    first: dict[str, Node] = {}
    for path, table in _partition_tables(root):
        name = table.get("name")
        if name is not None and isinstance(name.value, str) and name.value:
            if not _PLAIN_NAME.fullmatch(name.value):
                note((*path, "name"), f'found text {show_value(name.value, 60)}; expected letters, digits, "_" and "-"')
            elif name.value == REST:
                note((*path, "name"), f'"{REST}" is the name of what no partition claims; choose another')
            elif name.value in first:
                note((*path, "name"), f'"{name.value}" is the name of another partition ({first[name.value].origin})')
            first.setdefault(name.value, name)
        for axis in _AXES:
            _indices((*path, axis), table.get(axis), note)


def _indices(path: KeyPath, node: Node | None, note: Note) -> None:
    if node is None:
        return
    if isinstance(node.value, list):
        values = [entry.value for entry in node.value]
        if all(isinstance(v, int) and not isinstance(v, bool) for v in values):
            if any(v < 0 for v in values):
                note(path, f"found {show_value(values, 60)}; expected whole numbers from 0")
            elif not values:
                note(path, "found an empty list; leave the key out to mean all")
    elif isinstance(node.value, str):
        span = _SPAN.fullmatch(node.value)
        if span is None or int(span[1]) >= int(span[2]):
            note(path, f'found text {show_value(node.value, 60)}; expected a list or "a:b" with a < b (for a, …, b-1)')


def _placement(root: Node, note: Note) -> None:
    placement = _table(root, "placement")
    if placement is None:
        return
    known = [table.value["name"].value for _, table in _partition_tables(root) if table.get("name")]
    known = list(dict.fromkeys([*(name for name in known if isinstance(name, str)), REST]))
    uses: list[tuple[KeyPath, Node]] = [
        (("placement", kind), placement.value[kind]) for kind in ("weights", "ifm", "ofm") if placement.get(kind)
    ]
    if tensors := _table(root, "placement", "tensors"):
        uses += [(("placement", "tensors", tensor), node) for tensor, node in tensors.value.items()]
    for path, node in uses:
        if isinstance(node.value, str) and node.value and node.value not in known:
            guess = did_you_mean(node.value, known, show=show_value)
            found = f"found text {show_value(node.value, 60)}; expected the name of a partition"
            note(path, f"{found}{guess} (partitions: {', '.join(known)})")
