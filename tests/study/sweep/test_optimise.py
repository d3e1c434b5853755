"""The search by Optuna: same journal, same path for any number of workers, resumed by replay."""

import sys

import pytest

from edensim.errors import ConfigError, MissingExtraError
from edensim.study.sweep.optimise import search
from edensim.study.sweep.pool import Pool

AXES = {"operating_point.vdd": {"linspace": [1.3, 0.9, 9]}, "operating_point.tRCD_ns": [13.0, 12.0, 11.0, 10.0]}
COLUMNS = ["energy_pj.total", "time_ns"]


def by_optuna(trials, columns=COLUMNS, stop_after=None):
    def run(session, backend, watch):
        def seen(tally):
            if stop_after is not None and tally.done >= stop_after:
                session.interrupt.count = 1

        search(session, backend, trials, columns, seen)

    return run


def test_row_36_without_optuna(sweep, monkeypatch):
    """The message names the extra."""
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"edensim\[optuna\]"):
        sweep(AXES, search=by_optuna(8))


def test_search_is_the_same_on_any_workers_and_resumes(sweep, folder, fake_points):
    """24 trials of a grid of 36, in one go, on two workers, and interrupted twice: the same bytes."""
    pytest.importorskip("optuna")
    tally, table = sweep(AXES, search=by_optuna(24))
    assert tally.before + tally.done == 24
    assert 10 <= len(table.frame()) <= 24
    expected = (folder / "results.csv").read_bytes()
    parallel = folder.with_name("parallel")
    sweep(AXES, folder=parallel, search=by_optuna(24), backend=Pool(2, measure="fake_points:quick"))
    assert (parallel / "results.csv").read_bytes() == expected
    stopped = folder.with_name("stopped")
    for stop in (3, 9):
        assert sweep(AXES, folder=stopped, search=by_optuna(24, stop_after=stop))[0].interrupted
    fake_points.runs.clear()
    sweep(AXES, folder=stopped, search=by_optuna(24))
    assert (stopped / "results.csv").read_bytes() == expected
    assert len(fake_points.runs) < len(table.frame()) - 8


def test_search_finds_the_best_point(sweep):
    """Both objectives are smallest in one corner of the grid; 24 of 36 points must contain it."""
    pytest.importorskip("optuna")
    _, table = sweep(AXES, search=by_optuna(24))
    frame = table.frame()
    best = frame.loc[frame["energy_pj.total"].idxmin()]
    assert best["operating_point.vdd"] == 0.9


def test_search_explores_fewer_points_than_the_grid_and_the_grid_completes_it(sweep, folder, tmp_path):
    """A grid sweep in the same folder runs only what the search left out."""
    pytest.importorskip("optuna")
    _, table = sweep(AXES, search=by_optuna(8))
    found = len(table.frame())
    tally, _ = sweep(AXES)
    assert (tally.before, tally.done) == (found, 36 - found)


def test_unknown_objective(sweep):
    """An objective that no point has is an error with the nearest names."""
    pytest.importorskip("optuna")
    with pytest.raises(ConfigError, match="energy_pj.total"):
        sweep(AXES, search=by_optuna(8, ["energy_pj.totl"]))
