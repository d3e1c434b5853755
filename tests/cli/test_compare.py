"""`edensim compare A B`: text, JSON, exit codes."""

import shutil

import pytest


@pytest.fixture
def runs(edensim, config):
    """Run folders a (one channel), b (two) and c (a copy of a)."""
    for name, channels in (("a", 1), ("b", 2)):
        outcome = edensim("run", config, "--no-figures", "--out", name, "--set", f"dram.channels={channels}")
        assert outcome.code == 0, outcome.err
    shutil.copytree("a", "c")


def test_compare(edensim, runs):
    """The changed key with both origins, and the results it changed; exit 0 although they differ."""
    outcome = edensim("compare", "a", "b")
    assert outcome.code == 0
    assert "configuration: 1 differs" in outcome.out
    assert "dram.channels" in outcome.out
    assert "energy_pj.background" in outcome.out
    assert "not tested: one seed" in outcome.out


def test_json(edensim, runs):
    """One JSON object with every metric of both points."""
    data = edensim("compare", "a", "b", "--json").json
    assert data["config"] == [{"key": "dram.channels", "a": 1, "b": 2, "origin_a": "--set", "origin_b": "--set"}]
    rows = {(row["point"], row["metric"]): row for row in data["results"]}
    row = rows["eden", "energy_pj.total"]
    assert row["difference"] == row["b"] - row["a"]
    assert ("main", "wall_s") not in rows


def test_fail_above(edensim, runs):
    """Exit 1 if a result differs by more than the limit; equal runs pass with the limit 0."""
    assert edensim("compare", "a", "c", "--fail-above", "0").code == 0
    assert edensim("compare", "a", "b", "--fail-above", "1%").code == 1
    assert edensim("compare", "a", "b", "--fail-above", "1000").code == 0
    for wrong in ("much", "nan", "-1%", "inf"):
        assert edensim("compare", "a", "b", "--fail-above", wrong).code == 2


def test_bad_input(edensim, runs):
    """A folder that is neither a run nor a sweep is an input error."""
    outcome = edensim("compare", "a", ".")
    assert outcome.code == 3
    assert "neither meta.json nor sweep.json" in outcome.err
