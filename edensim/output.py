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


def check_output(path: str | Path, force: bool = False) -> None:
    """Refuse, before any work is done, a file to write that exists (unless `force`), is a folder, or cannot be made.

    Raises
    ------
    OutputError
        As said.
    """
    target = Path(path)
    _refuse_existing(target, force)
    try:
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
    _refuse_existing(target, force)
    temporary = target.with_name(f".{target.name[:200]}.{os.getpid()}.tmp")
    try:
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


def _refuse_existing(target: Path, force: bool) -> None:
    if target.is_dir():
        raise OutputError(f"{target}: is a directory; expected a file name to write to")
    if os.path.lexists(target) and not force:
        raise OutputError(f"{target}: exists already; nothing was written (use --force to replace it)")


def _cannot_write(target: Path, problem: OSError) -> str:
    if not target.parent.is_dir():
        return f"{target}: cannot be written: the folder {target.parent} does not exist"
    free = shutil.disk_usage(target.parent).free
    reason = f"{problem.strerror or problem}; {free:,} bytes are free there"
    return f"{target}: cannot be written ({reason}); nothing was left behind"
