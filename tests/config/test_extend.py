"""`extends`: order of merging, relative names, and chains that are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edensim.config import load_config
from edensim.config.read import read_file
from edensim.errors import ConfigError

if TYPE_CHECKING:
    from tests.config.conftest import Desk


def test_order_of_merging(desk: Desk) -> None:
    """Later bases lie over earlier ones, the file over both; the preset lies below all of them."""
    desk.write("a.toml", "title = 'a'\nseed = 1\n[dram]\nranks = 2\nchannels = 4\n[dram.timing]\ntRP_ns = 10.0\n")
    desk.write("sub/b.toml", "extends = ['../c.toml']\nseed = 2\n")
    desk.write("c.toml", "seed = 3\ntitle = 'c'\n[dram]\npreset = 'small-ddr4'\nchannels = 8\n")
    resolved = desk.load("extends = ['a.toml', 'sub/b.toml']\n[dram]\nchannels = 16\n")
    config = resolved.config
    assert (config.title, config.seed, config.dram.channels, config.dram.ranks) == ("c", 2, 16, 2)
    assert (config.dram.timing.tRP_ns, config.dram.timing.tRCD_ns) == (10.0, 13.32)
    assert resolved.origins["title"] == "c.toml:2"
    assert resolved.origins["seed"] == "sub/b.toml:2"
    assert resolved.origins["dram.preset"] == "c.toml:4"
    assert resolved.origins["dram.timing.tRP_ns"] == "a.toml:7"
    assert resolved.origins["dram.timing.tRCD_ns"] == "preset small-ddr4 (line 14)"


def test_arrays_of_tables_replace(desk: Desk) -> None:
    """[[partition]] of a file stands in place of that of its base."""
    desk.write("a.toml", "[[partition]]\nname = 'a'\nvdd = 1.1\n[[partition]]\nname = 'b'\n")
    resolved = desk.load("extends = ['a.toml']\n[dram]\npreset = 'small-ddr4'\n[[partition]]\nname = 'c'\n")
    assert [(p.name, p.vdd) for p in resolved.config.partition] == [("c", None)]


def test_same_base_twice_is_no_circle(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files may share a base, and each file is read once however many paths lead to it."""
    read: list[str] = []
    monkeypatch.setattr("edensim.config.extend.read_file", lambda path: read.append(str(path)) or read_file(path))
    desk.write("f0.toml", "[dram]\npreset = 'small-ddr4'\n")
    for n in range(1, 15):
        desk.write(f"f{n}.toml", f"extends = ['f{n - 1}.toml', './f{n - 1}.toml']\n")
    assert desk.load("extends = ['f14.toml', 'f13.toml']").config.dram.channels == 1
    assert sorted(read) == sorted(["x.toml", *(f"f{n}.toml" for n in range(15))])


def test_row_11_circle(desk: Desk) -> None:
    """A circle is an error with the chain of files."""
    desk.write("a.toml", "extends = ['./b.toml']\n")
    desk.write("b.toml", "\nextends = ['x.toml']\n")
    problem = desk.problem("extends = ['a.toml']\n")
    assert problem.startswith("b.toml:2: extends: goes in a circle: x.toml -> a.toml -> b.toml -> x.toml\n")
    assert [line.strip() for line in problem.splitlines()[1:]] == [
        "extended by a.toml:1",
        "extended by x.toml:1",
    ]


def test_row_11_missing_base(desk: Desk) -> None:
    """A base that is not there: the nearest name, and the lines that led to it."""
    desk.write("base.toml", "")
    desk.write("a.toml", "seed = 1\nextends = [\n  'bsae.toml',\n]\n")
    problem = desk.problem("extends = ['a.toml']\n")
    assert problem.splitlines()[0] == "bsae.toml: not found; did you mean base.toml?"
    assert "extended by a.toml:3" in problem
    assert "extended by x.toml:1" in problem


def test_row_11_depth(desk: Desk) -> None:
    """Sixteen files in a chain are accepted, seventeen are not."""
    desk.write("f1.toml", "[dram]\npreset = 'small-ddr4'\n")
    for n in range(2, 17):
        desk.write(f"f{n}.toml", f"extends = ['f{n - 1}.toml']\n")
    assert desk.load("extends = ['f15.toml']").config.dram.channels == 1
    problem = desk.problem("extends = ['f16.toml']")
    assert "more than 16 files deep: x.toml -> f16.toml -> f15.toml" in problem


def test_syntax_error_in_a_base(desk: Desk) -> None:
    """The message leads with the place of the error and tells who wanted the file."""
    desk.write("a.toml", "seed =\n")
    problem = desk.problem("extends = ['a.toml']\n")
    assert problem.startswith("a.toml:1:7: not valid TOML")
    assert problem.endswith("extended by x.toml:1")


@pytest.mark.parametrize("entry", ["/etc/passwd", "/tmp/x.toml", "notes.txt", "", "..", "sub/"])
def test_names_that_are_no_relative_toml_files(desk: Desk, entry: str) -> None:
    """Absolute names and files that are no .toml are refused."""
    assert "expected the relative path of a .toml file" in desk.problem(f"extends = ['{entry}']\n")


@pytest.mark.parametrize("value", ["'a.toml'", "3", "[1]", "{a = 1}"])
def test_extends_must_be_a_list_of_names(desk: Desk, value: str) -> None:
    """Any other type is refused with its line."""
    assert desk.problem(f"\nextends = {value}\n").startswith("x.toml:2: extends: expected a list of names")


def test_extends_in_a_table_is_an_unknown_key(desk: Desk) -> None:
    """Only whole files extend others."""
    assert "dram.extends: unknown key" in desk.problem("[dram]\npreset = 'small-ddr4'\nextends = ['a.toml']\n")


def test_extends_of_a_dictionary(desk: Desk) -> None:
    """A dictionary may extend files too, relative to the current folder."""
    desk.write("a.toml", "[dram]\npreset = 'small-ddr4'\n")
    resolved = load_config({"extends": ["a.toml"], "seed": 4}, preset_root=desk.presets)
    assert (resolved.config.seed, resolved.origins["seed"], resolved.origins["dram.preset"]) == (4, "dict", "a.toml:2")
    with pytest.raises(ConfigError, match="not found"):
        load_config({"extends": ["b.toml"]}, preset_root=desk.presets)
