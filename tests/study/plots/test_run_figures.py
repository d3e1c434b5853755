"""Layers of a run, several runs side by side, latency curves: drawn to scale, apart in grey, or refused."""

import copy

import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from edensim.errors import ConfigError
from edensim.study.plots.figures import KINDS, draw, render
from edensim.study.plots.heatmap import luminance
from edensim.study.plots.kinds import NAMES, CannotDrawError, parse_kinds
from edensim.study.plots.labels import axis_label, cell_text, metric_label, setting_text
from edensim.study.plots.options import Options


def segments(axes):
    """Parts of the lying bars: (row, start, end)."""
    return [
        (round(p.get_y() + p.get_height() / 2, 6), p.get_x(), p.get_x() + p.get_width())
        for p in axes.patches
        if p.get_width() > 0
    ]


def test_layers_add_up_to_their_time_and_energy(result):
    """Stacks end at the layer's time and energy, in the order in which the layers run; the data hold the parts."""
    drawing = draw(result, "layers")
    left, right = drawing.figure.axes
    assert [tick.get_text() for tick in left.get_yticklabels()] == ["conv1", "fc"]
    assert left.get_ylim()[0] > left.get_ylim()[1]
    for k, layer in enumerate(result.data["layers"]):
        ends = [max(end for row, _, end in segments(axes) if row == k) for axes in (left, right)]
        assert ends == pytest.approx([layer["time_ns"] / 1e3, layer["energy_pj"]["total"] / 1e6])
        row = dict(zip(drawing.header, drawing.rows[k], strict=True))
        assert row["time_ns"] == row["compute_ns"] + row["load_wait_ns"] + row["other_ns"]
        assert row["energy_pj.total"] == layer["energy_pj"]["total"]


@pytest.mark.parametrize("kind", ["timeline", "layers", "power"])
def test_figures_of_one_point_name_it(result, kind):
    """Where points are compared, a figure of the main one alone says which it shows; otherwise there is no doubt."""

    def texts():
        figure = draw(result, kind).figure
        return [figure.get_suptitle(), *(axes.get_title() for axes in figure.axes)]

    assert "nominal: 1.2 V, tRCD 13.32 ns" in texts()
    result.data["compare"] = {}
    assert not any(texts())


def test_deep_network_is_folded(result):
    """Beyond 48 bars the shortest layers become one, and nothing is lost from the sums."""
    first = result.data["layers"][0]
    result.data["layers"] = [first | {"name": f"l{k}", "time_ns": 1500.0 + k} for k in range(100)]
    drawing = draw(result, "layers")
    assert len(drawing.rows) == 48
    assert [row[0] for row in drawing.rows[-2:]] == ["l99", "53 others"]
    assert sum(row[1] for row in drawing.rows) == sum(1500.0 + k for k in range(100))
    assert drawing.figure.get_size_inches()[1] < 9


def test_a_run_without_layers_says_so(result):
    """A result that records no layers has no such figure, and the others are drawn all the same."""
    del result.data["layers"]
    with pytest.raises(CannotDrawError, match="records no layers"):
        draw(result, "layers")
    told = []
    files = render(result, (), ["svg"], refused=told.append)
    assert f"figures/{KINDS[0]}.svg" in files
    assert "figures/layers.svg" not in files
    assert len(told) == 1


def test_several_runs_stand_side_by_side(result):
    """Every point of every run is a bar of its own at its own place, under the name of its run."""
    other = copy.deepcopy(result)
    for name in other.data["energy_pj"]:
        other.data["energy_pj"][name] *= 2
    drawing = draw({"first": result, "second": other}, "energy")
    axes = drawing.figure.axes[0]
    ends = {row: max(e for r, _, e in segments(axes) if r == row) for row, _, _ in segments(axes)}
    assert [ends[row] for row in sorted(ends)] == pytest.approx([3.0, 2.4, 6.0, 2.4])
    assert {"first", "second"} <= {text.get_text() for text in axes.texts}
    totals = [(row[0], row[1], row[3]) for row in drawing.rows if row[2] == "total"]
    assert totals == [
        ("first", "main", 3e6),
        ("first", "eden", 2.4e6),
        ("second", "main", 6e6),
        ("second", "eden", 2.4e6),
    ]
    with pytest.raises(CannotDrawError, match="from several runs: it needs a run; from several runs there is energy"):
        draw({"first": result, "second": other}, "timeline")


@pytest.mark.parametrize("kind", ["energy", "points", "layers"])
def test_parts_are_apart_in_grey(result, kind):
    """Parts that touch differ in hatch, or in luminance by more than 0.15."""
    for axes in draw(result, kind).figure.axes:
        bars = [p for p in axes.patches if p.get_width() > 0]
        for a in bars:
            for b in bars:
                touch = a is not b and a.get_y() == b.get_y() and abs(a.get_x() + a.get_width() - b.get_x()) < 1e-9
                grey = abs(luminance(to_rgb(a.get_facecolor()[:3])) - luminance(to_rgb(b.get_facecolor()[:3])))
                assert not touch or a.get_hatch() != b.get_hatch() or grey > 0.15


@pytest.mark.parametrize("kind", KINDS)
def test_double_column(divided, result, kind):
    """--width double gives figures of 7 inches."""
    result.data = divided
    assert draw(result, kind, Options("double")).figure.get_size_inches()[0] == 7.0


def curves():
    rows = [
        (p, r, min(r, top), 30 + r * slope)
        for p, top, slope in (("stream", 18, 1), ("random", 11, 4))
        for r in (16.0, 4.0)
    ]
    table = pd.DataFrame(rows, columns=["pattern", "offered_gb_s", "bandwidth_gb_s", "latency_ns"])
    return table.assign(peak_gb_s=19.2)


def test_latency_curves_follow_the_table():
    """A line per pattern in the order of the offered rate, the peak beside them, twice the same bytes."""
    drawing = draw(curves(), "latency")
    axes = drawing.figure.axes[0]
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert lines["stream"].get_xdata().tolist() == [4.0, 16.0]
    assert lines["random"].get_ydata().tolist() == [46.0, 94.0]
    assert any(set(line.get_xdata()) == {19.2} for line in axes.get_lines())
    assert drawing.rows[0] == ["stream", 4.0, 4.0, 34.0, 19.2]
    assert render(curves(), (), ["svg"]) == render(curves(), (), ["svg"])


def test_latency_of_one_nameless_pattern():
    """Three columns are enough."""
    table = curves().query("pattern == 'stream'").drop(columns=["pattern", "peak_gb_s"])
    drawing = draw(table, "latency")
    assert not drawing.figure.legends
    assert [row[0] for row in drawing.rows] == ["", ""]


def test_latency_of_many_memories():
    """Up to seven curves share axes; more memories have a panel each, with their own curves, peak and title."""
    few = pd.concat([curves().assign(memory=f"m{k}") for k in range(3)])
    (axes,) = draw(few, "latency").figure.axes
    assert [line.get_label() for line in axes.get_lines()][:2] == ["m0, stream", "m0, random"]
    many = pd.concat([curves().assign(memory=f"m{k}", peak_gb_s=20.0 + k) for k in range(5)])
    drawing = draw(many, "latency")
    assert [axes.get_title() for axes in drawing.figure.axes] == [f"m{k}" for k in range(5)]
    assert all(
        [line.get_label() for line in axes.get_lines()][:2] == ["stream", "random"] for axes in drawing.figure.axes
    )
    assert set(drawing.figure.axes[3].get_lines()[2].get_xdata()) == {23.0}
    assert drawing.header[:2] == ["memory", "pattern"]
    assert drawing.rows[-1] == ["m4", "random", 16.0, 11.0, 94.0, 24.0]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (curves().rename(columns={"latency_ns": "latency"}), "column 'latency_ns' is unknown; did you mean latency"),
        (curves()[:0], "no rows"),
        (pd.concat([curves().assign(pattern=f"p{k}") for k in range(8)]), "at most 7"),
    ],
)
def test_wrong_latency_tables(table, message):
    """A missing column, an empty table and too many patterns are told apart."""
    with pytest.raises(CannotDrawError, match=message):
        draw(table, "latency")


def test_kind_lists():
    """`--kind` takes names, lists of names and all; the nearest names answer a wrong one, all wrong ones at once."""
    assert parse_kinds("all") == parse_kinds("energy,all") == ()
    assert parse_kinds("pareto, heatmap,pareto") == ("pareto", "heatmap")
    assert all(parse_kinds(name) == (name,) for name in NAMES)
    with pytest.raises(ConfigError) as told:
        parse_kinds("heatmp,paretto")
    assert [problem.split("?")[0] for problem in told.value.problems] == [
        "kind of figure 'heatmp' is unknown; did you mean heatmap",
        "kind of figure 'paretto' is unknown; did you mean pareto",
    ]
    with pytest.raises(ConfigError, match="names no figure"):
        parse_kinds(" , ")


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("operating_point.vdd", "VDD (V)"),
        ("compare.eden.delta_vdd", "ΔVDD (V)"),
        ("dram.timing.tRRD_S_ns", "tRRD_S (ns)"),
        ("dram.channels", "channels"),
        ("dram.controller.read_queue", "read queue"),
        ("machine.preset", "machine preset"),
    ],
)
def test_axis_labels(key, label):
    """Names as the field writes them, with the unit of the key."""
    assert axis_label(key) == label


def test_metric_labels():
    """Units are chosen by size; counts say what they count."""
    assert metric_label("energy_pj.background", 3e9) == ("background energy (mJ)", 1e-9)
    assert metric_label("energy_pj.act", 3e3) == ("ACT energy (nJ)", 1e-3)
    assert metric_label("time_ns", 2e3) == ("time (µs)", 1e-3)
    assert metric_label("bandwidth_gb_s", 18.0) == ("bandwidth (GB/s)", 1.0)
    assert metric_label("row.hit", 18.0) == ("row: hit (requests)", 1.0)
    assert metric_label("accuracy", 0.9) == ("accuracy", 1.0)


def test_numbers_in_cells():
    """Three digits, without an exponent where they fit."""
    assert [cell_text(x) for x in (0, 1.234, 12.34, 123.4, 9580, 0.5, 1e7, -2.5)] == [
        "0", "1.23", "12.3", "123", "9580", "0.500", "1.0e+07", "-2.50",
    ]  # fmt: skip
    assert setting_text("operating_point.tRCD_ns", 8.524999) == "tRCD 8.525 ns"


def test_partitions_end_at_their_energy(divided, result):
    """One bar per partition and point and one for what is shared, each as long as its energy; the data name all."""
    result.data = divided
    drawing = draw(result, "partitions")
    (axes,) = drawing.figure.axes
    ticks = [tick.get_text().split("\n")[0] for tick in axes.get_yticklabels()]
    assert ticks[:3] == ["main: module", "main: low", "main: shared background"]
    assert len(ticks) == 6
    ends = [max(end for row, _, end in segments(axes) if row == place) for place in axes.get_yticks()]
    assert ends == pytest.approx([0.24, 2.16, 0.6] * 2)
    assert drawing.header == ["point", "partition", "component", "energy_pj"]
    total = sum(row[3] for row in drawing.rows if row[0] == "main")
    assert total == pytest.approx(divided["energy_pj"]["total"])


def test_no_partitions_no_figure(result):
    """A run without partitions has no such figure: an error if asked for, left out in silence among all."""
    with pytest.raises(CannotDrawError, match=r"has no \[\[partition\]\]"):
        draw(result, "partitions")
    told = []
    assert "figures/partitions.svg" not in render(result, (), ["svg"], refused=told.append)
    assert told == []
