"""AlexNet: the one-tower version (torchvision; EDEN's size) and the original with two groups (which Eyeriss runs)."""

from __future__ import annotations

from edensim.workloads.builder import Feature, NetworkBuilder
from edensim.workloads.layer import Network


def alexnet() -> Network:
    """One tower, 3x224x224."""
    b = NetworkBuilder("alexnet", "torchvision models/alexnet.py; Krizhevsky, 2014 (arXiv:1404.5997)", per_filter=1)
    x = b.conv(b.input(3, 224, 224), "conv1", 64, 11, stride=4, pad=2)
    x = b.conv(b.pool(x, 3, 2), "conv2", 192, 5)
    x = b.conv(b.pool(x, 3, 2), "conv3", 384, 3)
    x = b.conv(x, "conv4", 256, 3)
    x = b.conv(x, "conv5", 256, 3)
    return _classifier(b, x)


def alexnet_grouped() -> Network:
    """Return the original two groups in conv2, conv4 and conv5, 3x227x227."""
    b = NetworkBuilder("alexnet-grouped", "Krizhevsky et al., NIPS 2012; Caffe bvlc_alexnet", per_filter=1)
    x = b.conv(b.input(3, 227, 227), "conv1", 96, 11, stride=4, pad=0)
    x = b.conv(b.pool(x, 3, 2), "conv2", 256, 5, groups=2)
    x = b.conv(b.pool(x, 3, 2), "conv3", 384, 3)
    x = b.conv(x, "conv4", 384, 3, groups=2)
    x = b.conv(x, "conv5", 256, 3, groups=2)
    return _classifier(b, x)


def _classifier(b: NetworkBuilder, x: Feature) -> Network:
    x = b.pool(x, 3, 2)
    for name, width in (("fc6", 4096), ("fc7", 4096), ("fc8", 1000)):
        x = b.fc(x, name, width)
    return b.build()
