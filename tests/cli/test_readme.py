"""The README's examples work as they stand there, and its picture and table are those of the present code."""

import csv
import re
import shlex
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A copy of `configs/`, as the folder the examples are typed in."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    (tmp_path / "traces").mkdir()
    shutil.copy(ROOT / "traces" / "ddr4-commands.csv", tmp_path / "traces")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_two_commands_stand_first():
    """The first two shell blocks are one line each: install and run the main job; install and run the tests."""
    first, second = blocks("sh")[:2]
    assert first.endswith(".venv/bin/edensim run configs/eyeriss-alexnet.toml\n")
    assert second.endswith("-m pytest -q\n")
    assert first.count("\n") == second.count("\n") == 1
    assert "venv" in first
    assert "[test]" in second


def test_edensim_commands_run(edensim, checkout):
    """Every `edensim …` line of the README runs, in order, with exit code 0."""
    lines = [line for block in blocks("sh")[2:] for line in block.splitlines()]
    assert len(lines) > 5
    for line in lines:
        program, *arguments = shlex.split(line, comments=True)
        assert program == "edensim", line
        outcome = edensim(*arguments)
        assert outcome.code == 0, f"{line}\n{outcome.err}"


def test_python_example_runs(checkout, capsys):
    """The first Python block runs as it stands (the one for clusters: `tests/study/sweep/test_cluster_examples.py`)."""
    code, *_ = blocks("python")
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
    assert capsys.readouterr().out


def test_a_module_of_ones_own_goes_through(checkout, capsys):
    """The second Python block: train, boost with control, characterise, simulate."""
    pytest.importorskip("torch")
    _, code, *_ = blocks("python")
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
    control, boosted, saving = capsys.readouterr().out.splitlines()
    assert 0 <= float(control) <= 0.1
    assert 1e-4 < float(boosted) <= 0.1
    assert "energy_pj" in saving


def test_expected_output_is_what_is_printed(edensim, checkout):
    """The table in the README is, to the letter, what the main job prints (`.ci/update-examples` renews it)."""
    (expected,) = blocks("text")
    outcome = edensim("run", "configs/eyeriss-alexnet.toml", "--no-figures")
    assert outcome.out.startswith(expected)


def test_picture_shows_what_the_main_job_computes(edensim, checkout):
    """The numbers beside the committed picture are those of the present code (`.ci/update-examples` renews both)."""
    assert edensim("run", "configs/eyeriss-alexnet.toml", "--format", "svg", "--out", "run").code == 0
    drawn, shown = (
        list(csv.DictReader(path.read_text().splitlines()))
        for path in (checkout / "run" / "figures" / "energy.csv", ROOT / "configs" / "eyeriss-alexnet.csv")
    )
    for row in (*drawn, *shown):
        row["energy_pj"] = pytest.approx(float(row["energy_pj"]), rel=1e-6)
    assert drawn == shown
    assert "(configs/eyeriss-alexnet.svg)" in README


def test_sweep_picture_shows_what_the_sweep_computes(edensim, checkout):
    """As above for the heat map of the sweep; every number beside it comes from the present code."""
    config = "configs/sweep-eyeriss-vdd-trcd.toml"
    assert edensim("sweep", config, "--out", "sweep").code == 0
    assert edensim("plot", "sweep", "--kind", "heatmap", "--width", "double", "--format", "svg").code == 0
    drawn, shown = (
        list(csv.DictReader(path.read_text().splitlines()))
        for path in (checkout / "sweep" / "figures" / "heatmap.csv", (ROOT / config).with_suffix(".csv"))
    )
    assert len(drawn) == len(shown) >= 35
    for mine, theirs in zip(drawn, shown, strict=True):
        assert mine.keys() == theirs.keys()
        for key, value in mine.items():
            try:
                assert float(value) == pytest.approx(float(theirs[key]), rel=1e-6)
            except ValueError:
                assert value == theirs[key]
    assert "(configs/sweep-eyeriss-vdd-trcd.svg)" in README


def test_traces_are_what_their_readme_makes(edensim, checkout):
    """Every `edensim …` line of traces/README.md runs as printed beside the committed files; those hold the requests
    that the lines generate, in at most 1 MB each.
    """
    shutil.copytree(ROOT / "traces", checkout / "traces", dirs_exist_ok=True)
    lines = re.findall(r"^edensim (.*)", (ROOT / "traces" / "README.md").read_text(), re.MULTILINE)
    names = {path.name for path in (ROOT / "traces").glob("*.npz")}
    assert sum(line.startswith("trace gen ") for line in lines) == len(names)
    for line in lines:
        outcome = edensim(*shlex.split(line))
        assert outcome.code == 0, f"{line}\n{outcome.err}"
    for name in names:
        committed, made = (
            edensim("trace", "info", folder / "traces" / name, "--json").json for folder in (ROOT, checkout)
        )
        assert made["sha256"] == committed["sha256"]
        assert (ROOT / "traces" / name).stat().st_size <= 1_000_000


def test_shown_configuration_loads(checkout):
    """The TOML block is a valid configuration."""
    from edensim.config import load_config

    (text,) = blocks("toml")
    path = checkout / "shown.toml"
    path.write_text(text)
    assert load_config(path).config.compare["eden"].delta_vdd == -0.30
