"""`edensim report RUN|SWEEP`: one file from a real run and a real sweep."""

import json


def test_report_of_a_run(edensim, config):
    """The file stands in the run folder, is listed in its record, is not replaced unasked, and goes with the run."""
    assert edensim("run", config, "--no-figures", "--out", "a").code == 0
    outcome = edensim("report", "a")
    assert (outcome.code, outcome.out) == (0, "a/report.html\n"), outcome.err
    from pathlib import Path

    page = Path("a/report.html").read_text(encoding="utf-8")
    assert "<h1>small</h1>" in page
    assert "small.toml:4" in page
    assert "report.html" in json.loads(Path("a/meta.json").read_text())["files"]
    refused = edensim("report", "a")
    assert refused.code == 2
    assert "--force" in refused.err
    assert edensim("report", "a", "--force").code == 0
    assert Path("a/report.html").read_text(encoding="utf-8") == page
    assert edensim("run", config, "--no-figures", "--out", "a", "--force").code == 0
    assert not Path("a/report.html").exists()


def test_report_of_a_sweep(edensim, config, tmp_path):
    """Axes and points of a sweep, in a file of the user's choice; and the sweep compares with itself."""
    outcome = edensim("sweep", config, "--axis", "operating_point.vdd=1.2,1.1", "--jobs", 1, "--out", "s")
    assert outcome.code == 0, outcome.err
    outcome = edensim("report", "s", "--out", "page.html")
    assert outcome.code == 0, outcome.err
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "VDD (V)" in page
    assert "operating_point.vdd" in page
    assert page.count("data:image/") >= 2
    outcome = edensim("compare", "s", "s", "--fail-above", "0")
    assert outcome.code == 0
    assert "are the same" in outcome.out


def test_no_folder(edensim):
    """Neither a run nor a sweep: an input error."""
    assert edensim("report", ".").code == 3
    assert edensim("report", "absent").code == 3
