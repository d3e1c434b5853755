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


def test_errors_have_rows(full, faulty):
    """The rate of each point, the tensors with the most wrong bits, and what drew them; nothing without errors."""
    lines = summarize(faulty, "Tiny").splitlines()
    assert next(line for line in lines if "bit error rate" in line).split()[-3:] == ["0.0105", "(scaled)", "-"]
    first = lines.index(next(line for line in lines if line.startswith("errors of tensor")))
    assert lines[first + 1].split() == ["conv20.weights", "1,000", "20", "0.02"]
    assert len(lines) - first == 14
    assert lines[-1] == "chip A, scope row, data random; BER of banks 0.01 to 0.012 (2 in use)"
    del faulty["errors"]
    assert "errors" not in summarize(faulty)


def test_without_compare_no_saving_is_claimed(full):
    """A single point has nothing to save against."""
    del full["compare"]
    assert "saved" not in summarize(full)


def test_main_point_is_called_nominal_only_if_it_is(full):
    """A run whose own operating point is reduced is not labelled nominal."""
    assert points(full)[0].label == "nominal"
    full["operating_point"]["basis"] = "scaled"
    assert points(full)[0].label == "main"


def test_times_that_differ_are_shown(full):
    """Rows of tRAS and tRP appear if points differ in them; points at the lowest safe latency are marked."""
    for point, t_ras, t_rp in ((full, 32.0, 13.32), (full["compare"]["eden"], 37.21, 15.12)):
        point["operating_point"] |= {"tRAS_ns": t_ras, "tRP_ns": t_rp, "latency": "as_given"}
    full["compare"]["eden"]["operating_point"]["latency"] = "lowest_safe"
    lines = [line.split() for line in summarize(full).splitlines()]
    assert ["tRAS", "(ns)", "32.00", "37.21"] in lines
    assert ["tRP", "(ns)", "13.32", "15.12"] in lines
    assert ["latency", "lowest", "safe"] in lines
    full["compare"]["eden"]["operating_point"] |= {"tRAS_ns": 32.0, "tRP_ns": 13.32, "latency": "as_given"}
    assert not any(word in summarize(full) for word in ("tRAS", "tRP", "lowest safe"))


def test_partitions_have_rows_of_their_own(full, divided):
    """One row per partition and point, what is shared apart, and the tensors of each; the head shows what is in use."""
    text = summarize(divided)
    lines = [line.split() for line in text.splitlines()]
    assert ["VDD", "(V)", "1.050", "1.050"] in lines  # nothing lies in the module at 1.2 V
    assert ["basis", "scaled", "scaled"] in lines
    low = ["low", "main", "1.050", "13.32/32/13.32", "scaled", "6", "kB", "0", "B", "2.16"]
    assert [line for line in lines if line and line[0] == "low"][0] == low
    assert ["module", "eden", "0.930", "13.32/32/13.32", "scaled", "0", "B", "0", "B", "0.24"] in lines
    assert ["(shared", "background)", "main", "0.6"] in lines
    held = "low holds 21 kB: conv1.weights, conv2.weights, conv3.weights, conv4.weights and 2 more"
    assert text.endswith("0.6\n" + held)
    assert "module holds" not in text


def test_points_over_partitions(full, divided):
    """Where several partitions are in use a point shows the range, and is nominal only if all of them are."""
    module = divided["partitions"]["module"]
    module["bytes"]["write"] = 5
    main = points(divided)[0]
    assert main.setting == "1.05-1.2 V, tRCD 13.32 ns"
    assert (main.basis, main.label) == ("by partition", "main")
    divided["partitions"]["low"] |= {"tensors": {}, "bytes": {"read": 0, "write": 0}}
    assert (main.basis, main.label, main.setting) == ("nominal", "nominal", "1.2 V, tRCD 13.32 ns")


def test_energy_report_in_the_table(full):
    """Energy per bit, mean power and the share that follows VDD are shown where every point has them."""
    assert "follows VDD" not in summarize(full)
    report = {"follows_vdd_share": 0.785, "energy_per_bit_pj": 134.25, "power_mw": 558.8}
    report["system_pj"] = {"dram_share": 0.5}
    full["energy_report"] = full["compare"]["eden"]["energy_report"] = report
    lines = [line.split() for line in summarize(full).splitlines()]
    assert ["follows", "VDD", "78.5%", "78.5%"] in lines
    assert ["of", "system,", "at", "most", "50.0%", "50.0%"] in lines
    assert ["energy", "per", "bit", "(pJ)", "134.2", "134.2"] in lines
    assert ["DRAM", "power,", "mean", "(mW)", "558.8", "558.8"] in lines


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
