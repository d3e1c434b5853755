"""Figures: deterministic, complete, with the numbers they show beside them."""

import csv
import io
import subprocess
import sys

import pytest

from edensim.errors import ConfigError
from edensim.study.plots.attach import Plots
from edensim.study.plots.figures import KINDS, draw, render
from edensim.study.plots.formats import check_formats
from edensim.study.plots.kinds import CannotDrawError

MAGIC = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF", "csv": b""}


def table(files: dict[str, bytes], name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files[name].decode())))


def test_every_kind_in_every_format_with_its_data_twice_the_same(divided, result):
    """Each kind gives png, svg, pdf and csv of the right type, and drawing again gives the same bytes."""
    result.data = divided
    files = render(result, KINDS, ["png", "svg", "pdf"])
    assert set(files) == {f"figures/{kind}.{end}" for kind in KINDS for end in MAGIC}
    for name, content in files.items():
        assert content.startswith(MAGIC[name.rpartition(".")[2]])
    assert render(result, KINDS, ["png", "svg", "pdf"]) == files


def test_energy_data_add_up(result):
    """The components in the CSV of the stacked bars sum to the total, for every point."""
    rows = table(render(result, ["energy"], ["svg"]), "figures/energy.csv")
    for point in ("main", "eden"):
        parts = {row["component"]: float(row["energy_pj"]) for row in rows if row["point"] == point}
        total = parts.pop("total")
        assert len(parts) == 7
        assert sum(parts.values()) == pytest.approx(total, rel=1e-12)


def test_timeline_data_are_bandwidth_and_hit_share(result):
    """Bytes per ns are GB/s; a bin without requests has no hit share rather than a made-up one."""
    rows = table(render(result, ["timeline"], ["svg"]), "figures/timeline.csv")
    assert [float(row["read_gb_s"]) for row in rows] == [12.0, 9.0, 0.0, 3.0]
    assert [float(row["write_gb_s"]) for row in rows] == [0.0, 3.0, 0.0, 6.0]
    assert [row["row_hit_fraction"] for row in rows] == ["0.9375", str(100 / 140), "", str(30 / 90)]


def test_bars_are_drawn_to_scale(result):
    """Widths of the bars are the data: the stacks end at the totals, 3 and 2.4 µJ, and colours repeat no hatch."""
    axes = draw(result, "energy").figure.axes[0]
    ends = {round(patch.get_x() + patch.get_width(), 9) for patch in axes.patches}
    assert {3.0, 2.4} <= ends
    assert axes.get_xlabel() == "DRAM energy (µJ)"
    first_bar = axes.patches[:: len(axes.patches) // 7]
    assert len({(patch.get_hatch(), patch.get_facecolor()) for patch in first_bar}) == 7


def test_operating_points_are_relative_to_the_main_one(result):
    """The eden point has 80 % of the energy and the same time."""
    axes = draw(result, "points").figure.axes[0]
    assert [patch.get_width() for patch in axes.patches] == pytest.approx([100, 80, 100, 100])


def test_a_single_point_is_drawn_too(divided, result):
    """Without [compare] there is one bar and no saving."""
    result.data = divided
    del result.data["compare"]
    files = render(result, KINDS, ["svg"])
    assert f"figures/{KINDS[-1]}.svg" in files
    assert {row["point"] for row in table(files, "figures/energy.csv")} == {"main"}


def test_empty_timeline_is_drawn(result):
    """A result without time bins gives empty axes rather than an error."""
    line = result.data["timeline"]
    line |= dict.fromkeys(("start_ns", "bytes_read", "bytes_write", "row_hit", "row_other"), [])
    line["power_mw"] = {part: [] for part in line["power_mw"]}
    result.data["time_ns"] = 0.0
    files = render(result, ["timeline", "power"], ["png"])
    assert table(files, "figures/timeline.csv") == table(files, "figures/power.csv") == []


def test_power_is_drawn_in_its_bins(result):
    """Every bin ends where the next begins; the highest edge of the stack is the total power; layers are marked."""
    drawing = draw(result, "power")
    rows = [row for row in drawing.rows if row[0] == 1000.0]
    assert {row[1] for row in rows} == {2000.0}
    assert sum(row[3] for row in rows) == pytest.approx(result.data["timeline"]["power_mw"]["total"][1])
    axes = drawing.figure.axes[0]
    top = max(stair.get_data().values.max() for stair in axes.patches)
    assert top == pytest.approx(max(result.data["timeline"]["power_mw"]["total"]))
    assert [line.get_xdata()[0] for line in axes.lines] == [1.5]


def test_results_of_old_record_no_power(result):
    """A run folder written before power was recorded says so."""
    del result.data["timeline"]["power_mw"]
    with pytest.raises(CannotDrawError, match="records no power over time; run it again"):
        draw(result, "power")


@pytest.mark.parametrize(
    ("formats", "message"), [(["pgn"], "did you mean png"), (["bmp"], "expected png"), ([], "no picture")]
)
def test_unknown_formats_are_refused(formats, message):
    """A wrong format is a usage error that names the right ones."""
    with pytest.raises(ConfigError, match=message):
        check_formats(formats)


def test_plot_attribute_gives_figures(result):
    """`res.plot.energy()` and its sisters return matplotlib figures."""
    plots = Plots(result)
    figures = (plots.energy(), plots.timeline(), plots.points(), plots.layers())
    assert [type(figure).__name__ for figure in figures] == ["Figure"] * 4


def test_drawing_never_imports_pyplot():
    """Figures must be drawable without a display and without pyplot's global state."""
    code = "import sys, edensim.study.plots.figures; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
