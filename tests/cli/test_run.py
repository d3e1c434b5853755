"""`edensim run` and `edensim plot`: the table, the JSON object, the run folder."""

import json
from pathlib import Path

import pytest

import edensim as es
from edensim.cli import console
from edensim.cli.main import main
from edensim.cli.run import heading

KEYS = {
    "time_ns", "cycles", "requests", "bytes", "row", "read_latency_ns", "bandwidth_gb_s", "commands", "energy_pj",
    "operating_point", "compare", "config_hash", "version", "wall_s",
}  # fmt: skip
INNER = {
    "requests": {"read", "write"},
    "bytes": {"read", "write", "by_kind"},
    "row": {"hit", "miss", "conflict"},
    "read_latency_ns": {"mean", "p50", "p99"},
    "commands": {"ACT", "PRE", "RD", "WR", "REF"},
    "energy_pj": {"act", "pre", "rd", "wr", "ref", "background", "io", "total"},
}


@pytest.fixture
def run(edensim, config):
    """Run the small configuration without figures."""

    def call(*arguments):
        outcome = edensim("run", config, "--no-figures", *arguments)
        assert outcome.code == 0, outcome.err
        return outcome

    return call


def test_json_has_every_promised_key(run, tmp_path):
    """`--json` prints one object with all keys; components sum to the total; kinds sum to the bytes."""
    data = run("--json", "--out", tmp_path / "out").json
    assert data.keys() >= KEYS
    for key, inner in INNER.items():
        assert data[key].keys() >= inner, key
        assert data["compare"]["eden"][key].keys() >= inner, key
    energy = dict(data["energy_pj"])
    assert energy.pop("total") == pytest.approx(sum(energy.values()), rel=1e-12)
    moved = data["bytes"]
    assert sum(moved["by_kind"].values()) == moved["read"] + moved["write"]
    assert "saving" in data["compare"]["eden"]


def test_lower_operating_point_does_what_physics_says(run, tmp_path):
    """Less voltage: the same commands, less energy. Less tRCD: no more time."""
    nominal = run("--json", "--out", tmp_path / "a").json
    settings = ["--set", "operating_point.vdd=1.05", "--set", "operating_point.tRCD_ns=8.5"]
    low = run("--json", "--out", tmp_path / "b", *settings).json
    assert low["bytes"] == nominal["bytes"]
    assert low["energy_pj"]["total"] < nominal["energy_pj"]["total"]
    assert low["energy_pj"]["io"] == pytest.approx(nominal["energy_pj"]["io"], rel=1e-9)
    assert low["time_ns"] <= nominal["time_ns"]
    assert low["read_latency_ns"]["mean"] < nominal["read_latency_ns"]["mean"]
    assert low["config_hash"] != nominal["config_hash"]


def test_table_and_default_folder(run, tmp_path):
    """Without --json the points stand side by side, and the last line says where the run folder is."""
    out = run().out
    assert "nominal" in out.splitlines()[4]
    assert "eden" in out.splitlines()[4]
    assert "energy saved" in out
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("small-")
    assert out.splitlines()[-1] == f"run folder  runs/{folder.name}/"


def test_heading_tells_what_runs(run, config):
    """The title is the user's; below it stand the network, machine and memory that --set left."""
    assert run().out.splitlines()[:2] == ["small", "lenet int8, batch 1, on eyeriss-eden with ddr4-2400r-8gb-x8"]
    changes = {"dram.preset": "ddr3l-1600-4gb-x8", "dram.channels": 2, "workload.batch": 2}
    one = es.load_config(config, set=changes | {"workload.layers": ["conv1"], "title": ""})
    what = "lenet int8, batch 2, on eyeriss-eden with ddr3l-1600-4gb-x8, 2 channels"
    assert heading(one) == f"small\nconv1 of {what}"
    two = es.load_config(config, set=changes | {"workload.layers": ["conv1", "fc1"], "title": "b"})
    assert heading(two) == f"b\n2 layers of {what}"


def test_no_saving_is_not_negative(run, config):
    """A point that needs a hair more time saves 0.0%, not -0.0%."""
    config.write_text(config.read_text() + "\n[compare.slow]\ndelta_tRCD_ns = 0.8\n")
    out = run().out
    assert "0.0%" in out
    assert "-0.0%" not in out


def test_compilation_is_announced_once(run, capsys):
    """However many kernels and shapes one call compiles."""
    from numba.core.event import end_event, start_event

    from edensim.cli.compiling import announced_compilation

    console.settings.begin(["edensim"])
    for _ in range(2):
        with announced_compilation():
            for _ in range(2):
                start_event("numba:compile", {})
                end_event("numba:compile", {})
    assert capsys.readouterr().err.count("compiling kernels") == 1


def test_same_configuration_gives_the_same_bytes(run, tmp_path):
    """Two runs write identical results.csv and result.json."""
    for name in ("a", "b"):
        run("--out", tmp_path / name)
    for file in ("results.csv", "result.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_force_replaces_its_own_run(run, tmp_path):
    """--force on its own folder works and keeps a foreign file."""
    run("--out", tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    run("--out", tmp_path / "out", "--force", "--set", "workload.batch=2")
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"
    meta = json.loads((tmp_path / "out" / "meta.json").read_text())
    assert meta["config"]["workload"]["batch"] == 2


def test_figures_and_plot(edensim, config, tmp_path):
    """`run` draws every figure; `plot` draws them again, in other formats, from the folder alone."""
    out = tmp_path / "out"
    assert edensim("run", config, "--out", out, "--format", "svg").code == 0
    kinds = {"energy", "timeline", "points", "layers", "power"}
    assert {p.name for p in (out / "figures").iterdir()} == {f"{k}.{e}" for k in kinds for e in ("svg", "csv")}
    before = (out / "figures" / "energy.svg").read_bytes()
    assert edensim("plot", out, "--kind", "energy", "--format", "svg,pdf").code == 0
    assert (out / "figures" / "energy.svg").read_bytes() == before
    assert (out / "figures" / "energy.pdf").exists()
    elsewhere = edensim("plot", out, "--kind", "points", "--format", "png", "--out", tmp_path / "pictures")
    assert elsewhere.out.split() == [str(tmp_path / "pictures" / f"points.{e}") for e in ("png", "csv")]
    assert edensim("plot", out, "--kind", "points", "--format", "png", "--out", tmp_path / "pictures").code == 2


def test_python_interface_agrees_with_the_command(run, config, tmp_path):
    """`es.run`, `es.load` and `--json` give the same numbers; results have a frame, a summary and figures."""
    printed = run("--json", "--out", tmp_path / "out").json
    result = es.run(es.load_config(config))
    loaded = es.load(tmp_path / "out")
    for key in KEYS - {"wall_s"}:
        assert json.loads(json.dumps(result.data[key])) == printed[key] == loaded.data[key]
    assert "eden" in result.summary()
    frame = loaded.to_frame()
    assert list(frame.columns) == ["point", "layer", "metric", "component", "value", "unit"]
    assert set(frame["point"]) == {"main", "eden"}
    assert type(loaded.plot.energy()).__name__ == type(loaded.plot.power()).__name__ == "Figure"
    assert result.to_frame().equals(frame)
    text = (tmp_path / "out" / "results.csv").read_text()
    assert len(text.splitlines()) == len(frame) + 1


def test_results_are_short_to_look_at(config):
    """The repr of a result names it in one line; the whole timeline would be thousands of numbers."""
    result = es.run(config)
    text = repr(result)
    assert result.data["config_hash"][:8] in text
    assert "points main, eden" in text
    assert len(text) < 100


def test_interrupted_run_leaves_no_folder(config, tmp_path, monkeypatch, capsys):
    """Ctrl-C while simulating: exit 130, no folder, no partial folder."""
    import edensim.system.run

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(edensim.system.run, "run", interrupt)
    assert main(["run", str(config)]) == 130
    assert not Path("runs").exists()
