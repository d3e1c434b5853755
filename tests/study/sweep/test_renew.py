"""What was drawn from a sweep follows it when it grows."""

import pytest

from edensim.errors import OutputError
from edensim.study.plots.placing import place
from edensim.study.report import write_report
from edensim.study.sweep.folder import Shard
from edensim.study.sweep.merge import merge

TWO, THREE, MANY = ({"seed": range(n)} for n in (2, 3, 16))


@pytest.fixture(autouse=True)
def without_pictures(monkeypatch):
    monkeypatch.setattr("edensim.study.report.write.pictures", lambda opened: [])


def test_the_report_is_written_anew_when_the_sweep_grows(sweep, folder):
    """Equal to one written after the end; a sweep that has none gets none, and one that did not grow is left alone."""
    tally, _ = sweep(TWO)
    assert not (folder / "report.html").exists()
    report = write_report(folder)
    before = report.read_bytes()
    sweep(TWO)
    assert report.read_bytes() == before
    tally, _ = sweep(THREE)
    assert tally.notes == []
    renewed = report.read_bytes()
    assert renewed != before
    write_report(folder, force=True)
    assert report.read_bytes() == renewed


def test_the_report_of_an_unfinished_sweep_says_so_and_is_finished_with_it(sweep, folder):
    """Also where shards are merged, and where no table was there before."""
    sweep(MANY, shard=Shard(0, 2))  # the hashes put all in one shard once in 32768 times
    report = write_report(folder)
    assert "when it ends, this file is written anew" in report.read_text(encoding="utf-8")
    sweep(MANY, shard=Shard(1, 2))
    merge(folder, [])
    assert "is not finished" not in report.read_text(encoding="utf-8")


def test_figures_that_show_an_earlier_state_are_mentioned(sweep, folder):
    """Which figures the user wants is not known, so they are left alone."""
    sweep(TWO)
    place(folder / "figures", {"vdd.csv": b"1\n"})
    tally, _ = sweep(TWO)
    assert tally.notes == []
    tally, _ = sweep(THREE)
    assert any("edensim plot" in note for note in tally.notes)
    assert (folder / "figures" / "vdd.csv").read_bytes() == b"1\n"


def test_row_23_a_report_that_cannot_be_written_costs_no_results(sweep, folder, monkeypatch):
    """The table is there; a note says what is not."""
    sweep(TWO)
    (folder / "report.html").write_text("old")

    def full(*_, **__):
        raise OutputError("no space left")

    monkeypatch.setattr("edensim.study.report.write_report", full)
    tally, _ = sweep(THREE)
    assert any("could not be written anew: no space left" in note for note in tally.notes)
    assert (folder / "results.csv").read_bytes().count(b"\n") == 4
