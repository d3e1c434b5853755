"""Plans: every point is checked before anything runs, and a folder is continued only by the sweep that began it."""

import json

import numpy as np
import pytest

from edensim.config import load_config
from edensim.errors import ConfigError, OutputError
from edensim.study.sweep import sweep as sweep_of
from edensim.study.sweep.plan import make_plan, space_of
from edensim.study.sweep.point import metrics
from edensim.study.sweep.space import Space

VDD, TRCD = "operating_point.vdd", "operating_point.tRCD_ns"


def settings(plan):
    return [point for _, point in plan.points()]


def test_grid_varies_the_last_axis_fastest(plan_of):
    """Order of the points is that of nested loops."""
    plan = plan_of({VDD: [1.2, 1.1], "seed": range(3)})
    assert [(p[VDD], p["seed"]) for p in settings(plan)] == [(v, s) for v in (1.2, 1.1) for s in range(3)]
    assert len(set(plan.ids)) == 6


def test_zip_and_list(plan_of, base):
    """Zip takes equal places; list takes points as written."""
    plan = plan_of({VDD: [1.2, 1.1], "seed": [5, 6]}, mode="zip")
    assert [tuple(p.values()) for p in settings(plan)] == [(1.2, 5), (1.1, 6)]
    with pytest.raises(ConfigError, match="equal length"):
        plan_of({VDD: [1.2], "seed": [5, 6]}, mode="zip")
    points = [{VDD: 1.1, "seed": 3}, {"seed": 1, VDD: 1.2}]
    listed = load_config(base, set={"sweep.mode": "list", "sweep.points": points})
    plan = make_plan(listed, space_of(listed))
    assert [p["seed"] for p in settings(plan)] == [3, 1]
    assert plan.space.axes == {VDD: [1.1, 1.2], "seed": [3, 1]}


def test_sample_is_reproducible_and_grows(plan_of):
    """The same seed draws the same points; a larger number only adds; all of them is the whole grid."""
    axes = {VDD: {"linspace": [1.3, 0.9, 9]}, "seed": range(5)}

    def drawn(number, seed=0):
        return [tuple(p.values()) for p in settings(plan_of(axes, mode="sample", number=number, seed=seed))]

    assert drawn(20)[:7] == drawn(7)
    assert drawn(7) != drawn(7, seed=1)
    assert len(set(drawn(45))) == 45
    assert sorted(drawn(45)) == sorted(tuple(p.values()) for p in settings(plan_of(axes)))


def test_where_keeps_points(plan_of):
    """Only points that satisfy the condition are planned; none at all is an error."""
    axes = {VDD: [1.2, 1.1, 1.0], "seed": range(3)}
    plan = plan_of(axes, where=f"{VDD} > 1.05 and seed != 1")
    assert [tuple(p.values()) for p in settings(plan)] == [(1.2, 0), (1.2, 2), (1.1, 0), (1.1, 2)]
    assert len(settings(plan_of(axes, where="seed == 2", mode="sample", number=2))) == 2
    with pytest.raises(ConfigError, match="no point satisfies"):
        plan_of(axes, where="seed > 5")


def test_row_10_empty_axis(plan_of, base):
    """An axis without values, and a sweep without axes, are errors."""
    with pytest.raises(ConfigError, match="holds no value"):
        plan_of({"seed": []})
    with pytest.raises(ConfigError, match="needs axes"):
        space_of(base)


def test_row_10_equal_points_run_once(plan_of):
    """Equal values, 1 beside 1.0, and equal rows of a zip are dropped with a note."""
    plan = plan_of({VDD: [1, 1.1, 1.0, 1.1], "seed": [0]})
    assert [p[VDD] for p in settings(plan)] == [1, 1.1]
    assert any("twice" in note for note in plan.notes)
    assert any("only once" in note for note in plan.notes)
    plan = plan_of({VDD: [1.2, 1.1, 1.2], "seed": [0, 0, 0]}, mode="zip")
    assert len(settings(plan)) == 2


def test_row_10_a_billion_points_are_refused(plan_of):
    """More than a million points need --yes; the answer comes at once."""
    axes = {"seed": {"range": [0, 100_000]}, VDD: {"linspace": [1.2, 1.0, 10_000]}}
    with pytest.raises(ConfigError, match=r"1,000,000,000 points.*--yes"):
        plan_of(axes)


def test_row_2_unknown_axis_names_the_nearest_key(plan_of):
    """All misspelt axes at once."""
    with pytest.raises(ConfigError) as error:
        plan_of({"operating_point.vddd": [1], "dram.chanels": [1], "sweep.mode": ["grid"], "operating_point": [1]})
    text = str(error.value)
    assert "did you mean operating_point.vdd?" in text
    assert "dram.channels" in text
    assert len(error.value.problems) == 4


@pytest.mark.parametrize(
    ("axes", "says"),
    [
        ({VDD: [1.2, -1.0]}, "above 0"),
        ({VDD: ["1.1"]}, "without|bare number"),
        ({"dram.channels": [1.5]}, "whole number"),
        ({VDD: [1100]}, "did you mean 1.1 V"),
        ({TRCD: [0.018]}, "18"),
        ({"seed": [-1]}, "seed"),
        ({"workload.precision": ["int9"]}, "int8"),
        ({"dram.preset": ["ddr4-2400r-8gb-x9"]}, "did you mean"),
    ],
)
def test_rows_4_5_8_40_bad_values_before_anything_runs(plan_of, axes, says):
    """Every point is checked before the first one runs, and the message names the point."""
    with pytest.raises(ConfigError, match=says) as error:
        plan_of(axes)
    assert "[at the point" in str(error.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_row_6_no_finite_number(plan_of, value):
    """NaN and infinity are refused in lists and ends."""
    for spec in ([1.2, value], {"linspace": [1.2, value, 3]}, {"range": [0, value]}, [np.float64(value)]):
        with pytest.raises(ConfigError):
            plan_of({VDD: spec})


def test_problems_are_counted_not_repeated(plan_of):
    """A bad value in many points is one message that says how many."""
    with pytest.raises(ConfigError, match="and 29 more") as error:
        plan_of({VDD: [1.2, 7.0], "seed": range(30)})
    assert len(error.value.problems) == 1


def test_axes_of_the_file_are_replaced_and_followed(base):
    """--axis replaces an axis of the file in its place and adds new ones behind."""
    config = load_config(base, set={"sweep.axes": {VDD: [1.2], "seed": {"range": [0, 4, 2]}}})
    space = space_of(config, {"seed": [7], TRCD: [13.0]})
    assert space.axes == {VDD: [1.2], "seed": [7], TRCD: [13.0]}
    assert space_of(config).axes["seed"] == [0, 2]


def test_the_sweep_table_is_no_part_of_a_point(base, plan_of):
    """Hash and ids do not depend on the axes, so more axes values only add points."""
    config = load_config(base, set={"sweep.axes": {"seed": [1]}})
    assert config.hash == base.hash
    assert make_plan(config, space_of(config)).ids == plan_of({"seed": [1]}).ids


def test_row_29_input_files_are_part_of_a_point(base, tmp_path, sweep, folder):
    """A changed network file is another point, and another sweep than the one in the folder."""
    header = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
    network = tmp_path / "net.csv"
    network.write_text(header + "a, 8, 8, 3, 3, 4, 4, 1,\n")
    config = load_config(base, set={"workload.network": str(network)})
    plan = make_plan(config, space_of(config, {"seed": [1]}))
    sweep(plan=plan)
    network.write_text(header + "a, 8, 8, 3, 3, 4, 8, 1,\n")
    changed = make_plan(config, space_of(config, {"seed": [1]}))
    assert changed.ids != plan.ids
    with pytest.raises(OutputError, match="input files.*never mixed"):
        sweep(plan=changed)


def test_row_31_the_same_sweep_goes_on_and_may_grow(sweep, folder, plan_of):
    """More values extend a sweep; the table then has the order of the new plan."""
    sweep(plan=plan_of({VDD: [1.2, 1.0], "seed": [0]}))
    larger = plan_of({VDD: [1.2, 1.1, 1.0], "seed": [0, 1]})
    tally, _ = sweep(plan=larger)
    assert (tally.before, tally.done) == (2, 4)
    fresh = folder.with_name("fresh")
    sweep(plan=larger, folder=fresh)
    assert (folder / "results.csv").read_bytes() == (fresh / "results.csv").read_bytes()
    assert json.loads((folder / "sweep.json").read_text())["points"] == 6


@pytest.mark.parametrize(
    ("axes", "change", "says"),
    [
        ({"seed": [0]}, {}, "the axes"),
        ({VDD: [1.2], "seed": [0, 1]}, {}, "with the point operating_point.vdd=1.1"),
        ({VDD: [1.2, 1.1], "seed": [0, 1]}, {"workload.batch": 2}, "workload.batch = 2 instead of 1"),
    ],
)
def test_row_31_another_plan_in_the_folder_is_refused(sweep, plan_of, base, folder, axes, change, says):
    """The message names the difference; nothing is changed."""
    sweep(plan=plan_of({VDD: [1.2, 1.1], "seed": [0, 1]}))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(OutputError, match=f"{says}.*never mixed"):
        sweep(plan=plan_of(axes, load_config(base, set=change)))
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_row_29_folder_of_another_model_version(sweep, folder, monkeypatch):
    """Both versions are named."""
    sweep()
    meta = json.loads((folder / "sweep.json").read_text())
    (folder / "sweep.json").write_text(json.dumps(meta | {"model_version": 0}))
    with pytest.raises(OutputError, match="model version 0.*model version 1"):
        sweep()


def test_row_31_foreign_folder(sweep, folder):
    """A folder with somebody's files is left alone."""
    folder.mkdir()
    (folder / "thesis.tex").write_text("x")
    with pytest.raises(OutputError, match=r"thesis\.tex"):
        sweep()
    assert [p.name for p in folder.iterdir()] == ["thesis.tex"]


def test_space_round_trip():
    """A space read back from JSON lists the same points."""
    space = Space({VDD: [1.2, 1.1], "seed": [0, 1, 2]}, "sample", "seed > 0", 3, 9)
    again = Space.from_json(json.loads(json.dumps(space.to_json())))
    assert list(again.settings()) == list(space.settings())


def test_python_entry_runs_real_points(base, tmp_path):
    """`es.sweep`: a tidy frame in the order of the axes, the same again from the folder, energy falls with VDD."""
    small = load_config(base, set={"workload.layers": ["conv1"]})
    axes = {VDD: np.linspace(1.2, 1.0, 3), TRCD: [13.32, 9.0]}
    frame = sweep_of(small, axes=axes, where=f"{VDD} > 1.05", jobs=0, pareto="energy,time", out=tmp_path / "s")
    assert list(frame.columns[:4]) == ["point", VDD, TRCD, "status"]
    assert list(frame[TRCD]) == [13.32, 9.0, 13.32, 9.0]
    assert frame["energy_pj.total"].iloc[3] < frame["energy_pj.total"].iloc[1]
    assert frame["energy_pj.total"].to_numpy() == pytest.approx(
        sum(frame[f"energy_pj.{c}"] for c in ("act", "pre", "rd", "wr", "ref", "background", "io")).to_numpy()
    )
    assert frame["pareto"].sum() >= 1
    again = sweep_of(small, axes=axes, where=f"{VDD} > 1.05", jobs=2, pareto="energy,time", out=tmp_path / "s")
    assert again.equals(frame)
    assert sweep_of(small, axes=axes, where=f"{VDD} > 1.05", jobs=2, pareto="energy,time").equals(frame)


def test_python_entry_tells_what_would_be_lost(base):
    """Notes of a sweep are warnings; limits that nothing could keep are refused."""
    small = load_config(base, set={"workload.layers": ["conv1"]})
    with pytest.warns(UserWarning, match="given twice and count once"):
        assert len(sweep_of(small, axes={"seed": [0, 0]}, jobs=0)) == 1
    with pytest.raises(ConfigError, match="worker processes"):
        sweep_of(small, axes={"seed": [0]}, jobs=0, timeout_s=1.0)


def test_a_point_that_the_model_refuses_fails_alone(base):
    """What only the model can know (VDD far above nominal) fails its point with the reason, not the sweep."""
    small = load_config(base, set={"workload.layers": ["conv1"]})
    frame = sweep_of(small, axes={VDD: [1.2, 3.0]}, jobs=0)
    assert list(frame["status"]) == ["ok", "failed"]


def test_points_without_a_key(base, plan_of):
    """A voltage on one point, a change of it on the other: what is null on a point is not given there."""
    config = load_config(base, set={VDD: 1.15})
    vdd, delta = f'"{VDD}"', '"operating_point.delta_vdd"'
    listed = f"[{{{vdd} = 1.1, {delta} = 'null'}}, {{{vdd} = 'null', {delta} = -0.1}}]"
    config = load_config(config, set=["sweep.mode=list", f"sweep.points={listed}"])
    plan = make_plan(config, space_of(config))
    points = [load_config(plan.base, set=settings).config.operating_point for _, settings in plan.points()]
    assert [(p.vdd, p.delta_vdd) for p in points] == [(1.1, None), (None, -0.1)]
    python = load_config(base, set={"sweep.mode": "list", "sweep.points": [{VDD: None}, {VDD: 1.0}]})
    assert make_plan(python, space_of(python)).ids == plan_of({VDD: ["null", 1.0]}).ids


def test_metrics_of_compared_points():
    """Every [compare.NAME] has columns of its own behind those of the main point, with what it saves."""
    numbers = {
        "time_ns": 5.0, "energy_pj": {"total": 3.0, "act": 3.0}, "bandwidth_gb_s": 1.0,
        "read_latency_ns": {"mean": 2.0}, "row": {"hit": 1}, "commands": {"ACT": 1},
        "bytes": {"read": 64, "write": 0, "by_kind": {}},
    }  # fmt: skip
    eden = numbers | {"time_ns": 4.0, "saving": {"energy_pj": 0.25, "time_ns": 0.2}}
    found = metrics(numbers | {"compare": {"eden": eden}})
    assert found["time_ns"] == 5.0
    assert found["eden:time_ns"] == 4.0
    assert found["eden:saving.energy_pj"] == 0.25
    assert "eden:energy_pj.total" in found
    assert not any("by_kind" in name for name in found)
