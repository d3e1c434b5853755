"""A small convolutional network in numpy whose weights and input maps are read through approximate memory.

The network is `lenet-small` of `edensim.dnn.nets`; its weights ship with the package, trained by
`python benchmarks/demo_weights.py`. It computes what `edensim.dnn.FaultyMemory` computes under the torch network: every
layer reads its weights once per batch and its input map once per image, as int8 codes from the place of the tensor.

Not modelled: anything but this network; training.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from edensim.dnn.codes import Code
from edensim.dnn.reading import NoErrors, ReadErrors
from edensim.dnn.storage import Range

Floats = NDArray[np.float32]
LAYERS = ("conv1", "conv2", "fc1", "fc2", "fc3")
POOLED = ("conv1", "conv2")
KERNEL = 5
BATCH = 100
"""Images that meet one read of the weights."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer as it is stored.

    Attributes
    ----------
    weights : int8 array, shape (outputs, inputs, 5, 5) or (outputs, inputs)
        Codes.
    weight_scale : float32
        Value of code 1.
    bias : float32 array, shape (outputs,)
        In reliable memory.
    map_code : Code
        How the input map is stored.
    """

    name: str
    weights: NDArray[np.int8]
    weight_scale: np.float32
    bias: Floats
    map_code: Code


@dataclass(frozen=True, eq=False)
class DemoNet:
    """The layers of one set of weights ("baseline" or "boosted"), and what makes the images centred."""

    name: str
    layers: tuple[Layer, ...]
    mean: np.float32
    deviation: np.float32

    @classmethod
    def shipped(cls, name: str) -> DemoNet:
        """The weights inside the package."""
        with np.load(BytesIO((files("edensim") / "study/demo/weights.npz").read_bytes()), allow_pickle=False) as found:
            layers = []
            for layer in LAYERS:
                weights, bias, scales = (found[f"{name}.{layer}.{part}"] for part in ("weights", "bias", "scales"))
                code = Code(8, bool(scales[2]), np.float32(scales[1]), Range(0.0, 0.0), "none")
                layers.append(Layer(layer, weights, np.float32(scales[0]), bias, code))
            return cls(name, tuple(layers), *(np.float32(found[part].item()) for part in ("mean", "deviation")))

    def answers(
        self, images: NDArray[np.uint8], errors: ReadErrors | None = None, access: int = 0
    ) -> NDArray[np.int64]:
        """Class of every image.

        Parameters
        ----------
        images : uint8 array, shape (n, 1, 16, 16)
        errors : ReadErrors, optional
            Errors of the memory (default: none).
        access : int
            Number of the first read of every tensor; batches count on from it, maps image by image.
        """
        errors = errors or NoErrors()
        found = [
            self._scores(images[i : i + BATCH], errors, access + i // BATCH, access + i).argmax(axis=1)
            for i in range(0, len(images), BATCH)
        ]
        return np.concatenate(found)

    def _scores(self, images: NDArray[np.uint8], errors: ReadErrors, batch: int, image: int) -> Floats:
        x = (images.astype(np.float32) - self.mean) / self.deviation  # (n, channels, height, width)
        for layer in self.layers:
            x = self._read_map(layer, x, errors, image)
            weights = self._read_weights(layer, errors, batch)
            x = _convolve(x, weights, layer.bias) if weights.ndim == 4 else x @ weights.T + layer.bias
            if layer is not self.layers[-1]:
                np.maximum(x, 0, out=x)
            if layer.name in POOLED:
                x = _pool(x)
            if layer.name == POOLED[-1]:
                x = np.ascontiguousarray(x).reshape(len(x), -1)
        return x

    def _read_weights(self, layer: Layer, errors: ReadErrors, access: int) -> Floats:
        codes = layer.weights.copy()
        errors.corrupt(f"{layer.name}.weights", codes.view(np.uint8).reshape(1, -1), access)
        return codes * layer.weight_scale

    def _read_map(self, layer: Layer, x: Floats, errors: ReadErrors, access: int) -> Floats:
        flat = np.ascontiguousarray(x).reshape(len(x), -1)
        codes = np.empty(flat.shape, np.uint8)
        layer.map_code.encode(flat, codes)
        errors.corrupt(f"{layer.name}.ifm", codes, access)
        values = np.empty(flat.shape, np.float32)
        layer.map_code.decode(codes, values)
        return values.reshape(x.shape)


def _convolve(x: Floats, weights: Floats, bias: Floats) -> Floats:
    """Convolution 5x5 with zeros around; shapes (n, c, h, w), (k, c, 5, 5), (k,) -> (n, k, h, w).

    As one product with a matrix that is mostly zeros: on images as small as these, faster than moving windows about.
    """
    n, _, h, w = x.shape
    k = len(weights)
    matrix = np.append(weights.ravel(), np.float32(0))[_taps(weights.shape, h, w)]
    return (x.reshape(n, -1) @ matrix).reshape(n, k, h, w) + bias[:, None, None]


@lru_cache(maxsize=4)
def _taps(shape: tuple[int, ...], h: int, w: int) -> NDArray[np.intp]:
    """Which weight (the last: none) joins each input to each output: shape (c h w, k h w)."""
    k, c, _, _ = shape
    out, inn, y, x, v, u = np.ix_(range(k), range(c), range(h), range(w), range(h), range(w))
    dy, dx = v - y + KERNEL // 2, u - x + KERNEL // 2
    inside = (dy >= 0) & (dy < KERNEL) & (dx >= 0) & (dx < KERNEL)
    tap = np.where(inside, ((out * c + inn) * KERNEL + dy) * KERNEL + dx, k * c * KERNEL**2)
    return tap.transpose(1, 4, 5, 0, 2, 3).reshape(c * h * w, k * h * w)


def _pool(x: Floats) -> Floats:
    """Maximum of 2x2."""
    rows = np.maximum(x[:, :, ::2], x[:, :, 1::2])
    return np.maximum(rows[..., ::2], rows[..., 1::2])
