"""CIFAR-10 from its binary files (cifar-10-batches-bin of https://www.cs.toronto.edu/~kriz/cifar.html).

A file holds 10000 records of 3073 bytes: the label, then 1024 bytes each of red, green and blue, row by row. The Python
version of the files is a pickle and is not read.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edensim.dnn.data.dataset import Data, array_data
from edensim.errors import InputError

TRAIN = tuple(f"data_batch_{k}.bin" for k in range(1, 6))
TEST = ("test_batch.bin",)
RECORD, RECORDS, CLASSES = 3073, 10_000, 10


def cifar10(folder: str | Path) -> Data:
    """Read the six files: 50000 training and 10000 test images, 3x32x32.

    Raises
    ------
    InputError
        If the folder or a file is missing, has another size, or holds a label above 9.
    """
    root = Path(folder)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; expected the one that holds {TRAIN[0]} … {TEST[0]}")
    inner = root / "cifar-10-batches-bin"
    root = inner if inner.is_dir() else root
    return array_data("cifar10", _read(root, TRAIN), _read(root, TEST), shift=4, flip=True)


def _read(root: Path, names: tuple[str, ...]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    records = np.concatenate([_records(root / name) for name in names])
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].astype(np.int64)


def _records(path: Path) -> NDArray[np.uint8]:
    if not path.is_file():
        raise InputError(f"{path}: no such file; CIFAR-10's binary version has {', '.join(TRAIN + TEST)}")
    size = path.stat().st_size
    if size != RECORD * RECORDS:
        raise InputError(f"{path}: {size:,} bytes; expected {RECORD * RECORDS:,} ({RECORDS} records of {RECORD})")
    try:
        records = np.fromfile(path, np.uint8).reshape(RECORDS, RECORD)
    except OSError as problem:
        raise InputError(f"{path}: cannot be read ({problem.strerror})") from None
    wrong = np.flatnonzero(records[:, 0] >= CLASSES)
    if len(wrong):
        at = int(wrong[0])
        raise InputError(f"{path}: record {at} has label {records[at, 0]}, expected 0 to 9: the file is damaged")
    return records
