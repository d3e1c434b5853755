"""Reading of .npz files that may be damaged, foreign or missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edensim.archive import ARCHIVE_ERRORS, refuse_bomb
from edensim.errors import InputError


def read_arrays(path: Path, what: str) -> dict[str, NDArray[Any]]:
    """All arrays of an .npz file, by name.

    Raises
    ------
    InputError
        If it is missing, damaged, unpacks to far more than it could hold, or is something else than `what`.
    """
    try:
        # numpy leaves a file open that it opened itself and then cannot read.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            refuse_bomb(path, sum(member.file_size for member in file.zip.infolist()), path.stat().st_size)
            return {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected {what}") from None
    except (*ARCHIVE_ERRORS, AttributeError, TypeError):
        raise InputError(f"{path}: is damaged, or is not {what} (.npz of plain arrays)") from None
