"""Labelled images: arrays in memory, or files that are decoded when a batch is asked for.

Images leave a split as float32 tensors (N, C, H, W), centred; they are kept as they come (bytes take a quarter of the
space). Not modelled: tasks other than one label per image (give `train` and `accuracy` functions of your own).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edensim.errors import InputError

Ints = NDArray[np.int64]


class Split(Protocol):
    """Images and labels by index."""

    @property
    def labels(self) -> Ints:
        """Class of every image, shape (images,)."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width of an image."""

    def images(self, index: Ints) -> Tensor:
        """The images of these indices: float32, shape (len(index), C, H, W)."""

    def take(self, index: Ints) -> Split:
        """The split that holds these images only, in this order."""


@dataclass(frozen=True, eq=False)
class ArraySplit:
    """Images in memory.

    Attributes
    ----------
    pixels : uint8 or float32 array, shape (images, C, H, W)
    labels : int64 array, shape (images,)
    mean, deviation : float32 arrays, shape (C,)
        An image leaves as (pixels - mean) / deviation.
    """

    pixels: NDArray[Any]
    labels: Ints
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.pixels.ndim != 4 or len(self.pixels) != len(self.labels) or not len(self.labels):
            raise InputError(
                f"images of shape {self.pixels.shape} with {len(self.labels)} labels; expected (images, channels, "
                "height, width), a label for each, and at least one"
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width of an image."""
        c, h, w = self.pixels.shape[1:]
        return c, h, w

    def images(self, index: Ints) -> Tensor:
        """The images of these indices: float32, shape (len(index), C, H, W)."""
        x = torch.from_numpy(self.pixels[index]).float()
        mean, deviation = (torch.from_numpy(v)[:, None, None] for v in (self.mean, self.deviation))
        return x.sub_(mean).div_(deviation)

    def take(self, index: Ints) -> ArraySplit:
        """The split that holds these images only, in this order."""
        return replace(self, pixels=self.pixels[index], labels=self.labels[index])


@dataclass(frozen=True, eq=False)
class Data:
    """A data set.

    Attributes
    ----------
    name : str
    train, test : Split
    classes : int
    shift : int
        Training moves a batch by up to so many pixels in each direction, around the edges.
    flip : bool
        Training mirrors every other batch.
    """

    name: str
    train: Split
    test: Split
    classes: int
    shift: int = 0
    flip: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width of an image."""
        return self.test.shape

    def with_validation(self, count: int, seed: int = 0) -> tuple[Data, Split]:
        """Set `count` training images aside, drawn by `seed`, so that choices are not made on the test images.

        Raises
        ------
        InputError
            If that leaves no training images.
        """
        rest = len(self.train.labels) - count
        if count < 1 or rest < 1:
            raise InputError(f"{self.name}: {count} validation images of {rest + count} training images")
        index = np.random.default_rng(seed).permutation(rest + count)
        return replace(self, train=self.train.take(index[:rest])), self.train.take(index[rest:])


def array_data(name: str, train: tuple[NDArray[Any], Ints], test: tuple[NDArray[Any], Ints], **settings: Any) -> Data:
    """Make a data set of arrays (pixels, labels), each channel centred and scaled by what the training images show."""
    pixels = train[0]
    axes = (0, 2, 3)
    mean = pixels.mean(axes, dtype=np.float64).astype(np.float32)
    deviation = np.maximum(pixels.std(axes, dtype=np.float64), 1e-6).astype(np.float32)
    splits = [ArraySplit(x, np.ascontiguousarray(y, np.int64), mean, deviation) for x, y in (train, test)]
    highest = max(int(split.labels.max()) for split in splits)
    lowest = min(int(split.labels.min()) for split in splits)
    if lowest < 0 or splits[0].shape != splits[1].shape:
        raise InputError(f"{name}: labels begin at {lowest}, images are {splits[0].shape} and {splits[1].shape}")
    return Data(name, splits[0], splits[1], highest + 1, **settings)


def spread(count: int, wanted: int | None) -> Ints:
    """Indices of `wanted` of `count` images, evenly spread and in order (all if None or more than there are)."""
    if wanted is None or wanted >= count:
        return np.arange(count)
    return np.arange(wanted) * count // max(wanted, 1)


def parts(index: Ints, size: int) -> list[Ints]:
    """The index in batches of `size`, the last one perhaps smaller."""
    return [index[i : i + size] for i in range(0, len(index), size)]


def batches(split: Split, images: int | None = 2000, size: int = 250) -> Iterator[Tensor]:
    """Some images of a split, evenly spread, in batches: what ranges are learned from."""
    for part in parts(spread(len(split.labels), images), size):
        yield split.images(part)


def augment(x: Tensor, data: Data, rng: np.random.Generator) -> Tensor:
    """Move and mirror a batch as `data` says; all of it alike, which is quick and as good over many batches."""
    if data.shift:
        dy, dx = (int(v) for v in rng.integers(-data.shift, data.shift + 1, 2))
        x = torch.roll(x, (dy, dx), (2, 3))
    return x.flip(3) if data.flip and rng.integers(2) else x
