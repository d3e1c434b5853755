"""Whatever is fed in, the outcome is a configuration or a ConfigError that can be read, never another exception."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edensim.config import Config, describe_text, load_config
from edensim.config.keys import ROOT, Key, keys_in, keys_of
from edensim.config.override import parse_setting
from edensim.config.read import parse
from edensim.config.tree import Origin, plain
from edensim.errors import ConfigError

DRAM = {
    "standard": "DDR4", "data_rate_mt_s": 2400, "channel_width_bits": 64, "device_width_bits": 8, "density_mbit": 8192,
    "banks_per_group": 4, "rows": 65536, "columns": 1024, "timing": {"tRCD_ns": 13.32}, "controller": {},
}  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.dates(), st.binary(max_size=3),
    st.sampled_from([10**400, -(10**30), 0, 1, "1.1 V", "0:2", "module", float("nan"), 1e-300, -0.0, complex(1, 2)]),
)  # fmt: skip
JUNK = st.recursive(SCALARS, lambda b: st.lists(b, max_size=3) | st.dictionaries(st.text(max_size=3), b, max_size=3))


def paths(key: Key, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if path:
        yield path
    if key.kind == "table":
        for name, below in keys_in(key).items():
            yield from paths(below, (*path, name))
    if key.kind == "map" and key.item is not None:
        yield from paths(key.item, (*path, "a"))


def outcome(values: dict[str, Any]) -> Config | list[str]:
    try:
        resolved = load_config(values)
        describe_text(resolved, origins=True)
        return resolved.config
    except ConfigError as error:
        assert error.problems
        assert all("dict" in p and "pydantic" not in p for p in error.problems)
        return error.problems


@given(st.sampled_from(sorted(paths(ROOT))), JUNK)
def test_any_value_at_any_key(path: tuple[str, ...], value: Any) -> None:
    """Junk at every key of the schema, beside values that are right."""
    values: dict[str, Any] = {"dram": dict(DRAM)}
    table = values
    for part in path[:-1]:
        table[part] = dict(table.get(part, {}))
        table = table[part]
    table[path[-1]] = value
    outcome(values)


@given(st.dictionaries(st.sampled_from([*keys_of(Config), "extends"]), JUNK))
def test_any_tables(values: dict[str, Any]) -> None:
    """Junk in place of whole tables."""
    outcome(values)


@given(st.lists(st.dictionaries(st.sampled_from(["name", "banks", "rank", "vdd", "delta_vdd"]), SCALARS), max_size=3))
def test_any_partitions(partitions: list[dict[str, Any]]) -> None:
    """Junk in the entries of an array of tables."""
    outcome({"dram": dict(DRAM), "partition": partitions, "placement": {"weights": "a", "tensors": {"b": "c"}}})


GOOD = b'title = "t" # x\n[dram]\nrows = 64\ntiming = { CL = 1, "q" = [1, 2] }\n[[partition]]\nname = """a\n"""\n'


@given(st.lists(st.tuples(st.integers(0, len(GOOD)), st.integers(0, 3), st.binary(max_size=3)), max_size=5))
def test_damaged_files(damage: list[tuple[int, int, bytes]]) -> None:
    """Bytes removed from and put into a file: it is read, or refused with file and line."""
    data = GOOD
    for start, length, new in damage:
        data = data[:start] + new + data[start + length :]
    try:
        parse(data, Origin("file", "x.toml"))
    except ConfigError as error:
        assert str(error).startswith("x.toml:")


@given(st.text())
def test_any_setting(text: str) -> None:
    """Any text is a setting or is refused."""
    try:
        path, _ = parse_setting(text)
        assert path
    except ConfigError as error:
        assert str(error)


def test_the_good_file_is_good() -> None:
    """The file that is damaged above is read when it is not."""
    assert plain(parse(GOOD, Origin("file", "x.toml")))["dram"]["rows"] == 64
