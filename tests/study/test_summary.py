"""The table of a run, and the units numbers are shown in."""

import pytest

from edensim.study.points import energy_unit, points, time_unit
from edensim.study.summary import size, summarize
from edensim.study.text_table import columns


@pytest.fixture
def full(data):
    extra = {
        "bytes": {"read": 2_000_000, "write": 1_500, "by_kind": {"weights": 1_900_000, "ifm": 100_000, "ofm": 1_500}},
        "bandwidth_gb_s": 6.0,
        "read_latency_ns": {"mean": 51.2},
        "row": {"hit": 280, "miss": 50, "conflict": 150},
        "commands": {"ACT": 200, "REF": 3},
    }
    data |= extra
    data["compare"]["eden"] |= extra
    return data


def test_points_stand_side_by_side_with_the_saving(full):
    """One column per point; the eden column saves 20 % energy and no time."""
    lines = {line.split("  ")[0].strip(): line.split() for line in summarize(full, "Tiny").splitlines() if line}
    assert lines["Tiny"] == ["Tiny"]
    assert lines["VDD (V)"][-2:] == ["1.200", "0.930"]
    assert lines["DRAM energy (µJ)"][-2:] == ["3", "2.4"]
    assert lines["energy saved"][-1] == "20.0%"
    assert lines["time saved"][-1] == "0.0%"
    assert lines["row hits"][-2:] == ["58.3%", "58.3%"]


def test_without_compare_no_saving_is_claimed(full):
    """A single point has nothing to save against."""
    del full["compare"]
    assert "saved" not in summarize(full)


def test_main_point_is_called_nominal_only_if_it_is(full):
    """A run whose own operating point is reduced is not labelled nominal."""
    assert points(full)[0].label == "nominal"
    full["operating_point"]["basis"] = "scaled"
    assert points(full)[0].label == "main"


@pytest.mark.parametrize(
    ("pj", "unit"), [(0.0, "pJ"), (999.0, "pJ"), (1e3, "nJ"), (5e6, "µJ"), (2e9, "mJ"), (3e12, "J")]
)
def test_energy_units(pj, unit):
    """The unit changes at each thousand, and scaling gives a number from 1 to 1000."""
    name, scale = energy_unit(pj)
    assert name == unit
    assert pj == 0 or 1 <= pj * scale < 1000


@pytest.mark.parametrize(("ns", "unit"), [(0.5, "ns"), (1e3, "µs"), (2e6, "ms"), (7e9, "s")])
def test_time_units(ns, unit):
    """As energies."""
    name, scale = time_unit(ns)
    assert name == unit
    assert ns < 1 or 1 <= ns * scale < 1000


def test_sizes_use_powers_of_ten():
    """Bytes are counted in kB of 1000."""
    assert [size(x) for x in (0, 999, 1000, 1_500_000, 3.2e9)] == ["0 B", "999 B", "1 kB", "1.5 MB", "3.2 GB"]


def test_columns_align():
    """Left columns align left, the others right, and no line ends in blanks."""
    assert columns([["a", 1, 22], ["bbb", 333], []]) == "a      1  22\nbbb  333\n"
