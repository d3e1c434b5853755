"""The merge rule and the origins of merged values, against a few lines of plain Python."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edensim.config.tree import Node, Origin, build, merge, plain, replace, scalars, show_path, show_value
from edensim.errors import ConfigError

NAMES = st.sampled_from(["a", "b", "c", "d.e"])
VALUES = st.one_of(st.integers(0, 9), st.text(max_size=3), st.booleans(), st.lists(st.integers(0, 9), max_size=2))
TREES = st.recursive(VALUES, lambda below: st.dictionaries(NAMES, below, max_size=4), max_leaves=12)
TABLES = st.dictionaries(NAMES, TREES, max_size=4)
LOW, HIGH = Origin("file", "low"), Origin("file", "high")


def merged(low: Any, high: Any) -> Any:
    """The rule in plain Python: tables merge, everything else replaces."""
    if not (isinstance(low, dict) and isinstance(high, dict)):
        return high
    both = {key: merged(low[key], high[key]) for key in low.keys() & high.keys()}
    return {**low, **high, **both}


def leaves(value: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    if isinstance(value, dict):
        return {place: leaf for key, below in value.items() for place, leaf in leaves(below, (*path, key)).items()}
    return {path: value}


@given(TABLES, TABLES)
def test_merge_rule(low: dict[str, Any], high: dict[str, Any]) -> None:
    """Values are those of the plain rule, and neither input changes."""
    one, two = build(low, LOW), build(high, HIGH)
    assert plain(merge(one, two)) == merged(low, high)
    assert (plain(one), plain(two)) == (low, high)


@given(TABLES, TABLES)
def test_origins_follow_the_values(low: dict[str, Any], high: dict[str, Any]) -> None:
    """Whatever the upper layer says has its origin, everything else that of the lower one."""
    upper = leaves(high)
    for path, node in scalars(merge(build(low, LOW), build(high, HIGH))):
        names = tuple(part for part in path if isinstance(part, str))
        assert node.origin == (HIGH if names in upper else LOW)


@given(TABLES, st.lists(NAMES, min_size=1, max_size=4), VALUES)
def test_replace_changes_one_place(tree: dict[str, Any], path: list[str], value: Any) -> None:
    """The value is found where it was put; every leaf that is not below or above that place stays."""
    after = plain(replace(build(tree, LOW), tuple(path), build(value, HIGH)))
    found = after
    for part in path:
        found = found[part]
    assert found == value
    mine = tuple(path)
    for place, leaf in leaves(tree).items():
        shared = min(len(place), len(mine))
        if place[:shared] != mine[:shared] and leaf != {}:
            assert leaves(after)[place] == leaf


@given(TABLES, st.lists(NAMES, min_size=1, max_size=3), TABLES)
def test_replace_with_a_table_merges(tree: dict[str, Any], path: list[str], table: dict[str, Any]) -> None:
    """Putting a table somewhere is merging it there."""
    nested: Any = table
    for part in reversed(path):
        nested = {part: nested}
    assert plain(replace(build(tree, LOW), tuple(path), build(table, HIGH))) == merged(tree, nested)


@given(TREES)
def test_shown_values_are_toml(value: Any) -> None:
    """What is shown is read back by tomllib as the same value."""
    import tomllib

    assert tomllib.loads(f"v = {show_value(value)}")["v"] == value


@given(st.text(), st.floats(allow_nan=False, allow_infinity=False), st.integers(-(1 << 63), (1 << 63) - 1))
def test_all_text_and_numbers_are_toml(text: str, real: float, whole: int) -> None:
    """Any text (surrogates aside, which no file can hold), any float and any 64-bit number survive."""
    import tomllib

    read = tomllib.loads(f"t = {show_value(text)}\nr = {show_value(real)}\nw = {show_value(whole)}")
    assert read == {"t": text, "r": real, "w": whole}


def test_paths_are_shown_as_toml_keys() -> None:
    """Names that are no bare keys are quoted, list entries are numbers."""
    assert show_path(("placement", "tensors", "conv1.weights")) == 'placement.tensors."conv1.weights"'
    assert show_path(("partition", 0, "vdd")) == "partition.0.vdd"


def test_depth_is_limited_even_for_what_contains_itself() -> None:
    """A dictionary that contains itself ends in an error, not in a crash."""
    loop: dict[str, Any] = {}
    loop["a"] = loop
    with pytest.raises(ConfigError, match="nested deeper than 32"):
        build(loop, LOW)


def test_keys_must_be_text() -> None:
    """A Python dictionary with other keys is refused."""
    with pytest.raises(ConfigError, match="low: a: found the key 3; expected keys that are text"):
        build({"a": {3: 4}}, LOW)


def test_lines_fall_back_to_the_table() -> None:
    """A value without a line of its own has that of the nearest table with one."""
    node = build({"a": {"b": {"c": 1}}}, LOW, {("a",): 7})
    assert isinstance(node, Node)
    assert [str(found.origin) for _, found in scalars(node)] == ["low:7"]
