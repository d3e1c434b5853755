"""Guesses at what was meant."""

from pathlib import Path

from edensim.errors import did_you_mean, perhaps

PACKAGE = Path(__file__).parents[1] / "edensim"


def test_did_you_mean() -> None:
    """The nearest by edits, else what begins alike, else what the caller offers, else the caller's words, else none."""
    memories = ["ddr3", "ddr4", "hbm2e"]
    assert did_you_mean("dr4", memories, "known are many") == "; did you mean ddr4?"
    assert did_you_mean("drd4", memories) == "; did you mean ddr4?"
    assert did_you_mean("hb", memories, show=repr) == "; did you mean 'hbm2e'?"
    assert did_you_mean("xxx", memories, "known are many") == "; known are many"
    assert did_you_mean("xxx", memories, "known are many", also=["ddr3", "ddr4"]) == "; did you mean ddr3 or ddr4?"
    assert did_you_mean("", memories) == did_you_mean("xxx", []) == ""
    assert perhaps("1.1 V") == "; did you mean 1.1 V?"
    assert perhaps() == ""


def test_guesses_are_worded_in_one_place() -> None:
    """No other module spells the question out."""
    asking = [path for path in PACKAGE.rglob("*.py") if "did you mean" in path.read_text().lower()]
    assert [path.name for path in asking] == ["errors.py"]
