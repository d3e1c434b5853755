"""Progress: silent at first, then a line every ten seconds where there is no terminal."""

import pytest

from edensim.cli import console
from edensim.cli.progress import Progress, clock_text, count


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self):
        return self.now


def test_lines_every_ten_seconds(capsys):
    """Nothing in the first two seconds; then at most one line per ten seconds, with share, rate and time left."""
    clock = Clock()
    with Progress("requests", clock) as progress:
        for clock.now in (0.5, 1.9, 5.0, 10.0, 11.0, 19.0, 20.0):
            progress(clock.now * 1e6, 40e6, "conv1")
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "edensim: conv1: 25%, 10.0 M of 40.0 M requests, 1.0 M/s, 0:30 left",
        "edensim: conv1: 50%, 20.0 M of 40.0 M requests, 1.0 M/s, 0:20 left",
    ]


def test_unknown_total(capsys):
    """Without a total there is a rate but no time left."""
    clock = Clock()
    progress = Progress("commands", clock)
    clock.now = 10.0
    progress(5000)
    assert capsys.readouterr().err == "edensim: 5.0 k commands, 500/s\n"


def test_compilation_before_the_first_report_is_not_extrapolated(capsys):
    """A first report after 20 s of compilation gives no time left; the next ones count from there."""
    clock = Clock()
    with Progress("requests", clock) as progress:
        for clock.now, done in ((20.0, 1e3), (31.0, 11.001e6)):
            progress(done, 22e6, "conv1")
    first, second = capsys.readouterr().err.splitlines()
    assert "left" not in first
    assert second.endswith("1.0 M/s, 0:11 left")


def test_quiet(capsys, monkeypatch):
    """--quiet silences progress."""
    monkeypatch.setattr(console.settings, "quiet", True)
    clock = Clock()
    progress = Progress("requests", clock)
    clock.now = 60.0
    progress(1, 2)
    assert capsys.readouterr().err == ""


def test_bar_on_a_terminal(capsys, monkeypatch):
    """On a terminal a bar with rate and time left is drawn on stderr, and stdout stays clean."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    clock = Clock()
    with Progress("requests", clock) as progress:
        for clock.now in (3.0, 3.01, 6.0):
            progress(clock.now * 1e6, 12e6, "conv1")
    captured = capsys.readouterr()
    assert "conv1" in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (999, "999"), (1000, "1.0 k"), (2.5e6, "2.5 M"), (3e9, "3.0 G")])
def test_counts(value, text):
    """Numbers stay short."""
    assert count(value) == text


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (61, "1:01"), (3600, "1:00:00"), (3725.4, "1:02:05")])
def test_times(seconds, text):
    """m:ss below an hour, h:mm:ss above."""
    assert clock_text(seconds) == text
