"""VGG-11/13/16/19 (torchvision, no batch norm) and VGG-16 for CIFAR-10 (batch norm, one fully connected layer)."""

from __future__ import annotations

from edensim.workloads.builder import Feature, NetworkBuilder
from edensim.workloads.layer import Network

TORCHVISION = "torchvision models/vgg.py; Simonyan and Zisserman, ICLR 2015, Table 1"
STAGES = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
CHANNELS = (64, 128, 256, 512, 512)


def vgg(depth: int) -> Network:
    """ImageNet VGG of 11, 13, 16 or 19 layers."""
    b = NetworkBuilder(f"vgg{depth}", TORCHVISION, per_filter=1)
    x = _convolutions(b, b.input(3, 224, 224), depth)
    for name, width in (("fc6", 4096), ("fc7", 4096), ("fc8", 1000)):
        x = b.fc(x, name, width)
    return b.build()


def vgg16_cifar10() -> Network:
    """Return VGG-16 for 3x32x32 images: convolutions with bias and batch norm, then one layer of ten classes."""
    b = NetworkBuilder("vgg16-cifar10", f"{TORCHVISION}; batch norm and a single fc for CIFAR-10", per_filter=3)
    b.fc(_convolutions(b, b.input(3, 32, 32), 16), "fc", 10)
    return b.build()


def _convolutions(b: NetworkBuilder, x: Feature, depth: int) -> Feature:
    for stage, (count, channels) in enumerate(zip(STAGES[depth], CHANNELS, strict=True), 1):
        for i in range(1, count + 1):
            x = b.conv(x, f"conv{stage}_{i}", channels, 3)
        x = b.pool(x, 2, 2)
    return x
