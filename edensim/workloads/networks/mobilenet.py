"""MobileNetV2, width 1.0: torchvision's ImageNet definition, and the CIFAR-10 variant without its first two strides."""

from __future__ import annotations

from edensim.workloads.builder import Feature, NetworkBuilder
from edensim.workloads.layer import Network

TORCHVISION = "torchvision models/mobilenetv2.py; Sandler et al., CVPR 2018, Table 2"
# expansion, channels, repeats, stride of the first
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def mobilenetv2() -> Network:
    """Return MobileNetV2 for 3x224x224 images and 1000 classes."""
    b = NetworkBuilder("mobilenetv2", TORCHVISION, per_filter=2)
    x = b.conv(b.input(3, 224, 224), "conv0", 32, 3, stride=2)
    return _body(b, x, late_stride=2, classes=1000)


def mobilenetv2_cifar10() -> Network:
    """Return MobileNetV2 for 3x32x32 images and ten classes."""
    b = NetworkBuilder("mobilenetv2-cifar10", f"{TORCHVISION}; strides for CIFAR-10", per_filter=2)
    x = b.conv(b.input(3, 32, 32), "conv0", 32, 3)
    return _body(b, x, late_stride=1, classes=10)


def _body(b: NetworkBuilder, x: Feature, late_stride: int, classes: int) -> Network:
    index = 0
    for expansion, channels, repeats, stride in STAGES:
        first = late_stride if channels == 24 else stride
        for i in range(repeats):
            x = _inverted_residual(b, x, f"b{index}", expansion, channels, first if i == 0 else 1)
            index += 1
    x = b.conv(x, "conv_last", 1280, 1)
    b.fc(b.global_pool(x), "fc", classes)
    return b.build()


def _inverted_residual(b: NetworkBuilder, x: Feature, name: str, expansion: int, channels: int, stride: int) -> Feature:
    wide = x.C * expansion
    y = b.conv(x, f"{name}.exp", wide, 1) if expansion > 1 else x
    y = b.conv(y, f"{name}.dw", wide, 3, stride, groups=wide)
    y = b.conv(y, f"{name}.proj", channels, 1)
    return b.add(y, x) if stride == 1 and channels == x.C else y
