"""Output files that are either whole or absent, and that never replace anything unasked."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from edensim.errors import OutputError
from edensim.printable import shown


def check_output(path: str | Path, force: bool = False) -> None:
    """Refuse, before any work is done, a file to write that exists (unless `force`), is a folder, or cannot be made.

    Raises
    ------
    OutputError
        As said.
    """
    target = Path(path)
    try:
        _refuse_existing(target, force)
        check_writable(target.parent)
    except OSError as problem:
        raise OutputError(_cannot_write(target, problem)) from None


def check_writable(folder: Path) -> None:
    """Raise OSError unless a file can be made in `folder`."""
    with tempfile.TemporaryFile(dir=folder):
        pass


@contextmanager
def atomic_output(path: str | Path, force: bool = False) -> Iterator[IO[bytes]]:
    """Open a temporary file beside `path` that takes its name when the block ends well and vanishes otherwise."""
    target = Path(path)
    temporary = beside(target, "tmp")
    try:
        _refuse_existing(target, force)
        with temporary.open("w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _refuse_existing(target, force)
        temporary.replace(target)
    except OSError as problem:
        raise OutputError(_cannot_write(target, problem)) from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def beside(target: Path, suffix: str) -> Path:
    """A hidden name of this process in the folder of `target`, as long as file systems take it (255 bytes)."""
    return target.with_name(f".{os.fsdecode(os.fsencode(target.name)[:200])}.{os.getpid()}.{suffix}")


def _refuse_existing(target: Path, force: bool) -> None:
    try:
        target.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return
    if target.is_dir():
        raise OutputError(f"{shown(target)}: is a directory; expected a file name to write to")
    if not force:
        raise OutputError(f"{shown(target)}: exists already; nothing was written (use --force to replace it)")


def _cannot_write(target: Path, problem: OSError) -> str:
    if isinstance(problem, FileNotFoundError | NotADirectoryError):
        return f"{shown(target)}: cannot be written: the folder {shown(target.parent)} does not exist"
    reason = str(problem.strerror or problem)
    with suppress(OSError):
        reason += f"; {shutil.disk_usage(target.parent).free:,} bytes are free there"
    return f"{shown(target)}: cannot be written ({reason}); nothing was left behind"
