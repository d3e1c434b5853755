"""Figures of sweeps: what is drawn is what the points say, and what cannot be drawn says why."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from edensim.dram.energy import COMPONENTS
from edensim.errors import ConfigError
from edensim.study.plots.figures import draw, render
from edensim.study.plots.heatmap import luminance
from edensim.study.plots.kinds import KINDS, SWEEP, CannotDrawError
from edensim.study.plots.options import Options
from edensim.study.plots.style import DASHES, LINE_COLOURS, MARKERS, calm_limits
from edensim.study.plots.sweep_points import evenly

VDD, TRCD, CHANNELS = "operating_point.vdd", "operating_point.tRCD_ns", "dram.channels"
THREE = {VDD: [1.2, 1.1, 1.0], TRCD: [14.0, 12.0], CHANNELS: [1, 2]}


def rows_of(drawing):
    return [dict(zip(drawing.header, row, strict=True)) for row in drawing.rows]


def value(sweep, metric, **setting):
    frame = sweep.frame
    for key, wanted in setting.items():
        frame = frame[frame[{"vdd": VDD, "trcd": TRCD, "channels": CHANNELS}[key]] == wanted]
    assert len(frame) == 1
    return float(frame[metric].iloc[0])


@pytest.mark.parametrize("width", ["single", "double"])
def test_every_kind_in_every_format_twice_the_same(make_sweep, width):
    """Every kind gives its pictures and its data, with the same bytes when drawn again, in the width asked for."""
    options = Options(width)
    formats = ["png", "svg", "pdf"] if width == "single" else ["svg"]
    files = render(make_sweep(THREE), (), formats, "", options)
    assert set(files) == {f"{kind}.{end}" for kind in KINDS[SWEEP] for end in (*formats, "csv")}
    assert render(make_sweep(THREE), (), formats, "", options) == files
    for kind in KINDS[SWEEP]:
        figure = draw(make_sweep(THREE), kind, options).figure
        assert type(figure) is Figure
        assert figure.get_size_inches()[0] == {"single": 3.4, "double": 7.0}[width]
        assert 1.0 < figure.get_size_inches()[1] < 9.5


def test_lines_show_every_point(make_sweep):
    """Against VDD there is a line per tRCD; both panels hold the sweep's numbers, scaled to the unit on the axis."""
    sweep = make_sweep()
    drawing = draw(sweep, "vdd")
    energy, time = drawing.figure.axes
    assert (energy.get_ylabel(), time.get_ylabel()) == ("DRAM energy (mJ)", "time (ms)")
    assert time.get_xlabel() == "VDD (V)"
    for axes, metric, scale in ((energy, "energy_pj.total", 1e-9), (time, "time_ns", 1e-6)):
        drawn = {line.get_label(): line for line in axes.get_lines()}
        assert drawn.keys() == {"12", "14"}
        for trcd in (12.0, 14.0):
            line = drawn[f"{trcd:g}"]
            assert list(line.get_xdata()) == [1.0, 1.1, 1.2]
            wanted = [scale * value(sweep, metric, vdd=v, trcd=trcd) for v in (1.0, 1.1, 1.2)]
            assert list(line.get_ydata()) == pytest.approx(wanted)
    for row in rows_of(drawing):
        assert row["value"] == value(sweep, row["metric"], vdd=row[VDD], trcd=row[TRCD])
    assert len(drawing.rows) == 2 * len(sweep.frame)


def test_lines_against_trcd_have_a_line_per_vdd(make_sweep):
    """The other way round."""
    axes = draw(make_sweep(), "trcd").figure.axes[0]
    assert [line.get_label() for line in axes.get_lines()] == ["1", "1.1", "1.2"]
    assert axes.get_lines()[0].get_xdata().tolist() == [12.0, 14.0]


def test_delta_axes_count_as_vdd_and_trcd(make_sweep):
    """Axes given relative to nominal are drawn as such."""
    axes = {"operating_point.delta_vdd": [0.0, -0.1], "operating_point.delta_tRCD_ns": [0.0, -2.0]}
    assert draw(make_sweep(axes), "vdd").figure.axes[-1].get_xlabel() == "ΔVDD (V)"
    assert draw(make_sweep(axes), "trcd").figure.axes[-1].get_xlabel() == "ΔtRCD (ns)"


def test_flat_lines_are_not_magnified(make_sweep):
    """A quantity that does not change fills no panel with its last digit, and its ticks carry no offset."""
    sweep = make_sweep({VDD: [1.2, 1.1]})
    sweep.frame["time_ns"] = [1e6, 1e6 + 1e-3]
    for low, high in (draw(sweep, "vdd").figure.axes[1].get_ylim(), draw(sweep, "pareto").figure.axes[0].get_xlim()):
        assert high - low == pytest.approx(0.05)
        assert low < 1.0 < high
    sweep = make_sweep()
    sweep.frame["time_ns"] = [1e6 + k for k in range(6)]
    image = draw(sweep, "heatmap", Options(metrics=("time",))).figure.axes[0].collections[0]
    assert np.ptp(image.get_clim()) == pytest.approx(0.05, rel=1e-3)


@pytest.mark.parametrize(
    ("values", "limits"),
    [([0.0, 0.0], (0.0, 1.0)), ([-2.0, 0.0], (-2.2, 0.2)), ([1.0, 3.0], (0.8, 3.2)), ([100.0], (97.5, 102.5))],
)
def test_limits_of_axes(values, limits):
    """A tenth of the span as room, never less than 5 % of the largest value in all, nor below zero without need."""
    assert calm_limits(values, 0.1) == pytest.approx(limits)


def test_many_values_of_the_second_axis_are_thinned(make_sweep):
    """Twenty-one lines cannot be told apart: some, evenly spaced with both ends, are drawn, and the legend says so."""
    sweep = make_sweep({VDD: [1.2, 1.0], TRCD: [8.0 + k / 4 for k in range(21)]})
    drawing = draw(sweep, "vdd")
    assert [line.get_label() for line in drawing.figure.axes[0].get_lines()] == ["8", "9", "10", "11", "12", "13"]
    assert drawing.figure.legends[0].get_title().get_text() == "tRCD (ns), 6 of 21 values"


@pytest.mark.parametrize(("count", "most"), [(3, 7), (7, 7), (8, 7), (21, 12), (23, 9), (1000, 6)])
def test_evenly_keeps_both_ends(count, most):
    """Chosen places are distinct, ascending, at most as many as allowed, and hold the first and the last."""
    chosen = list(evenly(count, most))
    assert chosen == sorted(set(chosen))
    assert len(chosen) <= most
    assert (chosen[0], chosen[-1]) == (0, count - 1)
    assert len(chosen) == count or len(chosen) > most // 2


def test_third_axis_is_held_and_told(make_sweep):
    """With three axes the third stays at its first listed value, which the legend names."""
    sweep = make_sweep(THREE)
    drawing = draw(sweep, "vdd")
    assert drawing.figure.legends[0].get_title().get_text() == "tRCD (ns); at channels 1"
    for row in rows_of(drawing):
        assert row["value"] == value(sweep, row["metric"], vdd=row[VDD], trcd=row[TRCD], channels=1)


def test_held_axis_prefers_the_value_with_most_points(make_sweep):
    """If points failed at the first listed value, the value with more points is shown."""
    sweep = make_sweep(THREE, failed=(0,))
    assert "at channels 2" in draw(sweep, "vdd").figure.legends[0].get_title().get_text()


def test_lines_takes_the_axis_that_has_no_figure_of_its_own(make_sweep):
    """`lines` draws against the channels; --x names any axis by its last part."""
    assert draw(make_sweep(THREE), "lines").figure.axes[-1].get_xlabel() == "channels"
    assert draw(make_sweep(THREE), "lines", Options(x="tRCD_ns")).figure.axes[-1].get_xlabel() == "tRCD (ns)"
    with pytest.raises(ConfigError, match="its axes are operating_point.vdd"):
        draw(make_sweep(), "lines", Options(x="vdq"))


def test_names_on_an_axis_are_marks_without_lines(make_sweep):
    """Machines have no order: marks stand above their names in the listed order, not joined."""
    sweep = make_sweep({"machine.preset": ["tpu-eden", "eyeriss-eden"], VDD: [1.2, 1.1]})
    axes = draw(sweep, "lines").figure.axes[1]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["tpu-eden", "eyeriss-eden"]
    assert {line.get_linestyle() for line in axes.get_lines()} == {"None"}


def test_seeds_are_repetitions(make_sweep):
    """Points that differ in the seed alone are one mark at their mean, with their range as a bar and in the data."""
    sweep = make_sweep({VDD: [1.2, 1.0], "seed": [0, 1, 2]})
    drawing = draw(sweep, "vdd")
    for row in (row for row in rows_of(drawing) if row["metric"] == "time_ns"):
        same = sweep.frame[sweep.frame[VDD] == row[VDD]]["time_ns"]
        assert (row["least"], row["most"], row["points"]) == (same.min(), same.max(), 3)
        assert row["value"] == pytest.approx(same.mean())
    assert drawing.figure.axes[1].containers
    assert len(rows_of(draw(sweep, "pareto"))) == 2
    assert rows_of(draw(sweep, "energy"))[0][VDD] == 1.0


def test_equal_values_over_seeds_have_no_negative_bars(make_sweep):
    """Rounding makes the mean of equal values lie a hair outside their range; the figure is drawn all the same."""
    sweep = make_sweep({VDD: [1.2, 1.0], "seed": [0, 1, 2]})
    sweep.frame["time_ns"] = 105054564.16666667
    sweep.frame["energy_pj.total"] = 0.1 + 0.2
    files = render(sweep, ["vdd"], ["png"])
    assert any(name.endswith(".png") for name in files)


def test_names_are_no_mathematics(make_sweep):
    """A value that looks like broken TeX is written as it stands."""
    sweep = make_sweep({"workload.network": ["$\\frac$", "plain"], VDD: [1.2, 1.0]})
    assert render(sweep, ["vdd"], ["svg"])


def test_energy_stacks_end_at_the_totals(make_sweep):
    """A stack per VDD, the other axis held; parts add up and every bar ends where the point's total says."""
    sweep = make_sweep()
    drawing = draw(sweep, "energy")
    axes = drawing.figure.axes[0]
    tops = {}
    for patch in axes.patches:
        place = round(patch.get_x() + patch.get_width() / 2)
        tops[place] = max(tops.get(place, 0.0), patch.get_y() + patch.get_height())
    totals = [value(sweep, "energy_pj.total", vdd=v, trcd=14.0) / 1e9 for v in (1.0, 1.1, 1.2)]
    assert [tops[k] for k in range(3)] == pytest.approx(totals)
    assert axes.get_xlabel() == "VDD (V), at tRCD 14 ns"
    for vdd in (1.0, 1.1, 1.2):
        parts = {row["component"]: row["energy_pj"] for row in rows_of(drawing) if row[VDD] == vdd}
        assert sum(parts[name] for name in COMPONENTS) == pytest.approx(parts["total"])
    along = draw(sweep, "energy", Options(x="tRCD_ns"))
    assert along.figure.axes[0].get_xlabel() == "tRCD (ns), at VDD 1.2 V"


def test_heat_map_holds_every_point(make_sweep):
    """Each cell is the point of its row and column; the number in it is written on it; metrics can be chosen."""
    sweep = make_sweep()
    drawing = draw(sweep, "heatmap", Options(metrics=("time", "read_latency_ns.mean")))
    panels = [axes for axes in drawing.figure.axes if axes.get_xlabel()]
    assert [axes.get_title("left") for axes in panels] == ["time (ms)", "read latency, mean (ns)"]
    field = np.asarray(panels[0].collections[0].get_array())
    assert field.shape == (2, 3)
    for j, trcd in enumerate((12.0, 14.0)):
        for i, vdd in enumerate((1.0, 1.1, 1.2)):
            assert field[j, i] == pytest.approx(value(sweep, "time_ns", vdd=vdd, trcd=trcd) / 1e6)
    assert {text.get_text() for text in panels[1].texts} == {"92.0", "94.0"}
    for row in rows_of(drawing):
        assert row["value"] == value(sweep, row["metric"], vdd=row[VDD], trcd=row[TRCD])


def test_numbers_in_a_heat_map_stand_out(make_sweep):
    """Black ink on light cells, white on dark ones: luminances differ by at least 0.3."""
    sweep = make_sweep({VDD: [0.8 + k / 20 for k in range(8)], TRCD: [9.0, 12.0, 15.0]})
    axes = draw(sweep, "heatmap").figure.axes[0]
    image = axes.collections[0]
    for text in axes.texts:
        i, j = (int(p) for p in text.get_position())
        cell = luminance(image.to_rgba(np.asarray(image.get_array())[j, i]))
        assert abs(cell - luminance(to_rgb(text.get_color()))) >= 0.3


def test_large_heat_map_has_no_numbers_and_few_ticks(make_sweep):
    """Above eight cells along an axis, colour alone speaks."""
    values = [0.8 + k / 50 for k in range(25)]
    axes = draw(make_sweep({VDD: values, TRCD: [9.0, 10.0]}), "heatmap").figure.axes[0]
    assert not axes.texts
    assert len(axes.get_xticks()) <= 9


def test_failed_points_are_left_out(make_sweep):
    """A failed point is a hatched cell, no row in any table, and no mark."""
    sweep = make_sweep(failed=(2,))
    drawing = draw(sweep, "heatmap")
    assert len(drawing.rows) == 2 * 5
    assert [patch.get_hatch() for patch in drawing.figure.axes[0].patches] == ["////"]
    assert len(draw(sweep, "pareto").rows) == 5
    assert len(draw(sweep, "vdd").rows) == 2 * 5


def test_front_of_the_sweep(make_sweep):
    """Points marked in the data are those no other beats, and the staircase passes through them in order."""
    drawing = draw(make_sweep(), "pareto")
    rows = rows_of(drawing)
    marked = [row for row in rows if row["front"] == "yes"]
    assert {(row[VDD], row[TRCD]) for row in marked} == {(1.2, 12.0), (1.1, 12.0), (1.0, 12.0)}
    line = next(x for x in drawing.figure.axes[0].get_lines() if x.get_label() == "front")
    marked.sort(key=lambda row: row["time_ns"])
    assert list(line.get_xdata()) == pytest.approx([row["time_ns"] / 1e6 for row in marked])
    assert list(line.get_ydata()) == pytest.approx([row["energy_pj.total"] / 1e9 for row in marked])
    assert "A: VDD 1.2 V, tRCD 12 ns" in drawing.figure.axes[0].get_title()


def test_twins_on_the_front_are_both_marked(make_sweep):
    """Points with equal energy and time are equally good; two of them are no step."""
    sweep = make_sweep()
    sweep.frame.loc[1, ["time_ns", "energy_pj.total"]] = sweep.frame.loc[3, ["time_ns", "energy_pj.total"]]
    marked = [row["front"] for row in rows_of(draw(sweep, "pareto"))]
    assert marked[1] == marked[3] == "yes"


@pytest.mark.parametrize("gap", [0.0, 1e-3, 0.5])
def test_names_of_ends_that_touch_are_written_together(make_sweep, gap):
    """Two ends of the front in (nearly) one place share a name; far from each other each has its own."""
    sweep = make_sweep({VDD: [1.2, 1.1, 1.0]})
    sweep.frame["time_ns"] = [1e6, 1e6 * (1 + gap), 3e6]
    sweep.frame["energy_pj.total"] = [2e9 * (1 + gap), 2e9, 5e9]
    drawing = draw(sweep, "pareto")
    names = [text.get_text() for text in drawing.figure.axes[0].texts]
    assert names == (["A", "B"] if gap == 0.5 else ["A, B"])
    assert drawing.figure.axes[0].get_title().count("VDD") == 2


@pytest.mark.parametrize("mode", ["zip", "list", "sample"])
def test_sweeps_that_are_no_grid(make_sweep, mode):
    """All axes move together: one series against VDD, no heat map, and the reason is given."""
    sweep = make_sweep({VDD: [1.2, 1.1, 1.0], TRCD: [14.0, 13.0, 12.0]}, mode=mode)
    assert len(draw(sweep, "vdd").figure.axes[0].get_lines()) == 1
    assert len(draw(sweep, "energy").rows) == 3 * 8
    with pytest.raises(CannotDrawError, match=f"needs a grid, the sweep's mode is {mode}"):
        draw(sweep, "heatmap")


def test_points_that_share_a_value_are_not_joined(make_sweep):
    """Samples with the same VDD are marks; a line through them would zigzag, and a stack would hide some."""
    sweep = make_sweep({VDD: [1.2, 1.2, 1.0], TRCD: [14.0, 13.0, 12.0]}, mode="list")
    assert draw(sweep, "vdd").figure.axes[0].get_lines()[0].get_linestyle() == "None"
    with pytest.raises(CannotDrawError, match="several points share a value"):
        draw(sweep, "energy")


@pytest.mark.parametrize(
    ("kind", "axes", "message"),
    [
        ("vdd", {TRCD: [14.0, 12.0]}, "does not vary VDD"),
        ("trcd", {VDD: [1.2, 1.1], TRCD: [14.0]}, "does not vary tRCD"),
        ("lines", {"seed": [1, 2]}, "its axes are none"),
        ("heatmap", {VDD: [1.2, 1.1]}, "needs two axes that vary, the sweep has operating_point.vdd"),
        ("energy", {"seed": [1, 2]}, "no axis but the seed"),
        ("timeline", {VDD: [1.2]}, "cannot be drawn from a sweep: it needs a run"),
        ("latency", {VDD: [1.2]}, "it needs a latency table"),
    ],
)
def test_kinds_that_cannot_be_drawn_say_why(make_sweep, kind, axes, message):
    """The sentence names what the sweep lacks."""
    with pytest.raises(CannotDrawError, match=message):
        draw(make_sweep(axes), kind)


def test_metrics_that_are_not_there(make_sweep):
    """An unknown metric is answered with the nearest; a sweep without energy draws what needs none."""
    sweep = make_sweep()
    with pytest.raises(CannotDrawError, match="did you mean bandwidth_gb_s"):
        draw(sweep, "heatmap", Options(metrics=("bandwith_gb_s",)))
    sweep.frame = sweep.frame.drop(columns=[name for name in sweep.frame if name.startswith("energy")])
    with pytest.raises(CannotDrawError, match="no point of the sweep has energy_pj.total"):
        draw(sweep, "pareto")
    assert len(draw(sweep, "heatmap", Options(metrics=("time",))).rows) == 6


def test_axes_of_lists(make_sweep):
    """An axis whose values are lists is an axis of names."""
    sweep = make_sweep({"workload.layers": ["a", "b"], VDD: [1.2, 1.1]})
    sweep.axes["workload.layers"] = [["conv1"], ["conv1", "fc"]]
    sweep.frame["workload.layers"] = [
        sweep.axes["workload.layers"][name == "b"] for name in sweep.frame["workload.layers"]
    ]
    axes = draw(sweep, "lines").figure.axes[1]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ['["conv1"]', '["conv1", "fc"]']


def test_metrics_of_compared_points(make_sweep):
    """Columns of a compared point carry its name; the mark of the sweep's own front is no metric."""
    sweep = make_sweep()
    sweep.frame["eden:time_ns"], sweep.frame["pareto"] = 2e6, 1
    panels = draw(sweep, "heatmap", Options(metrics=("eden:time_ns",))).figure.axes
    assert panels[0].get_title("left") == "eden: time (ms)"
    with pytest.raises(CannotDrawError, match="metric 'pareto' is unknown"):
        draw(sweep, "heatmap", Options(metrics=("pareto",)))


def test_sweep_without_a_successful_point(make_sweep):
    """Nothing but failures: every kind says that there is nothing to draw."""
    sweep = make_sweep(failed=range(6))
    sweep.frame["time_ns"] = float("nan")
    for kind in KINDS[SWEEP]:
        with pytest.raises(CannotDrawError, match="no successful point"):
            draw(sweep, kind)


def test_lines_differ_in_grey():
    """No two lines share their stroke, nor their mark."""
    assert len({str(dash) for dash in DASHES}) == len(set(MARKERS)) == len(LINE_COLOURS)


def test_heat_map_darkens_all_the_way():
    """In grey print a larger value is a lighter cell, everywhere on the scale."""
    from matplotlib import colormaps

    from edensim.study.plots.heatmap import COLOURS

    lightness = [luminance(colormaps[COLOURS](x)) for x in np.linspace(0, 1, 256)]
    assert (np.diff(lightness) > 0).all()
    assert lightness[-1] - lightness[0] > 0.6
