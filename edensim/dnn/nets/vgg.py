"""VGG-11/13/16/19 with torchvision's parameter names, and VGG-16 for CIFAR-10 (batch norm, one linear layer)."""

from __future__ import annotations

from torch import nn

from edensim.dnn.nets.blocks import MaxPool2d
from edensim.dnn.nets.classifier import Classifier

STAGES = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
CHANNELS = (64, 128, 256, 512, 512)


def vgg(depth: int) -> nn.Module:
    """Simonyan and Zisserman, ICLR 2015, Table 1; torchvision models/vgg.py without batch norm; 3x224x224."""
    classifier = nn.Sequential(
        nn.Linear(512 * 49, 4096), nn.ReLU(), nn.Dropout(),
        nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 1000),
    )  # fmt: skip
    return Classifier(_features(depth, norm=False), classifier)


def vgg16_cifar10() -> nn.Module:
    """Return VGG-16 for 3x32x32 images: batch norm behind every convolution, ten classes."""
    return Classifier(_features(16, norm=True), nn.Linear(512, 10))


def _features(depth: int, norm: bool) -> nn.Module:
    layers: list[nn.Module] = []
    before = 3
    for count, channels in zip(STAGES[depth], CHANNELS, strict=True):
        for _ in range(count):
            layers.append(nn.Conv2d(before, channels, 3, padding=1))
            layers += [nn.BatchNorm2d(channels), nn.ReLU()] if norm else [nn.ReLU()]
            before = channels
        layers.append(MaxPool2d(2))
    return nn.Sequential(*layers)
