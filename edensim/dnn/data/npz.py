"""A user's own arrays: an .npz file with x_train, y_train, x_test, y_test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edensim.dnn.array_file import read_arrays
from edensim.dnn.data.dataset import Data, array_data
from edensim.errors import InputError

NAMES = ("x_train", "y_train", "x_test", "y_test")


def npz_data(path: str | Path, shift: int = 0, flip: bool = False) -> Data:
    """Read a data set.

    Images are uint8 or float arrays (images, H, W), (images, H, W, C) with 1, 3 or 4 channels last, or
    (images, C, H, W); labels are whole numbers from 0.

    Raises
    ------
    InputError
        If the file is missing or no .npz, an array is missing, of another shape or type, or holds NaN.
    """
    file = Path(path)
    arrays = read_arrays(file, f"a data set with {', '.join(NAMES)}")
    missing = [name for name in NAMES if name not in arrays]
    if missing:
        raise InputError(f"{file}: lacks {', '.join(missing)}; it holds {', '.join(arrays) or 'nothing'}")
    parts = [(_images(file, f"x_{k}", arrays), _labels(file, f"y_{k}", arrays)) for k in ("train", "test")]
    return array_data(file.stem, parts[0], parts[1], shift=shift, flip=flip)


def _images(file: Path, name: str, arrays: dict[str, NDArray[Any]]) -> NDArray[Any]:
    found = arrays[name]
    if found.dtype != np.uint8 and found.dtype.kind not in "fiu":
        raise InputError(f"{file}: {name} has dtype {found.dtype}; expected uint8 or float")
    if found.ndim not in (3, 4) or not found.size:
        raise InputError(f"{file}: {name} has shape {found.shape}; expected (images, H, W), with channels or without")
    if found.ndim == 3:
        found = found[:, None]
    elif found.shape[-1] in (1, 3, 4) and found.shape[1] not in (1, 3, 4):
        found = found.transpose(0, 3, 1, 2)
    found = np.ascontiguousarray(found, None if found.dtype == np.uint8 else np.float32)
    if not np.isfinite(found).all():
        raise InputError(f"{file}: {name} holds NaN or infinite values")
    return found


def _labels(file: Path, name: str, arrays: dict[str, NDArray[Any]]) -> NDArray[np.int64]:
    found = arrays[name].reshape(-1)
    if found.dtype.kind not in "iu" or len(found) != len(arrays["x" + name[1:]]):
        raise InputError(f"{file}: {name} holds {len(found)} {found.dtype} values; expected a whole number per image")
    return np.asarray(found, np.int64)
