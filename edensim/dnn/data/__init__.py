"""Data sets: procedural glyphs, scikit-learn's digits, CIFAR-10, class folders of images, and .npz files."""

from __future__ import annotations

from edensim.dnn.data.cifar import cifar10
from edensim.dnn.data.dataset import ArraySplit, Data, Split, array_data, augment, batches
from edensim.dnn.data.digits import digits
from edensim.dnn.data.folder import image_folder
from edensim.dnn.data.glyphs import glyphs
from edensim.dnn.data.npz import npz_data

__all__ = [
    "ArraySplit",
    "Data",
    "Split",
    "array_data",
    "augment",
    "batches",
    "cifar10",
    "digits",
    "glyphs",
    "image_folder",
    "npz_data",
]
