"""Command logs (`.npz`) read in blocks, with flat memory: for logs that are only passed on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from edensim.archive import Archive, require_file
from edensim.dram.command_log import FORMAT, WHAT, CommandLog, Int, read_header
from edensim.dram.command_log_write import COLUMNS, HEADER
from edensim.dram.commands import N_COMMANDS
from edensim.errors import InputError

BLOCK = 1 << 17


def is_command_log(path: str | Path) -> bool:
    """Whether a file is an archive that calls itself a command log; nothing else of it is looked at."""
    require_file(Path(path), "a trace")
    with Path(path).open("rb") as file:
        if file.read(2) != b"PK":
            return False
    with Archive(Path(path), WHAT) as archive:
        return HEADER in archive.texts and f'"{FORMAT}"' in archive.text(HEADER)


def read_about(path: str | Path) -> CommandLog:
    """What a log says about its commands, without the commands.

    Raises
    ------
    InputError
        The file is no command log, or contradicts itself.
    """
    path = Path(path)
    with Archive(path, WHAT) as archive:
        archive.refuse_bomb()
        if HEADER not in archive.texts:
            raise InputError(f"{path}: has no member {HEADER}; expected {WHAT}")
        return CommandLog((), **read_header(archive.text(HEADER), path))


def log_blocks(path: str | Path, channel: int, size: int = BLOCK) -> Iterator[Int]:
    """Yield the commands of one channel in order, int64 (n, 5) with n at most `size`.

    Raises
    ------
    InputError
        An array is missing, damaged or of another length than the others; a command is unknown.
    """
    path = Path(path)
    with Archive(path, WHAT) as archive, ExitStack() as stack:
        members = [archive.members.get(f"{name}_{channel}") for name in COLUMNS]
        if any(member is None or member.dtype != COLUMNS[name] for name, member in zip(COLUMNS, members, strict=True)):
            names = ", ".join(f"{name}_{channel} ({np.dtype(kind)})" for name, kind in COLUMNS.items())
            raise InputError(f"{path}: an array of channel {channel} is missing or of another type; expected {names}")
        counts = {member.count for member in members if member is not None}
        if len(counts) > 1:
            raise InputError(f"{path}: the arrays of channel {channel} have different lengths ({sorted(counts)})")
        columns = [stack.enter_context(archive.column(f"{name}_{channel}")) for name in COLUMNS]
        for first in range(0, count := counts.pop(), size):
            block = np.stack([column.read(min(size, count - first)).astype(np.int64) for column in columns], axis=1)
            unknown = block[:, 1] >= N_COMMANDS
            if unknown.any():
                k = int(np.argmax(unknown))
                raise InputError(f"{path}: channel {channel}, command {first + k}: number {block[k, 1]} is unknown")
            yield block
