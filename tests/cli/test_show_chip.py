"""`edensim show chip`: lists, prints, draws."""

import csv

import pytest


def test_list(edensim):
    """Without a name all shipped chips, with their basis."""
    outcome = edensim("show", "chip")
    assert outcome.code == 0
    for name in ("A ", "B ", "C ", "eden "):
        assert f"\n{name}" in outcome.out
    assert set(edensim("show", "chip", "--json").json["chip"]) == {"A", "B", "C", "eden"}


def test_table(edensim):
    """Rates at every setting that was measured, beside the data, and what nobody measured."""
    outcome = edensim("show", "chip", "C")
    assert outcome.code == 0
    assert "tRAS: experimental law only" in outcome.out
    assert "BER assumes 4 bits in each" in outcome.out
    points = edensim("show", "chip", "C", "--json").json["points"]
    at_5 = next(p for p in points if (p["knob"], p["value"]) == ("tRCD", 5.0))
    assert at_5["ber"] == pytest.approx(0.125, rel=0.01)
    assert at_5["measured"]["dimms"] == 13


def test_module(edensim):
    """Measured and drawn modules show their own law."""
    rates = [edensim("show", "chip", name, "--json").json["points"][1]["ber"] for name in ("A", "A@b1", "A@3")]
    assert len(set(rates)) == 3


def test_draw(edensim, tmp_path):
    """With --out the figure and its data are written, and not twice without --force."""
    outcome = edensim("show", "chip", "eden", "--out", "figures", "--format", "svg")
    assert outcome.code == 0
    assert (tmp_path / "figures" / "chip-eden.svg").stat().st_size > 1000
    with (tmp_path / "figures" / "chip-eden.csv").open() as file:
        series = {(row["knob"], row["series"]) for row in csv.DictReader(file)}
    assert {("VDD", "law"), ("VDD", "measured"), ("tRCD", "law")} <= series
    assert edensim("show", "chip", "eden", "--out", "figures", "--format", "svg").code == 2


def test_draw_family(edensim, tmp_path):
    """A family shows its spread between modules and the stored bits apart."""
    assert edensim("show", "chip", "B", "--out", "f").code == 0
    with (tmp_path / "f" / "chip-B.csv").open() as file:
        series = {(row["knob"], row["series"]) for row in csv.DictReader(file)}
    assert {("tRCD", "modules"), ("tRCD", "stored 0"), ("VDD", "measured"), ("tRP", "law")} <= series


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["D"], 2, "no chip preset"),
        (["A@A44"], 2, "did you mean A4"),
        (["mine.csv"], 3, "cannot be read"),
        (["A", "--out", "f", "--format", "bmp"], 2, "picture format"),
    ],
)
def test_bad_input(edensim, arguments, code, message):
    """Mistakes end with their code and one sentence."""
    outcome = edensim("show", "chip", *arguments)
    assert outcome.code == code
    assert message in outcome.err
