"""Progress of long work on stderr: a bar with rate and time left on a terminal, a line every 10 s elsewhere.

Nothing appears in the first two seconds, so short work stays quiet.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from edensim.cli.console import log, settings

QUIET_S = 2.0
LINE_EVERY_S = 10.0
REDRAW_EVERY_S = 0.1


class Progress:
    """Callable `progress(done, total, label)` that shows how far work has come; use it as a context manager.

    Parameters
    ----------
    unit
        What `done` and `total` count.
    clock
        Seconds, monotonic.
    """

    def __init__(self, unit: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.unit = unit
        self._clock = clock
        self._start = self._shown = clock()
        self._first: tuple[float, float] | None = None
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, done: float, total: float | None = None, label: str = "") -> None:
        """Note that `done` of `total` units are finished (total None: unknown)."""
        now = self._clock()
        self._first = self._first or (now, done)
        if settings.quiet or now - self._start < QUIET_S:
            return
        if sys.stderr.isatty():
            if self._bar is None or now - self._shown >= REDRAW_EVERY_S:
                self._draw(done, total, label)
                self._shown = now
        elif now - self._shown >= LINE_EVERY_S:
            log(self.line(done, total, label))
            self._shown = now

    def line(self, done: float, total: float | None, label: str) -> str:
        """One line for logs: what, how far, how fast, how long still."""
        now = self._clock()
        since, before = self._first or (self._start, 0.0)
        settled = now > since and done > before  # compilation, before the first report, says nothing of what is left
        if not settled:
            since, before = self._start, 0.0
        rate = (done - before) / (now - since) if now > since else 0.0
        parts = [f"{label}: " if label else "", f"{count(done)} {self.unit}"]
        if total:
            parts = [parts[0], f"{done / total:.0%}, {count(done)} of {count(total)} {self.unit}"]
        parts.append(f", {count(rate)}/s")
        if total and rate and (settled or self._first is None):
            parts.append(f", {clock_text((total - done) / rate)} left")
        return "".join(parts)

    def _draw(self, done: float, total: float | None, label: str) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description}"), BarColumn(bar_width=30), TextColumn("{task.fields[note]}"))
            self._bar = Bar(*columns, console=Console(stderr=True), auto_refresh=False, transient=True)
            self._bar.start()
            self._task = self._bar.add_task(label, total=total, note="")
        note = self.line(done, total, "")
        self._bar.update(self._task, completed=done, total=total, description=label, note=note, refresh=True)


def count(value: float) -> str:
    """Give a number in at most five characters: 950, 1.2 k, 34.5 M, 1.2 G."""
    for limit, suffix in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= limit:
            return f"{value / limit:.1f}{suffix}"
    return f"{value:.0f}"


def clock_text(seconds: float) -> str:
    """Give a time as m:ss or h:mm:ss."""
    minutes, second = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{second:02}" if hours else f"{minutes}:{second:02}"
