"""Writing command logs (`.npz`) in a stream: commands come as they are issued, and memory stays flat.

A member of a zip archive needs its length first, so the commands of every channel wait in a temporary file, 19 bytes
each. What the members mean is told in `command_log`.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from edensim.output import atomic_output

Int = npt.NDArray[np.int64]
Sink = Callable[[int, Int], None]
"""Takes commands as they are issued: channel, and int64 (n, 5) of clock, command, place, row, column."""

HEADER = "header.json"
COLUMNS = {"clock": np.int64, "command": np.uint8, "bank": np.int16, "row": np.int32, "column": np.int32}
RECORD = np.dtype([(name, np.dtype(kind).newbyteorder("<")) for name, kind in COLUMNS.items()])
DATE = (1980, 1, 1, 0, 0, 0)  # of every member, so that equal logs are equal files
RECORDS_AT_A_TIME = 1 << 16


@contextmanager
def log_output(path: str | Path, header: Callable[[], str], channels: int, force: bool = False) -> Iterator[Sink]:
    """Open a command log; the file appears under its name only when the block ends well.

    Parameters
    ----------
    path : str or Path
    header : callable
        Gives the content of `header.json` when all commands are there.
    channels : int
        Channels the log has.
    force : bool
        Replace an existing file.

    Raises
    ------
    OutputError
        The file exists (and not `force`), or cannot be written.
    """
    with atomic_output(path, force) as file, ExitStack() as stack:
        folder = Path(path).parent
        spools = [stack.enter_context(tempfile.TemporaryFile(dir=folder)) for _ in range(channels)]

        def keep(channel: int, commands: Int) -> None:
            spools[channel].write(_records(commands).tobytes())

        yield keep
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(HEADER, DATE), header(), zipfile.ZIP_DEFLATED)
            for channel, spool in enumerate(spools):
                for name in COLUMNS:
                    _put_column(archive, name, channel, spool)


def _records(commands: Int) -> npt.NDArray[np.void]:
    records = np.empty(len(commands), RECORD)
    for column, name in enumerate(COLUMNS):
        records[name] = commands[:, column]
    return records


def _put_column(archive: zipfile.ZipFile, name: str, channel: int, spool: IO[bytes]) -> None:
    member = zipfile.ZipInfo(f"{name}_{channel}.npy", DATE)
    member.compress_type = zipfile.ZIP_DEFLATED
    descr = np.lib.format.dtype_to_descr(RECORD[name])
    claim = {"descr": descr, "fortran_order": False, "shape": (spool.tell() // RECORD.itemsize,)}
    spool.seek(0)
    with archive.open(member, "w", force_zip64=True) as stream:
        np.lib.format.write_array_header_1_0(stream, claim)
        while block := spool.read(RECORDS_AT_A_TIME * RECORD.itemsize):
            stream.write(np.frombuffer(block, RECORD)[name].tobytes())
