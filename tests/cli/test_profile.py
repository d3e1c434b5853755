"""`edensim profile`: the folder it writes, what fits and chips make of it, and impossible requests."""

import json

import pytest

SMALL = ("--pairs", "2", "--reads", "4", "--patterns", "0x00,0xff")


def test_profile_and_fit(edensim, tmp_path):
    """Reads of every step are fitted; the points are a chip that has the rates that were read."""
    data = edensim("profile", "A", "--trcd", "7.5,5", "--out", "p", *SMALL, "--json").json
    assert [step["name"] for step in data["steps"]] == ["tRCD 7.5 ns", "tRCD 5 ns"]
    for step in data["steps"]:
        assert step["low"] <= step["expected_ber"] <= step["high"]
        assert step["whole_seconds"] > 100 * step["seconds"] > 0
    fitted = edensim("fit", "p/step-01.npz", "--json").json
    assert fitted["ber"]["ber"] == data["steps"][1]["ber"]
    assert fitted["model"] == "data_dependent"
    points = edensim("show", "chip", "p/points.csv", "--json").json["points"]
    assert {p["value"]: p["ber"] for p in points}[5.0] == pytest.approx(data["steps"][1]["ber"], rel=1e-6)
    meta = json.loads((tmp_path / "p" / "meta.json").read_text())
    assert meta["files"] == ["meta.json", "points.csv", "step-00.npz", "step-01.npz"]


def test_same_seed_same_bytes(edensim, tmp_path):
    """The same seed reads the same, another module reads something else."""
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert edensim("profile", "B", "--trcd", "5", "--out", folder, "--seed", seed, *SMALL).code == 0
    points = [(tmp_path / folder / "points.csv").read_bytes() for folder in "abc"]
    assert points[0] == points[1] != points[2]


def test_safe_step(edensim):
    """A step at which nothing fails gives a bound."""
    data = edensim("profile", "A", "--trcd", "12.5", "--out", "p", *SMALL, "--json").json
    (step,) = data["steps"]
    assert (step["ber"], step["expected_ber"]) == (0, 0)
    assert step["high"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["A", "--out", "p"], "no step to profile"),
        (["A", "--trcd", "5,5", "--out", "p"], "given twice"),
        (["A", "--trcd", "fast", "--out", "p"], "expected numbers"),
        (["A", "--trcd", "5", "--reads", "1", "--out", "p"], "expected 2 to"),
        (["A", "--trcd", "5", "--pairs", "0", "--out", "p"], "pairs of rows per bank"),
        (["A", "--trcd", "5", "--patterns", "0x100", "--out", "p"], "expected bytes"),
        (["A", "--vdd", "-1", "--out", "p"], "expected a positive number"),
        (["eden", "--trp", "5", "--out", "p"], "no error law for tRP"),
        (["Z", "--trcd", "5", "--out", "p"], "no chip preset"),
        (["A", "--trcd", "5", "--seed", "-1", "--out", "p"], "--seed -1"),
    ],
)
def test_bad_input(edensim, tmp_path, arguments, message):
    """Impossible requests end with 2, say why, and leave nothing behind."""
    outcome = edensim("profile", *arguments)
    assert outcome.code == 2
    assert message in outcome.err
    assert not (tmp_path / "p").exists()
