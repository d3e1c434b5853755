"""The Pareto front against its definition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edensim.errors import ConfigError
from edensim.study.sweep.pareto import check_columns, front, objectives
from edensim.study.sweep.summary import summarize

COLUMNS = ["energy_pj.total", "time_ns", "accuracy"]


def beats(a, b):
    """No objective worse and one better; of accuracy more is better."""
    a, b = (*a[:2], -a[2]), (*b[:2], -b[2])
    return all(x <= y for x, y in zip(a, b, strict=True)) and a != b


@given(st.lists(st.tuples(*[st.integers(0, 5)] * 3), max_size=40))
def test_front_is_what_nobody_beats(rows):
    """Exactly the rows that no other row beats, equal ones together."""
    assert front(rows, COLUMNS) == [not any(beats(other, row) for other in rows) for row in rows]


def test_rows_without_a_value_are_not_on_the_front():
    """Failed points have no values."""
    assert front([[1.0, 5.0], [None, 0.0], [2.0, 6.0]], COLUMNS[:2]) == [True, False, False]
    assert front([[None, None]], COLUMNS[:2]) == [False]


def test_names():
    """Short names and columns; nothing twice; unknown ones with the nearest."""
    assert objectives("energy, time,row.hit") == ["energy_pj.total", "time_ns", "row.hit"]
    for text in ("", "time,time_ns"):
        with pytest.raises(ConfigError):
            objectives(text)
    with pytest.raises(ConfigError, match="did you mean time_ns"):
        check_columns(["time_n"], ["time_ns"])


def test_accuracy_is_an_objective_like_any_other_column(sweep, folder):
    """Where points have an accuracy, more of it is better, and the summary shows it."""
    _, table = sweep({"seed": range(4)}, measure="fake_points:accurate", pareto=COLUMNS)
    frame = table.frame()
    rows = frame[COLUMNS].itertuples(index=False, name=None)
    assert list(frame["pareto"]) == [int(mark) for mark in front(list(rows), COLUMNS)]
    assert set(frame["pareto"]) == {0, 1}
    assert "accuracy" in summarize(table).split("Pareto front")[1].splitlines()[0]
    assert sweep({"seed": range(4)})[1].pareto == COLUMNS


def test_an_objective_that_no_point_has_stops_after_the_first_point(sweep, folder, fake_points):
    """The error comes at once, not in the morning; the point is saved, and the folder does not remember the word."""
    with pytest.raises(ConfigError, match="accuracy.*only if it evaluates its network"):
        sweep(pareto=COLUMNS)
    assert fake_points.runs == [0]
    tally, table = sweep()
    assert (tally.before, tally.done, table.pareto) == (1, 4, [])


def test_no_successful_point_has_no_front(sweep):
    """When all points fail, that is the news, not that they lack the objectives."""
    tally, table = sweep({"seed": [3, 4]}, measure="fake_points:faulty", pareto=["time_ns"])
    assert tally.failed == 2
    assert "pareto" not in table.columns
