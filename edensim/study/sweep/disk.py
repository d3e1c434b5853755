"""Every change that a sweep makes to the disk goes through these few functions, so that tests can fail any of them.

Files are replaced as a whole (written beside, synced, renamed, folder synced) or appended to and synced.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from edensim.errors import SOME_FAILED, OutputError


class SaveError(OutputError):
    """The disk refused: the sweep stops, and everything saved so far stays."""

    exit_code = SOME_FAILED


def open_append(path: Path) -> int:
    """Open a file for reading and appending, made if need be, and make its name durable."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o644)
    sync_folder(path.parent)
    return descriptor


def write(descriptor: int, data: bytes) -> None:
    """Write all of `data`."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync(descriptor: int) -> None:
    """Wait until a file has reached the disk."""
    os.fsync(descriptor)


def truncate(descriptor: int, length: int) -> None:
    """Cut a file."""
    os.ftruncate(descriptor, length)


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, pieces: Iterable[bytes]) -> None:
    """Give `path` new contents; whatever happens, it holds either all of the old ones or all of the new ones."""
    # Shards on several hosts may replace one file at a time, with equal process numbers.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    size = 0
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o644)
        try:
            for piece in pieces:
                size += len(piece)
                write(descriptor, piece)
            sync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)  # noqa: PTH105  (tests fail `os` here)
        sync_folder(path.parent)
    except OSError as problem:
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise cannot_save(path, problem, size) from None


def make_folder(folder: Path) -> None:
    """Make a folder with all those above it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise cannot_save(folder, problem, 0) from None


def cannot_save(path: Path, problem: OSError, needed: int) -> SaveError:
    """The error that says what could not be written, how much it was and how much is free."""
    free = ""
    with suppress(OSError, AttributeError):
        stat = os.statvfs(path.parent)
        free = f", {stat.f_bavail * stat.f_frsize:,} free"
    size = f" ({needed:,} bytes needed{free})" if needed else ""
    return SaveError(
        f"{path}: {problem.strerror or problem}{size}. The sweep stopped; all points saved before are intact: "
        "make room or mend the disk, then repeat the same command."
    )
