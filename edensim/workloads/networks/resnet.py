"""ResNet-18/34/50/101/152: torchvision's definition (stride on the 3x3 of a bottleneck) and EDEN's for CIFAR-10.

The CIFAR-10 variant has the common 3x3 stride-1 stem without pooling and ten classes; its size is what EDEN lists.
"""

from __future__ import annotations

from edensim.workloads.builder import Feature, NetworkBuilder
from edensim.workloads.layer import Network

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
TORCHVISION = "torchvision models/resnet.py; He et al., CVPR 2016"


def resnet(depth: int) -> Network:
    """ImageNet ResNet of 18, 34, 50, 101 or 152 layers."""
    b = NetworkBuilder(f"resnet{depth}", TORCHVISION, per_filter=2)
    x = b.conv(b.input(3, 224, 224), "conv1", 64, kernel=7, stride=2)
    return _stages(b, b.pool(x, 3, 2, pad=1), depth, classes=1000)


def resnet_cifar10(depth: int) -> Network:
    """Return the torchvision body behind a 3x3 stem, for 3x32x32 images and ten classes."""
    b = NetworkBuilder(f"resnet{depth}-cifar10", f"{TORCHVISION}; 3x3 stem for CIFAR-10 (EDEN Table 1)", per_filter=2)
    return _stages(b, b.conv(b.input(3, 32, 32), "conv1", 64, kernel=3), depth, classes=10)


def _stages(b: NetworkBuilder, x: Feature, depth: int, classes: int) -> Network:
    block = _bottleneck if depth >= 50 else _basic
    for stage, count in enumerate(BLOCKS[depth], 1):
        for i in range(count):
            stride = 2 if stage > 1 and i == 0 else 1
            x = block(b, x, f"l{stage}.{i}", 32 << stage, stride)
    b.fc(b.global_pool(x), "fc", classes)
    return b.build()


def _basic(b: NetworkBuilder, x: Feature, name: str, width: int, stride: int) -> Feature:
    y = b.conv(x, f"{name}.c1", width, 3, stride)
    y = b.conv(y, f"{name}.c2", width, 3)
    return b.add(y, _shortcut(b, x, name, width, stride))


def _bottleneck(b: NetworkBuilder, x: Feature, name: str, width: int, stride: int) -> Feature:
    y = b.conv(x, f"{name}.c1", width, 1)
    y = b.conv(y, f"{name}.c2", width, 3, stride)
    y = b.conv(y, f"{name}.c3", 4 * width, 1)
    return b.add(y, _shortcut(b, x, name, 4 * width, stride))


def _shortcut(b: NetworkBuilder, x: Feature, name: str, channels: int, stride: int) -> Feature:
    if stride == 1 and channels == x.C:
        return x
    return b.conv(x, f"{name}.ds", channels, 1, stride)
