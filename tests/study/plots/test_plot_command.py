"""`edensim plot` on run folders, sweep folders and tables: where files go, what is said, what is refused."""

import csv
import json
from dataclasses import dataclass

import pytest

from edensim.cli.main import main
from edensim.errors import INPUT, OK, USAGE
from edensim.study.folder import read_meta
from edensim.study.plots.kinds import KINDS, SWEEP
from edensim.study.record import Occasion, save

VDD, TRCD = "operating_point.vdd", "operating_point.tRCD_ns"


@dataclass
class Outcome:
    code: int
    out: list[str]
    err: str


@pytest.fixture
def plot(capsys, monkeypatch, tmp_path):
    """Call `edensim plot …` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        code = main(["plot", *map(str, arguments)])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Outcome(code, captured.out.splitlines(), captured.err)

    return call


@pytest.fixture
def run_folder(tmp_path, result, resolved):
    def write(name):
        save(result, resolved, tmp_path / name, Occasion([]))
        return tmp_path / name

    return write


def test_sweep_folder(plot, sweep_folder, read_csv):
    """All kinds that apply are drawn into the sweep's folder; drawing again replaces them, byte for byte the same."""
    folder = sweep_folder()
    outcome = plot(folder, "--format", "svg")
    assert outcome.code == OK
    kinds = set(KINDS[SWEEP]) - {"lines"}
    assert set(outcome.out) == {str(folder / "figures" / f"{kind}.{end}") for kind in kinds for end in ("svg", "csv")}
    assert outcome.err == ""
    before = {path.name: path.read_bytes() for path in (folder / "figures").iterdir()}
    assert plot(folder, "--format", "svg").code == OK
    assert {path.name: path.read_bytes() for path in (folder / "figures").iterdir()} == before
    rows = read_csv(before["pareto.csv"])
    assert {row[VDD] for row in rows} == {"1.2", "1.1", "1.0"}


def test_failed_and_absent_points_are_told(plot, sweep_folder):
    """A note on stderr, none with --quiet; the exit code stays 0."""
    folder = sweep_folder(failed=(1, 2))
    meta = json.loads((folder / "sweep.json").read_text())
    (folder / "sweep.json").write_text(json.dumps(meta | {"points": 9}))
    outcome = plot(folder, "--kind", "pareto", "--format", "svg")
    assert outcome.code == OK
    assert outcome.err == "edensim: of 9 points, 2 failed and 3 not computed yet: left out of the figures.\n"
    assert plot(folder, "--kind", "pareto", "--format", "svg", "--quiet").err == ""


def test_what_cannot_be_drawn(plot, sweep_folder, run_folder):
    """Asked for by name it is an error; among all it is a note."""
    folder = sweep_folder(axes={VDD: [1.2, 1.1]})
    refused = plot(folder, "--kind", "heatmap")
    assert (refused.code, refused.out) == (USAGE, [])
    assert "needs two axes that vary" in refused.err
    assert not (folder / "figures").exists()
    everything = plot(folder, "--format", "svg")
    assert everything.code == OK
    assert "needs two axes that vary" in everything.err
    run = plot(run_folder("run"), "--kind", "pareto")
    assert run.code == USAGE
    assert "cannot be drawn from a run: it needs a sweep" in run.err


def test_no_file_of_the_user_is_replaced(plot, sweep_folder):
    """A picture the user put into the sweep's folder `figures` stays, and nothing else is written."""
    folder = sweep_folder()
    (folder / "figures").mkdir()
    (folder / "figures" / "pareto.svg").write_text("mine")
    outcome = plot(folder, "--kind", "pareto", "--format", "svg")
    assert outcome.code == USAGE
    assert "pareto.svg, which edensim did not draw" in outcome.err
    assert [path.name for path in (folder / "figures").iterdir()] == ["pareto.svg"]
    assert (folder / "figures" / "pareto.svg").read_text() == "mine"


@pytest.mark.parametrize("damage", ["", "{", "7", "[1]"])
def test_damaged_index_protects_everything(plot, sweep_folder, damage):
    """Without a readable index no file counts as drawn by edensim."""
    folder = sweep_folder()
    assert plot(folder, "--kind", "pareto", "--format", "svg").code == OK
    (folder / "figures" / "drawn.json").write_text(damage)
    assert plot(folder, "--kind", "pareto", "--format", "svg").code == USAGE


def test_several_runs(plot, run_folder, tmp_path, read_csv):
    """Runs given together are one figure in ./figures, kept unless --force; equal folder names are told apart."""
    first, second = run_folder("a/run"), run_folder("b/run")
    outcome = plot(first, second, "--format", "svg")
    assert outcome.code == OK
    assert outcome.out == ["figures/energy.svg", "figures/energy.csv"]
    rows = read_csv((tmp_path / "figures" / "energy.csv").read_bytes())
    assert list(dict.fromkeys(row["run"] for row in rows)) == ["a/run", "b/run"]
    assert plot(first, second, "--format", "svg").code == USAGE
    assert plot(first, second, "--format", "svg", "--force").code == OK
    assert not (first / "figures").exists()
    assert "it needs a run" in plot(first, second, "--kind", "timeline").err


def test_run_and_sweep_in_one_call(plot, run_folder, sweep_folder):
    """Each keeps its own figures; with one --out for both, names would clash, which is told before drawing."""
    run, sweep = run_folder("run"), sweep_folder()
    outcome = plot(run, sweep, "--kind", "energy", "--format", "svg")
    assert outcome.code == OK
    assert outcome.out[0] == str(run / "figures" / "energy.svg")
    assert outcome.out[-1] == str(sweep / "figures" / "energy.csv")
    assert "figures/energy.svg" in read_meta(run)["files"]
    clash = plot(run, sweep, "--kind", "energy", "--out", "there")
    assert clash.code == USAGE
    assert "separate calls" in clash.err


def test_same_folder_twice(plot, run_folder):
    """Naming a folder twice is told rather than drawn twice."""
    run = run_folder("run")
    assert "more than once" in plot(run, run.parent / "." / "run").err


def test_width_axis_and_metric(plot, sweep_folder, read_csv):
    """--width, --x and --metric reach the figure."""
    folder = sweep_folder()
    call = ("--kind", "heatmap", "--format", "svg", "--x", "tRCD_ns", "--metric", "time", "--width")
    assert plot(folder, *call, "double").code == OK
    assert b'width="504pt"' in (folder / "figures" / "heatmap.svg").read_bytes()
    rows = read_csv((folder / "figures" / "heatmap.csv").read_bytes())
    assert list(rows[0]) == [TRCD, VDD, "metric", "value"]
    assert {row["metric"] for row in rows} == {"time_ns"}
    assert plot(folder, *call, "triple").code == USAGE
    assert "its axes are" in plot(folder, "--x", "nowhere", "--kind", "lines").err


def test_latency_of_memories(plot, tmp_path):
    """A preset, and a configuration's memory at its operating point, are measured; the data can be drawn again."""
    (tmp_path / "fast.toml").write_text('[dram]\npreset = "ddr4-2400r-8gb-x8"\n[operating_point]\ntRCD_ns = 0\n')
    few = ["--rates", 2, "--requests", 300, "--format", "svg"]
    made = plot("--dram", "ddr4-2400r-8gb-x8", "--dram", "fast.toml", *few)
    assert made.out == ["figures/latency.svg", "figures/latency.csv"], made.err
    rows = list(csv.DictReader((tmp_path / "figures" / "latency.csv").read_text().splitlines()))
    named = [f"{memory}, {pattern}" for memory in ("ddr4-2400r-8gb-x8", "fast") for pattern in ("stream", "random")]
    latency = {f"{row['memory']}, {row['pattern']}": float(row["latency_ns"]) for row in rows[::2]}
    assert list(latency) == named
    assert latency["fast, random"] < latency["ddr4-2400r-8gb-x8, random"] - 10
    assert {row["peak_gb_s"] for row in rows} == {"19.2"}
    assert plot("figures/latency.csv", "--format", "svg", "--out", "again").code == 0
    again, drawn = ((tmp_path / folder / "latency.svg").read_bytes() for folder in ("again", "figures"))
    assert again == drawn
    one = plot("--dram", "ddr4-2400r-8gb-x8", "--set", "operating_point.tRCD_ns=0", "--out", "one", *few)
    assert one.code == 0, one.err
    rows = list(csv.DictReader((tmp_path / "one" / "latency.csv").read_text().splitlines()))
    assert float(rows[2]["latency_ns"]) == latency["fast, random"]


def test_latency_table(plot, tmp_path):
    """A CSV file with the right columns is drawn into ./figures; a wrong or damaged one is told."""
    table = tmp_path / "curve.csv"
    table.write_text("offered_gb_s,bandwidth_gb_s,latency_ns\n1,1,30\n8,7.5,60\n")
    assert plot(table, "--format", "svg").out == ["figures/latency.svg", "figures/latency.csv"]
    table.write_text("offered_gb_s,latency_ns\n1,30\n")
    assert "column 'bandwidth_gb_s' is unknown" in plot(table, "--kind", "latency").err
    table.write_bytes(b"")
    assert plot(table).code == INPUT
    table.write_bytes(b"\xff\xfe\x00\x01,\x80")
    assert plot(table).code == INPUT


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nowhere"], INPUT, "not there"),
        (["."], INPUT, "neither meta.json nor sweep.json"),
        ([".", "--kind", "heatmp"], USAGE, "did you mean heatmap"),
        ([".", "--format", "pgn"], USAGE, "did you mean png"),
        ([], USAGE, "either FOLDER… or --dram"),
        (["a", "--dram", "ddr4-2400r-8gb-x8"], USAGE, "either FOLDER… or --dram"),
        (["a", "--set", "seed=1"], USAGE, "--set goes with --dram"),
        (["--dram", "ddr4-2400r-8gb-x9"], USAGE, "ddr4-2400r-8gb-x8"),
        (["--dram", "ddr4-2400r-8gb-x8"] * 2, USAGE, "given twice"),
        (["--dram", "ddr4-2400r-8gb-x8", "--rates", "0"], USAGE, "1<=x<=1000"),
    ],
)
def test_wrong_arguments(plot, arguments, code, message):
    """Each in one sentence, with the exit code of its kind."""
    outcome = plot(*arguments)
    assert (outcome.code, outcome.out) == (code, [])
    assert message in outcome.err
