"""Experiments: run once, kept, told from other versions' and from foreign files."""

import json
from pathlib import Path

import pytest

from edensim.errors import OutputError
from edensim.study.ledger import experiment, runner
from edensim.study.ledger.curve import Curve
from edensim.study.ledger.experiment import NEEDS_TORCH, Experiment
from edensim.study.ledger.item import Context, Item, row
from edensim.study.ledger.setup import Setup

SIMULATED = Item("other", "Other", "section 0", lambda c: [], (Setup("eyeriss-eden", "lenet", "int8", "DDR4-2400"),))
"""A ledger has a plan of simulations, even if none is asked for."""
CURVE = Curve("left", "ours", (1.0, 2.0), (3.0, 4.0), "x (V)", "y (%)")


@pytest.fixture
def counted():
    """An experiment that counts its runs, and an item with a row and a curve of it."""
    runs = []
    one = Experiment("one", lambda: runs.append(1) or {"answer": 0.42}, 2.0, needs_torch=False)
    item = Item(
        "one", "One", "section 0", lambda c: [row("answer", 0.4, lambda: c.found(one)["answer"])], experiments=(one,),
        curves=lambda c: [CURVE] if c.found(one) else [],
    )  # fmt: skip
    return runs, one, item


def ledger(folder, item):
    """Run what is left of an item and write the report."""
    old = runner.read_report(folder)
    work = runner.prepare([item], [item, SIMULATED], folder, band=False)
    for waiting in work.experiments:
        experiment.run(folder, waiting)
    return runner.write(folder, runner.evaluate(work), old, [item.name], ["svg"])


def test_runs_once_and_gives_rows_and_a_figure(counted, tmp_path):
    """The second call finds the file of the first; the curve is drawn, its numbers beside it."""
    runs, _, item = counted
    folder = tmp_path / "l"
    first = ledger(folder, item)
    assert first["items"]["one"]["rows"][0]["ours"] == 0.42
    assert ledger(folder, item) == first
    assert len(runs) == 1
    assert (folder / "figures/one.csv").read_text() == "panel,line,x,y\nleft,ours,1.0,3.0\nleft,ours,2.0,4.0\n"


def test_what_is_left_tells_its_time(counted, tmp_path):
    """Seconds of the experiments that have not run are part of the prediction."""
    _, one, item = counted
    work = runner.prepare([item, item], [item, SIMULATED], tmp_path / "l", band=False)
    assert work.experiments == [one]
    assert work.seconds([], jobs=4) == 2.0


@pytest.mark.parametrize("change", [{"model_version": -1}, {"weights": {"lenet-small": "other"}}])
def test_another_version_counts_as_missing(counted, tmp_path, change):
    """A number of another model, or of other weights, is never shown: it is measured again."""
    runs, one, item = counted
    folder = tmp_path / "l"
    ledger(folder, item)
    path = folder / "experiments" / "one.json"
    record = json.loads(path.read_text())
    record["basis"] |= change
    path.write_text(json.dumps(record))
    assert experiment.left(folder, item.experiments) == [one]
    ledger(folder, item)
    assert len(runs) == 2


@pytest.mark.parametrize("text", ["", "[]", "{", '{"basis": 1}', '{"basis": 1, "found": []}'])
def test_a_torn_file_counts_as_missing(counted, tmp_path, text):
    """Whatever a crash or an editor left."""
    _, one, _ = counted
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "one.json").write_text(text)
    assert experiment.read(tmp_path, one) is None


def test_a_row_without_its_experiment_says_why(counted, monkeypatch):
    """Not run yet, or the extra that it needs is not installed."""
    _, one, item = counted
    (shown,) = item.rows(Context(lambda *a: {}))
    assert (shown.status, shown.ours) == ("not computed", None)
    assert "repeat the command" in shown.note
    monkeypatch.setattr(experiment, "find_spec", lambda name: None)
    heavy = Experiment("heavy", dict, 1.0)
    assert experiment.left(Path("none"), [heavy]) == []
    told = row("x", None, lambda: Context(lambda *a: {}).found(heavy)["x"])
    assert told.note == NEEDS_TORCH


def test_foreign_experiments_are_refused_and_never_removed(counted, tmp_path):
    """A folder of a user's own of that name: clear error; --force takes away what the ledger wrote alone."""
    _, _, item = counted
    folder = tmp_path / "l"
    (folder / "experiments").mkdir(parents=True)
    (folder / "experiments" / "mine.csv").write_text("a")
    with pytest.raises(OutputError, match="is no ledger"):
        runner.read_report(folder)
    (folder / "experiments" / "mine.csv").unlink()
    ledger(folder, item)
    (folder / "experiments" / "mine.csv").write_text("a")
    runner.forget(folder)
    assert [path.name for path in folder.iterdir()] == ["experiments"]
    assert [path.name for path in (folder / "experiments").iterdir()] == ["mine.csv"]
