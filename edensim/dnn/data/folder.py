"""ImageNet-style folders: `train/CLASS/*` and `val/CLASS/*` (or `test`), decoded by Pillow when a batch is asked for.

Classes are numbered in the order of their folder names, as torchvision does. An image is scaled so that its shorter
side is 8/7 of `size` and cut to `size` x `size` in the middle, for training too. Not modelled: random crops, colour
jitter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edensim.dnn.data.dataset import Data
from edensim.errors import InputError, MissingExtraError

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".webp", ".tif", ".tiff"}
# Mean and deviation of ImageNet's channels, as torchvision's weights expect them.
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)


@dataclass(frozen=True, eq=False)
class FolderSplit:
    """Image files and their classes."""

    paths: tuple[Path, ...]
    labels: NDArray[np.int64]
    size: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width of an image."""
        return 3, self.size, self.size

    def images(self, index: NDArray[np.int64]) -> Tensor:
        """The images of these indices: float32, shape (len(index), 3, size, size).

        Raises
        ------
        InputError
            If a file is no image.
        """
        pixels = np.stack([_decode(self.paths[i], self.size) for i in index]).astype(np.float32)
        scaled = (pixels / 255 - MEAN) / DEVIATION
        return torch.from_numpy(np.ascontiguousarray(scaled.transpose(0, 3, 1, 2)))

    def take(self, index: NDArray[np.int64]) -> FolderSplit:
        """The split that holds these images only, in this order."""
        return replace(self, paths=tuple(self.paths[i] for i in index), labels=self.labels[index])


def image_folder(folder: str | Path, size: int = 224, limit: int | None = None) -> Data:
    """Find the images of a data set.

    Parameters
    ----------
    folder : path
        Holds `train` and `val` (or `test`); without `train`, the test images are also the training images.
    size : int
        Pixels per side.
    limit : int, optional
        Take the first so many images of each class.

    Raises
    ------
    InputError
        If folders are missing or empty, or the classes of the two parts differ.
    MissingExtraError
        If Pillow is not installed.
    """
    try:
        import PIL  # noqa: F401
    except ImportError:
        raise MissingExtraError("pillow", "dnn", "reading image files") from None
    root = Path(folder)
    tests = [root / name for name in ("val", "test") if (root / name).is_dir()]
    if not tests:
        raise InputError(f"{root}: expected folders train and val (or test) with a folder of images per class")
    classes, test = _find(tests[0], size, limit)
    train = test
    if (root / "train").is_dir():
        others, train = _find(root / "train", size, limit)
        if others != classes:
            differ = sorted(set(others) ^ set(classes))
            raise InputError(f"{root}: train and {tests[0].name} differ in classes: {', '.join(differ[:5])}")
    return Data(root.name, train, test, len(classes), flip=True)


def _find(root: Path, size: int, limit: int | None) -> tuple[list[str], FolderSplit]:
    classes = sorted(p.name for p in root.iterdir() if p.is_dir())
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        found = sorted(p for p in (root / name).iterdir() if p.suffix.lower() in SUFFIXES)[:limit]
        if not found:
            raise InputError(f"{root / name}: holds no image ({', '.join(sorted(SUFFIXES))})")
        paths += found
        labels += [label] * len(found)
    if not paths:
        raise InputError(f"{root}: holds no class folders; expected one folder of images per class")
    return classes, FolderSplit(tuple(paths), np.array(labels, np.int64), size)


def _decode(path: Path, size: int) -> NDArray[Any]:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as file:
            image = file.convert("RGB")
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as problem:
        raise InputError(f"{path}: is not an image that can be read ({problem})") from None
    scale = size * 8 / 7 / min(image.size)
    wide, high = (max(size, round(v * scale)) for v in image.size)
    left, top = (wide - size) // 2, (high - size) // 2
    resized = image.resize((wide, high), Image.Resampling.BILINEAR)
    return np.asarray(resized.crop((left, top, left + size, top + size)), np.uint8)
