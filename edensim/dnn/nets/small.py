"""Small networks that train in about a minute of one core on 16x16 images, one for each family the paper uses.

Not modelled: they are no scaled copies of the paper's networks, whose sizes are those of `edensim.dnn.nets.resnet` etc.
"""

from __future__ import annotations

from torch import nn

from edensim.dnn.nets.blocks import Fire, MaxPool2d, Residual, conv_norm


def lenet_small(channels: int = 1, size: int = 16, classes: int = 10) -> nn.Module:
    """Two 5x5 convolutions and three fully connected layers, no batch norm."""
    return nn.Sequential(
        nn.Conv2d(channels, 6, 5, padding=2), nn.ReLU(), MaxPool2d(2),
        nn.Conv2d(6, 16, 5, padding=2), nn.ReLU(), MaxPool2d(2),
        nn.Flatten(), nn.Linear(16 * (size // 4) ** 2, 120), nn.ReLU(),
        nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, classes),
    )  # fmt: skip


def resnet_small(channels: int = 1, size: int = 16, classes: int = 10) -> nn.Module:
    """Two residual blocks of 32 and 64 channels."""
    return nn.Sequential(
        *conv_norm(channels, 16), MaxPool2d(2), *_basic(16, 32, 1), *_basic(32, 64, 2), *_head(64, classes)
    )


def mobilenet_small(channels: int = 1, size: int = 16, classes: int = 10) -> nn.Module:
    """Four inverted residuals with depthwise convolutions."""
    return nn.Sequential(
        *conv_norm(channels, 16, stride=2, act=nn.ReLU6),
        _inverted(16, 24, 1), _inverted(24, 24, 1), _inverted(24, 32, 2), _inverted(32, 32, 1),
        *conv_norm(32, 64, 1, act=nn.ReLU6), *_head(64, classes),
    )  # fmt: skip


def vgg_small(channels: int = 1, size: int = 16, classes: int = 10) -> nn.Module:
    """Five 3x3 convolutions with batch norm in three stages, two fully connected layers."""
    return nn.Sequential(
        *conv_norm(channels, 12), *conv_norm(12, 12), MaxPool2d(2),
        *conv_norm(12, 24), *conv_norm(24, 24), MaxPool2d(2),
        *conv_norm(24, 48), MaxPool2d(2),
        nn.Flatten(), nn.Linear(48 * (size // 8) ** 2, 64), nn.ReLU(), nn.Linear(64, classes),
    )  # fmt: skip


def squeezenet_small(channels: int = 1, size: int = 16, classes: int = 10) -> nn.Module:
    """Three fire modules; the last convolution is the classifier. No batch norm."""
    return nn.Sequential(
        nn.Conv2d(channels, 24, 3, padding=1), nn.ReLU(), MaxPool2d(2),
        Fire(24, 8, 24), Fire(48, 12, 32), MaxPool2d(2), Fire(64, 16, 48),
        nn.Conv2d(96, classes, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip


def _basic(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    body = conv_norm(inputs, outputs, stride=stride) + conv_norm(outputs, outputs, act=None)
    same = inputs == outputs and stride == 1
    return [Residual(body, [] if same else conv_norm(inputs, outputs, 1, stride, act=None)), nn.ReLU()]


def _inverted(inputs: int, outputs: int, stride: int, expansion: int = 4) -> nn.Module:
    wide = inputs * expansion
    body = [
        *conv_norm(inputs, wide, 1, act=nn.ReLU6),
        *conv_norm(wide, wide, 3, stride, wide, act=nn.ReLU6),
        *conv_norm(wide, outputs, 1, act=None),
    ]
    return Residual(body, []) if inputs == outputs and stride == 1 else nn.Sequential(*body)


def _head(channels: int, classes: int) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)]
