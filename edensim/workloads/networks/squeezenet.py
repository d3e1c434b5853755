"""SqueezeNet 1.1 (torchvision): fire modules, pools with ceil_mode."""

from __future__ import annotations

from edensim.workloads.builder import Feature, NetworkBuilder
from edensim.workloads.layer import Network

TORCHVISION = "torchvision models/squeezenet.py; Iandola et al., 2016"


def squeezenet1_1() -> Network:
    """Return SqueezeNet 1.1 for 3x224x224 images; the last convolution is the classifier."""
    b = NetworkBuilder("squeezenet1.1", TORCHVISION, per_filter=1)
    x = b.conv(b.input(3, 224, 224), "conv1", 64, 3, stride=2, pad=0)
    for index, squeeze in enumerate((16, 16, 32, 32, 48, 48, 64, 64), 2):
        if index in (2, 4, 6):
            x = b.pool(x, 3, 2, ceil=True)
        x = _fire(b, x, f"f{index}", squeeze, 4 * squeeze)
    b.conv(x, "conv10", 1000, 1)
    return b.build()


def _fire(b: NetworkBuilder, x: Feature, name: str, squeeze: int, expand: int) -> Feature:
    y = b.conv(x, f"{name}.sq", squeeze, 1)
    return b.concat(b.conv(y, f"{name}.e1", expand, 1), b.conv(y, f"{name}.e3", expand, 3))
