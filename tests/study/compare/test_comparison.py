"""What is found to differ between two runs or sweeps, in which order, and what counts as a difference."""

import json
import math

import pytest

from edensim.errors import InputError
from edensim.study.compare.comparison import compare_opened
from edensim.study.compare.text import describe, share
from edensim.study.opened import open_folder

VDD = "operating_point.vdd"


def found(comparison):
    return {(d.place, d.metric): d for d in comparison.results.differences}


def test_equal_runs(make_run):
    """Nothing differs, nothing exceeds 0, and the text says so; clock readings do not count."""
    comparison = compare_opened(make_run("a"), make_run("b", wall_s=99.0))
    assert comparison.config == comparison.environment == comparison.warnings == comparison.shown == []
    assert not comparison.exceeds(0.0)
    text = describe(comparison)
    assert "configuration: the same" in text
    assert "results: all 12 are the same" in text


def test_difference_and_relative_difference(make_run):
    """B - A and its share of A, at each operating point on its own; layers are left to the tables of the runs."""
    comparison = compare_opened(make_run("a"), make_run("b", **{"compare/eden/time_ns": 1100.0}))
    difference = found(comparison)["eden", "time_ns"]
    assert (difference.difference, difference.relative) == (100.0, pytest.approx(0.1))
    assert [(d.place, d.metric) for d in comparison.shown] == [("eden", "time_ns")]
    assert difference.verdict == "not tested: one seed"
    assert comparison.exceeds(0.0999)
    assert not comparison.exceeds(0.1001)


def test_order_is_by_share_of_the_family(make_run):
    """A part of 1 % of the energy that doubles stands below the whole that grows by 5 %."""
    b = make_run("b", **{"energy_pj/act": 2.0, "energy_pj/total": 105.0, "commands/ACT": 11})
    metrics = [d.metric for d in compare_opened(make_run("a"), b).shown]
    assert metrics == ["energy_pj.total", "energy_pj.act", "commands.ACT"]


def test_tiny_differences_are_hidden_unless_asked_for(make_run):
    """Half a per mille is counted and not shown; --all shows it."""
    comparison = compare_opened(make_run("a"), make_run("b", time_ns=1000.5))
    assert comparison.shown == []
    assert "1 of 12 differ, 0 by 0.1% or more" in describe(comparison)
    assert "1000.5" not in describe(comparison)
    assert "1000.5" in describe(comparison, everything=True)


def test_numbers_that_are_not_numbers(make_run):
    """From zero is infinite, a metric of one side only has no difference; both exceed every limit; JSON stays JSON."""
    a, b = make_run("a", **{"commands/ACT": 0}), make_run("b", accuracy=0.9, **{"energy_pj/extra": 1.0})
    comparison = compare_opened(a, b)
    assert found(comparison)["main", "commands.ACT"].relative == math.inf
    assert math.isnan(found(comparison)["main", "energy_pj.extra"].relative)
    assert comparison.exceeds(1e9)
    data = json.loads(json.dumps(comparison.to_dict(), allow_nan=False))
    row = next(row for row in data["results"] if row["metric"] == "energy_pj.extra")
    assert (row["a"], row["b"], row["relative"]) == (None, 1.0, None)
    assert "from zero" in describe(comparison)


def test_configuration_with_origins(make_run):
    """A key tells both values and where each comes from; an entry of a list has the origin of its list."""
    b = make_run("b")
    b.meta["config"]["dram"]["channels"] = 2
    b.meta["config"]["partition"][0]["banks"] = [0]
    b.meta["config"]["energy"] = {"model": "quadratic"}
    b.meta["origins"] |= {"dram.channels": "--set", "energy.model": "default"}
    comparison = compare_opened(make_run("a"), b)
    changes = {change.key: change for change in comparison.config}
    assert vars(changes["dram.channels"]) == {
        "key": "dram.channels", "a": 1, "b": 2, "origin_a": "preset ddr4 (line 9)", "origin_b": "--set",
    }  # fmt: skip
    assert changes["partition.0.banks"].b == [0]
    assert changes["partition.0.banks"].origin_a == "tiny.toml:5"
    assert changes["energy.model"].a is None
    assert "preset ddr4 (line 9)" in describe(comparison)
    assert "quadratic" not in describe(comparison)


def test_model_versions_are_warned_about(make_run):
    """Fault 29: results of different model versions are not silently compared; the warning names both."""
    b = make_run("b")
    b.meta["model_version"] = 2
    (warning,) = compare_opened(make_run("a"), b).warnings
    assert "a is of model version 1, b of 2" in warning
    assert "warning: " in describe(compare_opened(make_run("a"), b))
    old = make_run("old")
    del old.meta["model_version"]
    assert compare_opened(make_run("a"), old).warnings


def test_versions_inputs_and_machine(make_run):
    """A library, a changed input file and another machine are told."""
    b = make_run("b")
    b.meta["versions"]["numpy"] = "2.5.0"
    b.meta["inputs"]["net.csv"] = "bb"
    b.meta["host"]["cores"] = 64
    assert {c.key: (c.a, c.b) for c in compare_opened(make_run("a"), b).environment} == {
        "version: numpy": ("2.4.6", "2.5.0"),
        "inputs: net.csv": ("aa", "bb"),
        "host: cores": (2, 64),
    }


def test_points_of_one_side_only(make_run):
    """A point the other lacks is named, and is a difference for --fail-above."""
    b = make_run("b")
    del b.result.data["compare"]["eden"]
    comparison = compare_opened(make_run("a"), b)
    assert comparison.results.only_a == ["eden"]
    assert "only in A" in describe(comparison)
    assert comparison.exceeds(0.5)


def test_sweeps_are_matched_by_axis_values(make_sweep):
    """The order of points and axes, and rounding of an axis value, do not matter."""
    a = make_sweep("a", {VDD: [1.05, 1.2], "dram.channels": [1, 2]}, lambda vdd, channels: vdd * channels)
    b = make_sweep("b", {"dram.channels": [2, 1], VDD: [1.2, 1.05 + 1e-16 * 3]}, lambda channels, vdd: vdd * channels)
    comparison = compare_opened(a, b)
    assert len(comparison.results.differences) == 4
    assert not comparison.exceeds(1e-12)
    assert comparison.results.only_a == comparison.results.only_b == []
    assert found(comparison).keys() >= {("vdd=1.05, channels=2", "energy_pj.total")}


def test_a_missing_axis_has_the_value_of_the_configuration(make_sweep):
    """A sweep over VDD with one channel is compared with the one-channel points of a sweep over both."""
    a = make_sweep("a", {VDD: [1.05, 1.2], "dram.channels": [1, 2]}, lambda vdd, channels: vdd * channels)
    b = make_sweep("b", {VDD: [1.05, 1.2]}, lambda vdd: 2 * vdd)
    comparison = compare_opened(a, b)
    assert [d.relative for d in comparison.results.differences] == pytest.approx([1.0, 1.0])
    assert comparison.results.only_a == ["vdd=1.05, channels=2", "vdd=1.2, channels=2"]
    assert [change.key for change in comparison.axes] == ["dram.channels"]


def test_failed_points_are_not_compared(make_sweep):
    """A point that failed in one sweep is named and not a number."""
    axes = {VDD: [1.05, 1.2]}
    comparison = compare_opened(make_sweep("a", axes, float), make_sweep("b", axes, float, failed=0))
    assert comparison.results.only_a == ["vdd=1.05"]
    assert [d.place for d in comparison.results.differences] == ["vdd=1.2"]


def test_seeds_decide_what_is_significant(make_sweep):
    """With five seeds, a difference far above the noise is significant and one within it is not."""
    axes = {VDD: [1.05, 1.2], "seed": [1, 2, 3, 4, 5]}
    noise = [0.4, -1.1, 0.2, 0.9, -0.3]
    a = make_sweep("a", axes, lambda vdd, seed: 100 + noise[seed - 1])
    b = make_sweep("b", axes, lambda vdd, seed: (120 if vdd == 1.05 else 100.5) - noise[seed - 1])
    comparison = compare_opened(a, b)
    verdicts = {d.place: d.verdict for d in comparison.results.differences}
    assert verdicts == {"vdd=1.05": "significant", "vdd=1.2": "not significant"}
    text = describe(comparison, everything=True)
    assert "Welch" in text
    assert "95 % interval" in text
    row = comparison.to_dict()["results"][0]
    assert row["interval"][0] < 20 < row["interval"][1]
    assert row["seeds"] == [5, 5]
    assert row["p"] < row["p_adjusted"] < 1e-4


def test_seeds_without_spread_are_not_called_significant(make_sweep):
    """Where no seed changes anything there is no test to speak of, and the verdict says that instead."""
    a = make_sweep("a", {"seed": [1, 2, 3]}, lambda seed: 1.0)
    b = make_sweep("b", {"seed": [1, 2, 3]}, lambda seed: 2.0)
    assert [d.verdict for d in compare_opened(a, b).results.differences] == ["no spread over seeds"]


def test_two_seeds_are_not_tested(make_sweep):
    """Fewer than three seeds on either side: said, not guessed."""
    a = make_sweep("a", {"seed": [1, 2, 3]}, float)
    b = make_sweep("b", {"seed": [1, 2]}, float)
    (difference,) = compare_opened(a, b).results.differences
    assert difference.verdict == "not tested: 2 seeds"
    assert (difference.a, difference.b) == (2.0, 1.5)


def test_a_run_is_no_sweep(make_run, make_sweep):
    """The two kinds are not compared with each other; the message says which is which."""
    with pytest.raises(InputError, match="a is a run and b is a sweep"):
        compare_opened(make_run("a"), make_sweep("b", {VDD: [1.0]}, float))


def test_a_folder_of_neither_kind(tmp_path):
    """The message names both records that were looked for; a missing folder is an input error too."""
    with pytest.raises(InputError, match=r"neither meta.json nor sweep.json"):
        open_folder(tmp_path)
    with pytest.raises(InputError, match="not there"):
        open_folder(tmp_path / "absent")


@pytest.mark.parametrize(
    ("relative", "text"),
    [
        (0.1, "+10.00%"),
        (-0.5, "-50.00%"),
        (0.0, "0"),
        (1e-9, "+1.0e-07%"),
        (math.inf, "from zero"),
        (math.nan, "no number"),
    ],
)
def test_shares(relative, text):
    """Percent with sign; what is tiny keeps a digit."""
    assert share(relative) == text
