"""`--set key=value`: how values are read, which places can be set, and that it equals writing the key in the file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edensim.config import load_config
from edensim.config.override import parse_setting
from edensim.errors import ConfigError

if TYPE_CHECKING:
    from tests.config.conftest import Desk

OK = '[dram]\npreset = "small-ddr4"\n'


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), ("1.5", 1.5), ("1e3", 1000.0), ("0x10", 16), ("true", True), ('"1"', "1"), ("'a b'", "a b"),
        ("[1, 2]", [1, 2]), ("{a = 1}", {"a": 1}), (" 3 ", 3), ("5 # five", 5), ('""', ""),
        ("alexnet", "alexnet"), ("ddr4-2400r-8gb-x8", "ddr4-2400r-8gb-x8"), ("ramulator2:x_1", "ramulator2:x_1"),
        ("../nets/my net.csv", "../nets/my net.csv"), ("0:4", "0:4"), ("1.1V", "1.1V"), ("a=b", "a=b"),
        ("C:\\nets\\a.csv", "C:\\nets\\a.csv"), ("1\nseed = 2", "1\nseed = 2"), ("größe", "größe"), ("1,2", "1,2"),
    ],
)  # fmt: skip
def test_values(text: str, value: Any) -> None:
    """TOML where it is TOML, else text; never more than one value."""
    path, found = parse_setting(f"a.b = {text}")
    assert path == ("a", "b")
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", ["", "=", "=1", "a", "a.", ".a=1", "a b=1", "dram", "a..b=1", "[a]=1", "--force"])
def test_what_is_no_setting(text: str) -> None:
    """Anything but key=value is refused with an example."""
    with pytest.raises(ConfigError, match="expected key=value, such as operating_point.vdd=1.05"):
        parse_setting(text)


@pytest.mark.parametrize("value", ["[1", "{a = }", '"open', "'open", "[[[", "[" * 5000, "{a=1, a=2}"])
def test_broken_lists_tables_and_quotes(value: str) -> None:
    """What begins like TOML must be TOML."""
    with pytest.raises(ConfigError, match=r"not valid TOML|nested deeper"):
        parse_setting(f"a={value}")


def test_empty_value() -> None:
    """An empty value is refused: an empty text must be quoted, and leaving a key out has a word of its own."""
    with pytest.raises(ConfigError, match='no value; write null to leave the key out, "" for an empty text'):
        parse_setting("title=")


@given(
    vdd=st.one_of(st.floats(0.5, 1.4), st.integers(1, 2)),
    channels=st.integers(1, 64),
    title=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
def test_setting_equals_writing(vdd: float, channels: int, title: str, tmp_path_factory: Any) -> None:
    """A value given with --set (text or Python) gives the very configuration that the file would."""
    folder = tmp_path_factory.mktemp("set")
    dram = {"standard": "DDR4", "data_rate_mt_s": 2400, "channel_width_bits": 64, "device_width_bits": 8, "rows": 64}
    dram |= {"density_mbit": 8192, "banks_per_group": 4, "columns": 1024}
    base = load_config({"dram": dram}, preset_root=folder)
    values = {"operating_point.vdd": vdd, "dram.channels": channels, "title": title}
    written = load_config(
        {"dram": dram | {"channels": channels}, "operating_point": {"vdd": vdd}, "title": title}, preset_root=folder
    )
    python = load_config(base, set=values)
    assert python.hash == written.hash != base.hash
    escaped = "".join(f"\\U{ord(char):08X}" for char in title)
    text = load_config(base, set=[f"operating_point.vdd={vdd}", f"dram.channels = {channels}", f'title="{escaped}"'])
    assert text.hash == written.hash
    assert {key for key, origin in text.origins.items() if origin == "--set"} == set(values)


def test_later_settings_win(desk: Desk) -> None:
    """Settings apply in order."""
    assert desk.load(OK, set=["seed=1", "seed=2"]).config.seed == 2


def test_tables_merge(desk: Desk) -> None:
    """A table given with --set merges, as in files."""
    text = OK + "[operating_point]\nvdd = 1.1\n"
    point = desk.load(text, set=["operating_point={tRCD_ns = 9}"]).config.operating_point
    assert (point.vdd, point.tRCD_ns) == (1.1, 9.0)


def test_new_tables_are_made(desk: Desk) -> None:
    """Tables that the file lacks come into being, also those with free and quoted names."""
    settings = ["compare.low.vdd=1.0", 'placement.tensors."conv1.weights"=module', "workload.network=alexnet"]
    config = desk.load(OK, set=settings).config
    assert config.compare["low"].vdd == 1.0
    assert config.placement.tensors == {"conv1.weights": "module"}
    assert config.workload is not None


def test_entries_of_arrays(desk: Desk) -> None:
    """A number names an entry of an array of tables or a list."""
    text = OK + "[[partition]]\nname = 'a'\nbanks = [1, 2]\n[[partition]]\nname = 'b'\n"
    resolved = desk.load(text, set=["partition.1.vdd=1.1", "partition.0.banks.1=3"])
    assert [(p.vdd, p.banks) for p in resolved.config.partition] == [(None, [1, 3]), (1.1, None)]
    assert resolved.origins["partition.1.vdd"] == "--set"
    assert resolved.origins["partition.1.name"] == "x.toml:7"


@pytest.mark.parametrize("index", ["2", "-1", "x", "99999999999"])
def test_entries_that_are_not_there(desk: Desk, index: str) -> None:
    """An index beyond the array names the entries there are."""
    text = OK + "[[partition]]\nname = 'a'\n[[partition]]\nname = 'b'\n"
    assert "partition has entries 0 to 1 in this configuration" in desk.problem(text, set=[f"partition.{index}.vdd=1"])


def test_entry_of_an_array_that_the_file_lacks(desk: Desk) -> None:
    """Without any [[partition]] there is no entry 0 to set."""
    assert desk.problem(OK, set=["partition.0.vdd=1"]) == (
        "--set: partition.0: partition has no entries in this configuration"
    )


def test_unknown_path(desk: Desk) -> None:
    """Wrong keys get the nearest, at any level; all of them in one go, together with mistakes of form."""
    problems = desk.problems(OK, set=["drm.channels=2", "dram.chanels=2", "dram.channels.x=2", "nonsense", "vdd=1.1"])
    assert {p.split(";")[0] for p in problems} == {
        '--set: found "nonsense"',
        "--set: drm: unknown key",
        "--set: dram.channels: found a table",
        "--set: dram.chanels: unknown key",
        "--set: vdd: unknown key",
    }
    text = "\n".join(problems)
    assert "did you mean dram?" in text
    assert "did you mean channels?" in text
    assert "a key of that name belongs to [operating_point]" in text


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1", "true", "x", "[]"])
def test_values_are_checked_like_those_of_files(desk: Desk, value: str) -> None:
    """NaN, infinities and wrong types are refused with the origin --set."""
    assert desk.problem(OK, set=[f"operating_point.vdd={value}"]).startswith("--set: operating_point.vdd: found ")


def test_python_values(desk: Desk) -> None:
    """Numbers of numpy, tuples, paths and None (not given) are understood."""
    text = OK + "[operating_point]\nvdd = 1.1\n[[partition]]\nname = 'a'\n"
    settings = {
        "dram.channels": np.int64(2),
        "operating_point.tRCD_ns": np.float32(8.5),
        "operating_point.vdd": None,
        "partition.0.banks": (0, 1),
        "workload": {"network": Path("nets") / "a.csv"},
    }
    config = desk.load(text, set=settings).config
    assert config.dram.channels == 2
    assert (config.operating_point.tRCD_ns, config.operating_point.vdd) == (8.5, None)
    assert config.partition[0].banks == [0, 1]
    assert config.workload is not None
    assert config.workload.network == str(Path("nets") / "a.csv")


@pytest.mark.parametrize("null", ["operating_point.vdd=null", {"operating_point.vdd": None}])
def test_null_leaves_a_key_out(desk: Desk, null: object) -> None:
    """A voltage of the file makes room for a change of it; the configuration is that of a file without the key."""
    text = OK + "[operating_point]\nvdd = 1.1\ntRP_ns = 14\n"
    resolved = desk.load(text, set=null)
    assert resolved.hash == desk.load(text.replace("vdd = 1.1\n", "")).hash
    assert resolved.origins["operating_point.vdd"] == "default"
    changed = load_config(resolved, set=["operating_point.delta_vdd=-0.1"]).config.operating_point
    assert (changed.vdd, changed.delta_vdd, changed.tRP_ns) == (None, -0.1, 14.0)


def test_null_leaves_out_what_presets_give(desk: Desk) -> None:
    """Keys with a default fall back to it, tables vanish, entries of maps go, and what is needed is missing."""
    text = OK + "channels = 2\n[compare.low]\nvdd = 1\n[[partition]]\nname = 'a'\nvdd = 1\n"
    settings = ["dram.channels=null", "dram.timing.CL=null", "compare.low=null", "partition.0.vdd=null", "seed = null"]
    config = desk.load(text, set=settings).config
    assert (config.dram.channels, config.dram.timing.CL, config.compare, config.partition[0].vdd) == (1, None, {}, None)
    assert config.dram.timing.tRCD_ns == 13.32
    assert desk.problem(OK, set=["dram.rows=null"]).startswith("x.toml:1: dram.rows: missing")
    assert "dram: missing standard" in desk.problem(OK, set=["dram.preset=null"])


def test_null_in_quotes_is_text(desk: Desk) -> None:
    """Only the bare word is special."""
    assert desk.load(OK, set=['title="null"']).config.title == "null"


def test_a_later_setting_replaces_null(desk: Desk) -> None:
    """Settings apply in order, also within what was left out."""
    assert desk.load(OK, set=["seed=null", "seed=3"]).config.seed == 3
    assert desk.load(OK, set=["compare.low=null", "compare.low.vdd=1"]).config.compare["low"].vdd == 1.0


def test_python_keys(desk: Desk) -> None:
    """Keys of a mapping are dotted TOML keys too."""
    assert "expected a dotted key" in desk.problem(OK, set={"dram channels": 2})
    assert desk.load(OK, set={'compare."low"': {"vdd": 1}}).config.compare["low"].vdd == 1.0


def test_one_setting_as_plain_text(desk: Desk) -> None:
    """A single text is one setting, not a list of letters."""
    assert desk.load(OK, set="seed=7").config.seed == 7


def test_endless_key(desk: Desk) -> None:
    """A key with thousands of parts is refused."""
    assert "more than 32 parts" in desk.problem(OK, set=["a." * 5000 + "a=1"])


def test_extends_cannot_be_set(desk: Desk) -> None:
    """`extends` is a matter of files."""
    assert "extends belongs at the top of a file" in desk.problem(OK, set=["extends=['a.toml']"])
