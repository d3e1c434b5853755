"""Standard streams that are closed, full, or left by their reader.

A result that cannot be printed is an error with a sentence of its own. A log that cannot be printed is dropped: there
is nowhere left to say so, and the result counts. Characters a terminal lacks are escaped. Not handled: Windows consoles
beyond what Python does.
"""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from edensim.errors import OutputError

STDERR = 2


class ReaderLeftError(Exception):
    """Whoever read our stdout has seen enough (`| head`)."""


class Stdout:
    """Stdout whose failures say that they are its own, and say it again whenever it is used."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._failure: Exception | None = None

    def write(self, text: str) -> int:
        """Write text."""
        with self._failures():
            return int(self._stream.write(text))

    def flush(self) -> None:
        """Hand on what has been written."""
        with self._failures():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        if self._failure is not None:
            raise self._failure
        try:
            yield
        except OSError as problem:
            # click writes an empty text first to see what stream it has, and swallows what comes of it.
            if isinstance(problem, BrokenPipeError):
                self._failure = ReaderLeftError()
            else:
                self._failure = OutputError(f"standard output cannot be written: {problem.strerror or problem}")
            silence(self._stream)
            raise self._failure from None


class Stderr:
    """Stderr that never fails."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text, or lose it."""
        try:
            return int(self._stream.write(text))
        except OSError:
            silence(self._stream)
            return len(text)

    def flush(self) -> None:
        """Hand on what has been written, or lose it."""
        try:
            self._stream.flush()
        except OSError:
            silence(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def silence(stream: Any) -> None:
    """Point a broken stream to the null device, so that Python says nothing when it flushes at exit."""
    with suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


@contextmanager
def guarded() -> Iterator[None]:
    """Run the command line between streams that fail as this file says; begin with `require_stdout`."""
    before = sys.stdout, sys.stderr
    _occupy()
    if sys.stderr is None:
        sys.stderr = open(STDERR, "w", closefd=False)  # noqa: PTH123, SIM115
    _escape_unknown(sys.stderr)
    sys.stderr = Stderr(sys.stderr)
    if sys.stdout is not None:
        _escape_unknown(sys.stdout)
        sys.stdout = Stdout(sys.stdout)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def require_stdout() -> None:
    """Raise OutputError if stdout is closed (`>&-`), before any work is done."""
    if sys.stdout is None:
        raise OutputError(f"standard output is closed; to discard the result, redirect it to {os.devnull}")


def _occupy() -> None:
    """Open closed standard streams on the null device.

    Otherwise the next file opened takes the number, and libraries that print there print into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):
                os.open(os.devnull, os.O_RDWR)  # takes the lowest free number


def _escape_unknown(stream: Any) -> None:
    if not hasattr(stream, "reconfigure"):
        return
    # An ASCII stream is a locale nobody set up (LC_ALL=C) far more often than a terminal without other characters.
    ascii_only = codecs.lookup(stream.encoding or "ascii").name == "ascii"
    stream.reconfigure(encoding="utf-8" if ascii_only else None, errors="backslashreplace")
