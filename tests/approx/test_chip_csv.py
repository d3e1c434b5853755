"""Profiles from measured points: what a good file gives, and one clear sentence for every bad one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edensim.approx.chip import Setting
from edensim.approx.chip_curves import curve
from edensim.approx.chip_load import load_chip
from edensim.errors import ConfigError, InputError
from edensim.memory.operating_state import Nominal

GOOD = """# my module
vdd,tRCD_ns,ber
1.25,,2e-6
1.20,,3e-4
1.15,,2e-2
,7.5,1e-3
,5.0,4e-2
"""


def chip_of(tmp_path, text, name="mine.csv"):
    path = tmp_path / name
    path.write_text(text)
    return load_chip(str(path))


def test_two_knobs(tmp_path):
    """Rows with the same knobs form a law; the laws act independently; settings count as they stand."""
    chip = chip_of(tmp_path, GOOD)
    nominal = Nominal(1.35, 13.75, 35.0, 13.75, 48.75)
    base = Setting(1.35, 13.75, 35.0, 13.75)
    assert chip.reliability(replace(base, vdd=1.20), nominal).ber == pytest.approx(3e-4)
    assert chip.reliability(replace(base, tRCD_ns=5.0), nominal).ber == pytest.approx(4e-2)
    both = chip.reliability(replace(base, vdd=1.20, tRCD_ns=5.0), nominal)
    assert both.ber == pytest.approx(1 - (1 - 3e-4) * (1 - 4e-2))
    assert both.basis == "extrapolated"


def test_curves_show_the_points_that_were_given(tmp_path):
    """Along one knob the points of the others do not count, though no setting of theirs is free of errors."""
    chip = chip_of(tmp_path, GOOD)
    found = [(point.ber, point.basis) for point in curve(chip, "VDD", [1.15, 1.20, 1.25])]
    assert found == [(pytest.approx(ber), "measured") for ber in (2e-2, 3e-4, 2e-6)]
    assert [point.ber for point in curve(chip, "tRCD", [5.0, 7.5])] == pytest.approx([4e-2, 1e-3])


def test_uncovered_knob(tmp_path):
    """A knob without points must stay at the memory's nominal value."""
    chip = chip_of(tmp_path, GOOD)
    nominal = Nominal(1.35, 13.75, 35.0, 13.75, 48.75)
    with pytest.raises(ConfigError, match="no error law for tRP"):
        chip.reliability(Setting(1.35, 13.75, 35.0, 10.0), nominal)


def test_grid_and_stored_values(tmp_path):
    """A grid of two knobs with rates of stored zeros and ones."""
    rows = ["vdd, tRCD_ns, ber_0, ber_1"]
    rows += [f"{v},{t},{1e-4 * t},{3e-4 * t}" for v in (1.1, 1.2) for t in (8, 10)]
    chip = chip_of(tmp_path, "\n".join(rows))
    result = chip.reliability(Setting(1.1, 8.0, 35.0, 13.75), Nominal(1.35, 13.75, 35.0, 13.75, 48.75))
    assert (result.ber_of(0), result.ber_of(1)) == pytest.approx((8e-4, 24e-4))
    assert result.basis == "measured"


@pytest.mark.parametrize("vdd", [1.2, 1.35])
def test_points_with_errors_at_the_highest_setting(tmp_path, vdd):
    """The highest setting may be a memory's nominal one: what fails there is as founded as the point, not "nominal".

    Beyond the points, and in a memory whose supply is higher than all of them, it is extrapolated.
    """
    chip = chip_of(tmp_path, "vdd,ber\n1.20,1e-3\n1.10,1e-2\n")
    assert chip.reliability(chip.nominal).basis == "measured"
    memory = Nominal(vdd, 13.75, 35.0, 13.75, 48.75)
    for point, ber, basis in ((1.2, 1e-3, "measured"), (1.1, 1e-2, "measured"), (1.05, 2.52e-2, "extrapolated")):
        found = chip.reliability(Setting(point, 13.75, 35.0, 13.75), memory)
        assert (found.ber, found.basis) == (pytest.approx(ber, rel=2e-3), basis)
        assert {failure.basis for failure in found.failures} == {basis}
    assert chip.reliability(Setting(1.35, 13.75, 35.0, 13.75), memory).basis == "extrapolated"


def test_alone(tmp_path):
    """Without a memory the highest value of each column counts as nominal."""
    chip = chip_of(tmp_path, GOOD)
    assert (chip.nominal.vdd, chip.nominal.tRCD_ns) == (1.25, 7.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("# nothing\n", "is empty"),
        ("vdd,ber\n", "holds no points"),
        ("vdd,tRCD_ns,ber\n1.2,8,1e-3\n1.2,9,1e-4\n1.1,8,1e-2\n", r"gap at VDD = 1.1, tRCD = 9 \(1 of 4 points"),
        ("vdd,ber\n1.2,nan\n", "mine.csv:2: ber = nan"),
        ("vdd,ber\n1.2,1.5\n", "mine.csv:2: ber = 1.5; expected a number from 0 to 1"),
        ("vdd,ber\n1.2,0.7\n", "at most 0.5"),
        ("vdd,ber\n1.2,-1e-3\n", "ber = -1e-3"),
        ("vdd,ber\n1200,1e-3\n", "vdd = 1200; expected a number from 0 to 5 V"),
        ("vdd,ber\n1.2\n", "1 cells; the header has 2"),
        ("vdd,ber\n1.2,\n", "ber = nothing"),
        ("vdd,tRCD_ns,ber\n,,1e-3\n", "no knob is given"),
        ("vdd,ber\n1.2,1e-3\n1.2,2e-3\n", "mine.csv:3: the point of line 2 is given again"),
        ("volt,ber\n1.2,1e-3\n", "unknown column 'volt'"),
        ("vdd,ber,ber_0\n1.2,1e-3,1e-3\n", "either ber or both"),
        ("ber\n1e-3\n", "at least one of vdd"),
    ],
)
def test_bad_files(tmp_path, text, message):
    """Each is one sentence with the place and what was expected."""
    with pytest.raises(InputError, match=message):
        chip_of(tmp_path, text)


def test_unreadable(tmp_path):
    """Folders, missing files and binary files are no profiles."""
    with pytest.raises(InputError, match="cannot be read"):
        load_chip(str(tmp_path / "nowhere.csv"))
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00v")
    with pytest.raises(InputError, match="not UTF-8"):
        load_chip(str(tmp_path / "binary.csv"))
    with pytest.raises(ConfigError, match="know of no modules"):
        load_chip(str(tmp_path / "x.csv@3"))
