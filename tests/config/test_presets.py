"""Presets: lookup by name, merging below the file, names that are unknown or unsafe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edensim.config import Presets, load_config
from edensim.errors import ConfigError

if TYPE_CHECKING:
    from tests.config.conftest import Desk


def test_preset_lies_below_the_file(desk: Desk) -> None:
    """Keys of the file win; the rest, nested tables included, is the preset's and says so."""
    resolved = desk.load('[dram]\npreset = "small-ddr4"\nrows = 128\n[dram.timing]\nCL = 11\n')
    dram = resolved.config.dram
    assert (dram.rows, dram.columns, dram.timing.CL, dram.timing.tRCD_ns) == (128, 1024, 11, 13.32)
    assert resolved.origins["dram.rows"] == "x.toml:3"
    assert resolved.origins["dram.columns"] == "preset small-ddr4 (line 10)"
    assert resolved.origins["dram.timing.CL"] == "x.toml:5"


def test_machine_preset(desk: Desk) -> None:
    """[machine] works alike."""
    resolved = desk.load('[dram]\npreset = "small-ddr4"\n[machine]\npreset = "tpu-test"\narray_cols = 128\n')
    machine = resolved.config.machine
    assert machine is not None
    assert (machine.kind, machine.array_rows, machine.array_cols, machine.clock_mhz) == ("tpu", 256, 128, 700.0)


def test_folder_in_the_name_and_extends(desk: Desk) -> None:
    """`parity:fast` is parity/fast.toml, which extends another preset."""
    resolved = desk.load('[dram]\npreset = "parity:fast"\n')
    assert (resolved.config.dram.channels, resolved.config.dram.rows) == (2, 65536)
    assert resolved.origins["dram.channels"] == "preset parity:fast (line 2)"
    assert resolved.origins["dram.rows"] == "preset small-ddr4 (line 9)"


def test_setting_replaces_the_preset_of_the_file(desk: Desk) -> None:
    """A preset named by --set is read instead of the file's, not on top of it."""
    desk.write("presets/dram/bare.toml", desk.presets.joinpath("dram/small-ddr4.toml").read_text().split("[timing]")[0])
    resolved = desk.load('[dram]\npreset = "small-ddr4"\nranks = 2\n', set=["dram.preset=bare"])
    assert resolved.config.dram.timing.CL is None
    assert resolved.config.dram.ranks == 2
    assert resolved.origins["dram.preset"] == "--set"


def test_names(desk: Desk) -> None:
    """All presets of a kind, folders as prefixes; a kind without any is empty."""
    presets = Presets(desk.presets)
    assert presets.names("dram") == ["parity:fast", "small-ddr4"]
    assert presets.names("nothing") == []


def test_shipped_presets_are_found() -> None:
    """Without a folder of one's own the names are those inside the package."""
    assert all(name for name in Presets().names("dram"))
    assert Presets()._folder("dram").is_dir()


@pytest.mark.parametrize("kind", ["dram", "machine"])
def test_shipped_presets_are_valid(kind: str) -> None:
    """Every preset in the package passes the schema with nothing added."""
    memory = Presets().names("dram")[0]
    for name in Presets().names(kind):
        resolved = load_config({"dram": {"preset": memory}} | {kind: {"preset": name}})
        assert resolved.origins[f"{kind}.preset"] == "dict"


def test_unknown_name(desk: Desk) -> None:
    """The nearest name and all there are; nothing is called missing on top of it."""
    problem = desk.problem('[dram]\npreset = "smal-ddr4"\nchannels = 2\n')
    assert problem.startswith('x.toml:2: dram.preset: there is no dram preset "smal-ddr4"; did you mean small-ddr4?')
    assert "(available: parity:fast, small-ddr4)" in problem


UNSAFE = ["../secret", "..", "/etc/passwd", "parity/fast", "parity:..:..:secret", "a..b", "a\\b", "C:\\x", "a\0"]


@pytest.mark.parametrize("name", [*UNSAFE, "a:", ":a", " small-ddr4", "~", "ä"])
def test_row_13_unsafe_names(desk: Desk, name: str) -> None:
    """Names that could leave the folder of presets are no names."""
    desk.write("secret.toml", "rows = 1\n")
    desk.write("presets/secret.toml", "rows = 1\n")
    problem = desk.problem("", set={"dram.preset": name})
    assert problem.startswith("--set: dram.preset: ")
    assert "is no preset name" in problem


def test_row_13_link_out_of_the_folder(desk: Desk) -> None:
    """A link inside the folder that leads out of it is not followed."""
    desk.write("outside.toml", "rows = 1\n")
    (desk.presets / "dram/sly.toml").symlink_to(desk.folder / "outside.toml")
    assert 'there is no dram preset "sly"' in desk.problem('[dram]\npreset = "sly"\n')


@pytest.mark.parametrize("value", ["3", "['small-ddr4']", "''", "true"])
def test_preset_of_a_wrong_type(desk: Desk, value: str) -> None:
    """One message about the type (or emptiness), no crowd of missing keys."""
    assert desk.problem(f"[dram]\npreset = {value}\n").startswith("x.toml:2: dram.preset: ")


def test_mistakes_inside_a_preset(desk: Desk) -> None:
    """Wrong keys and values in a preset are reported with its name and line."""
    desk.write("presets/dram/bad.toml", 'extends = ["small-ddr4"]\nrwos = 5\n[timing]\ntRCD_ns = -1\n')
    assert [p.split(": ", 2)[:2] for p in desk.problems('[dram]\npreset = "bad"\n')] == [
        ["preset bad (line 2)", "dram.rwos"],
        ["preset bad (line 4)", "dram.timing.tRCD_ns"],
    ]


def test_incomplete_preset(desk: Desk) -> None:
    """Keys that neither preset nor file gives are missing, each by itself."""
    desk.write("presets/dram/half.toml", 'standard = "DDR4"\n')
    problems = desk.problems('seed = 1\n[dram]\npreset = "half"\n')
    assert len(problems) == 7
    assert all(p.startswith("x.toml:2: dram.") and ": missing; expected a" in p for p in problems)


def test_preset_that_names_a_preset(desk: Desk) -> None:
    """Presets build on others with `extends` alone."""
    desk.write("presets/dram/nested.toml", 'preset = "small-ddr4"\n')
    assert 'with extends = ["NAME"]' in desk.problem('[dram]\npreset = "nested"\n')


def test_circle_and_missing_base_among_presets(desk: Desk) -> None:
    """Circles and unknown bases are errors with the chain."""
    desk.write("presets/dram/a.toml", 'extends = ["b"]\n')
    desk.write("presets/dram/b.toml", 'extends = ["a"]\n')
    desk.write("presets/dram/c.toml", 'extends = ["small-dr4"]\n')
    assert "goes in a circle: a -> b -> a" in desk.problem('[dram]\npreset = "a"\n')
    assert "did you mean small-ddr4?" in desk.problem('[dram]\npreset = "c"\n')


def test_broken_preset_file(desk: Desk) -> None:
    """A syntax error in a preset names the preset, line and column."""
    desk.write("presets/dram/broken.toml", "rows = \n")
    with pytest.raises(ConfigError, match=r"^preset broken:1:8: not valid TOML"):
        Presets(desk.presets).load("dram", "broken")


def test_presets_are_read_once(desk: Desk) -> None:
    """Later settings on a loaded configuration do not read the files again (sweeps do this thousands of times)."""
    first = desk.load('[dram]\npreset = "small-ddr4"\n')
    Path("x.toml").unlink()
    (desk.presets / "dram/small-ddr4.toml").unlink()
    assert load_config(first, set={"dram.channels": 2}).config.dram.channels == 2
