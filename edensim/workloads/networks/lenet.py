"""LeNet: Caffe's version (EDEN's size, 1x28x28), the same on 3x32x32, and LeNet-5 as taught, on 3x32x32."""

from __future__ import annotations

from edensim.workloads.builder import NetworkBuilder
from edensim.workloads.layer import Network


def lenet_caffe(name: str, channels: int, size: int) -> Network:
    """Caffe examples/mnist/lenet.prototxt on `channels` x `size` x `size` images."""
    b = NetworkBuilder(name, "Caffe examples/mnist/lenet.prototxt", per_filter=1)
    x = b.conv(b.input(channels, size, size), "conv1", 20, 5, pad=0)
    x = b.conv(b.pool(x, 2, 2), "conv2", 50, 5, pad=0)
    x = b.fc(b.pool(x, 2, 2), "ip1", 500)
    b.fc(x, "ip2", 10)
    return b.build()


def lenet5() -> Network:
    """LeNet-5 with full connections between its feature maps, 3x32x32."""
    b = NetworkBuilder("lenet5-3x32", "LeCun et al., Proc. IEEE 1998, with full conv2 connections", per_filter=1)
    x = b.conv(b.input(3, 32, 32), "conv1", 6, 5, pad=0)
    x = b.conv(b.pool(x, 2, 2), "conv2", 16, 5, pad=0)
    x = b.pool(x, 2, 2)
    for name, width in (("fc1", 120), ("fc2", 84), ("fc3", 10)):
        x = b.fc(x, name, width)
    return b.build()
