"""`edensim sweep`: what the user sees, for good and bad input, resumed and merged."""

import csv
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SWEEP = """
[sweep.axes]
"operating_point.vdd" = { linspace = [1.2, 1.0, 3] }
"operating_point.tRCD_ns" = [13.32, 10.0]
"""


@pytest.fixture
def config(tmp_path):
    """One small layer on six points."""
    path = tmp_path / "small.toml"
    path.write_text(
        '[workload]\nnetwork = "lenet"\nlayers = ["conv1"]\n[machine]\npreset = "tpu-eden"\n'
        f'[dram]\npreset = "ddr4-2400r-8gb-x8"\n{SWEEP}'
    )
    return path


def table(folder):
    return list(csv.DictReader(io.StringIO((Path(folder) / "results.csv").read_text())))


def test_runs_resumes_and_marks_the_front(edensim, config):
    """The summary names best and worst points; the same command finds everything done; results.csv stays."""
    first = edensim("sweep", config, "--serial", "--pareto", "energy,time", "--out", "s")
    assert first.code == 0, first.err
    assert "6 of 6 points" in first.out
    assert "vdd 1.0" in first.out
    assert "Pareto front" in first.out
    rows = table("s")
    assert [r["operating_point.vdd"] for r in rows] == ["1.2", "1.2", "1.1", "1.1", "1.0", "1.0"]
    assert {"time_ns", "energy_pj.total", "energy_pj.act", "bandwidth_gb_s", "read_latency_ns.p99"} <= set(rows[0])
    assert {"row.hit", "commands.ACT", "bytes.read", "status", "pareto"} <= set(rows[0])
    before = Path("s/results.csv").read_bytes()
    again = edensim("sweep", config, "--jobs", 2, "--out", "s", "--json")
    assert again.json["done_before"] == 6
    assert again.json["done_now"] == 0
    assert Path("s/results.csv").read_bytes() == before


def test_axes_of_the_command_line(edensim, config):
    """--axis replaces and adds, --where filters, --set changes the base, --mode zip pairs."""
    out = edensim(
        "sweep", config, "--serial", "--out", "s", "--axis", "operating_point.vdd=1.2:1.1:2", "--axis", "seed=1,2",
        "--where", "seed == 1 and operating_point.tRCD_ns > 12", "--set", "workload.precision=int16",
    )  # fmt: skip
    assert out.code == 0, out.err
    assert [(r["operating_point.vdd"], r["seed"]) for r in table("s")] == [("1.2", "1"), ("1.1", "1")]
    pairs = ["--mode", "zip", "--axis", "operating_point.vdd=1.2,1.1"]
    zipped = edensim("sweep", config, "--serial", "--out", "z", *pairs)
    assert zipped.code == 0, zipped.err
    assert len(table("z")) == 2


def test_dry_run_tells_points_time_and_disk_and_writes_nothing(edensim, config, tmp_path):
    """One calibration point, stated as such."""
    before = sorted(tmp_path.iterdir())
    out = edensim("sweep", config, "--dry-run", "--jobs", 3)
    assert out.code == 0
    assert "6" in out.out.split("points")[1]
    assert "first one" in out.out
    data = edensim("sweep", config, "--dry-run", "--jobs", 3, "--json").json
    assert (data["points"], data["jobs"], data["status"]) == (6, 3, "ok")
    assert data["seconds"] == pytest.approx(6 * data["point_s"] / 3)
    assert 3000 < data["disk_bytes"] < 30000
    assert sorted(tmp_path.iterdir()) == before


def test_default_folder_is_resumed(edensim, config):
    """runs/<config>-sweep-<hash8>; other axes of the same configuration extend it."""
    assert edensim("sweep", config, "--serial").code == 0
    (folder,) = Path("runs").iterdir()
    assert folder.name.startswith("small-sweep-")
    more = edensim("sweep", config, "--serial", "--axis", "operating_point.vdd=1.2:0.9:4", "--json").json
    assert (more["done_before"], more["done_now"]) == (6, 2)
    assert more["folder"] == str(folder)


def test_shards_and_merge(edensim, config):
    """Two shards and a merge write the table of an undivided sweep."""
    edensim("sweep", config, "--serial", "--out", "whole")
    counts = [edensim("sweep", config, "--serial", "--out", "s", "--shard", f"{i}/2", "--json").json for i in (0, 1)]
    assert sum(c["done_now"] for c in counts) == 6
    assert edensim("sweep", "--merge", "s").code == 0
    assert Path("s/results.csv").read_bytes() == Path("whole/results.csv").read_bytes()


def test_failed_points_exit_1(edensim, config):
    """A voltage that the model refuses: the others run, exit code 1, failures.csv says why."""
    out = edensim("sweep", config, "--serial", "--out", "s", "--axis", "operating_point.vdd=1.2,3.0")
    assert out.code == 1
    assert "2 failed" in out.out
    assert "--retry-failed" in out.err
    assert "ConfigError" in Path("s/failures.csv").read_text()


def test_optuna(edensim, config):
    """`--optuna N` visits part of the grid."""
    pytest.importorskip("optuna")
    out = edensim("sweep", config, "--serial", "--out", "s", "--optuna", 4, "--objective", "energy,time")
    assert out.code == 0, out.err
    assert 1 <= len(table("s")) <= 4


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--axis", "operating_point.vddd=1,2"], "did you mean operating_point.vdd?"),
        (["--axis", "seed="], "holds no value"),
        (["--axis", "seed=1:2"], "third number"),
        (["--axis", "seed"], "expected KEY="),
        (["--where", "__import__('os')"], "no axis"),
        (["--where", "seed >"], "no axis"),
        (["--axis", "seed=range(3)"], "whole number"),
        (["--mode", "gird"], "gird"),
        (["--mode", "sample"], "--number"),
        (["--shard", "3/3"], "from 0 to n-1"),
        (["--jobs", "0"], "above 0"),
        (["--timeout", "nan"], "above 0"),
        (["--memory-limit", "much"], "4GB"),
        (["--pareto", "energy,energy"], "different ones"),
        (["--axis", "operating_point.vdd=1100,1.2"], "did you mean 1.1 V"),
        (["--axis", "seed=0:1000000:1000001"], "--yes"),
        (["--merge", "elsewhere"], "either CONFIG or --merge"),
        (["--jobs", "2"], "exclude each other"),
        (["--timeout", "5"], "needs worker processes"),
        (["--optuna", "5", "--shard", "0/2"], "cannot run a --shard"),
    ],
)
def test_rows_2_4_8_10_mistakes_are_one_message(edensim, config, arguments, says):
    """Exit code 2, what was found and what was expected, and nothing is written."""
    out = edensim("sweep", config, "--serial", "--out", "s", *arguments)
    assert out.code == 2
    assert says in out.err
    assert not Path("s").exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[sweep\n", "not valid TOML"),
        ("[sweep]\nmod = 1\n", "did you mean mode?"),
        ('[sweep.axes]\nseed = "1:3"\n', "expected a list of values"),
        ("[sweep.axes]\nseed = { linspace = [1, 2] }\n", "linspace = [first, last, number]"),
        ("[sweep.axes]\nseed = { linspace = [1, 2, 3], range = [0, 2] }\n", "exactly one"),
        ("[sweep.axes]\nsead = [1]\n", 'small.toml:10: axis "sead": unknown key; did you mean seed?'),
        ("[sweep.axes]\nseed = [1, nan]\n", "no finite number"),
        ('[sweep]\nmode = "list"\n', "needs points"),
        ('[sweep]\nmode = "list"\npoints = [{ sead = 1 }]\n', "did you mean seed?"),
        ("[sweep.axes]\nseed = " + "[" * 5000 + "\n", "nested"),
    ],
)
def test_rows_1_2_4_6_12_mistakes_in_the_table(edensim, config, text, says):
    """The [sweep] table is checked like any other."""
    config.write_text(config.read_text().split("\n[sweep")[0] + "\n" + text)
    out = edensim("sweep", config, "--serial", "--out", "s")
    assert out.code == 2
    assert says in out.err


def test_row_31_foreign_and_other_folders(edensim, config):
    """A run folder or somebody's files are never taken for a sweep."""
    Path("s").mkdir()
    Path("s/mine.txt").write_text("x")
    out = edensim("sweep", config, "--serial", "--out", "s")
    assert out.code == 2
    assert "mine.txt" in out.err
    assert edensim("sweep", "--merge", "s").code == 3


def test_row_29_another_configuration_names_the_difference(edensim, config):
    """--set changes the base, so the folder holds another sweep."""
    edensim("sweep", config, "--serial", "--out", "s")
    out = edensim("sweep", config, "--serial", "--out", "s", "--set", "workload.batch=2")
    assert out.code == 2
    assert "workload.batch = 2 instead of 1" in out.err


def test_row_36_missing_extras(edensim, config, monkeypatch):
    """--dask and --optuna name what to install."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.setitem(sys.modules, "optuna", None)
    out = edensim("sweep", config, "--dask", "tcp://127.0.0.1:9", "--out", "s")
    assert (out.code, "edensim[cluster]" in out.err) == (2, True)
    out = edensim("sweep", config, "--serial", "--optuna", 3, "--out", "s")
    assert (out.code, "edensim[optuna]" in out.err) == (2, True)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_rows_26_27_the_shipped_sweep_survives_kill_9_and_ctrl_c(tmp_path):
    """The 35 points of the example, killed twice and interrupted once: the last run writes the whole table."""
    config = Path(__file__).parents[2] / "configs" / "sweep-eyeriss-vdd-trcd.toml"
    folder = tmp_path / "s"
    small = ["--set", "workload.network=lenet", "--jobs", "2", "--out", str(folder)]
    command = [sys.executable, "-m", "edensim", "sweep", str(config), *small]
    journal = folder / "journal" / "main.jsonl"

    def lines():
        return journal.read_bytes().count(b"\n") if journal.exists() else 0

    for number, code in ((signal.SIGKILL, -9), (signal.SIGKILL, -9), (signal.SIGINT, 130)):
        begun = lines()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while lines() < max(2, begun + 3) and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        assert process.returncode == code, err
        assert "Traceback" not in err
        assert not (folder / "results.csv").exists()
    assert "the same command goes on" in err
    last = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "35 of 35 points" in last.stdout
    assert len(table(folder)) == 35
