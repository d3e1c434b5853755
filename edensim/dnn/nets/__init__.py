"""Networks as torch modules: small ones to train here, and the paper's full ones, which take a user's weights.

A full network bears the name of its table in `edensim.workloads` and has its shapes and parameters. Weights are random
until some are loaded; parameter names are torchvision's where torchvision has the network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from edensim.dnn.nets.alexnet import alexnet
from edensim.dnn.nets.densenet import DenseNet
from edensim.dnn.nets.lenet import lenet5, lenet_caffe
from edensim.dnn.nets.mobilenet import MobileNetV2
from edensim.dnn.nets.resnet import ResNet
from edensim.dnn.nets.small import lenet_small, mobilenet_small, resnet_small, squeezenet_small, vgg_small
from edensim.dnn.nets.squeezenet import squeezenet1_1
from edensim.dnn.nets.vgg import vgg, vgg16_cifar10
from edensim.dnn.nets.yolo import YoloV3, YoloV3Tiny
from edensim.errors import ConfigError, did_you_mean

IMAGENET, CIFAR = (3, 224, 224), (3, 32, 32)


@dataclass(frozen=True, slots=True)
class NetEntry:
    """How to make a network, and the shape (C, H, W) of the images it takes."""

    make: Callable[[], nn.Module]
    shape: tuple[int, int, int]


FULL: dict[str, NetEntry] = {
    "alexnet": NetEntry(alexnet, IMAGENET),
    **{f"densenet{d}": NetEntry(partial(DenseNet, d), IMAGENET) for d in (121, 169, 201)},
    "lenet": NetEntry(partial(lenet_caffe, 1, 28), (1, 28, 28)),
    "lenet-3x32": NetEntry(partial(lenet_caffe, 3, 32), CIFAR),
    "lenet5-3x32": NetEntry(lenet5, CIFAR),
    "mobilenetv2": NetEntry(MobileNetV2, IMAGENET),
    "mobilenetv2-cifar10": NetEntry(partial(MobileNetV2, 10, cifar=True), CIFAR),
    **{f"resnet{d}": NetEntry(partial(ResNet, d), IMAGENET) for d in (18, 34, 50, 101, 152)},
    "resnet101-cifar10": NetEntry(partial(ResNet, 101, 10, cifar=True), CIFAR),
    "squeezenet1.1": NetEntry(squeezenet1_1, IMAGENET),
    **{f"vgg{d}": NetEntry(partial(vgg, d), IMAGENET) for d in (11, 13, 16, 19)},
    "vgg16-cifar10": NetEntry(vgg16_cifar10, CIFAR),
    "yolov3": NetEntry(YoloV3, (3, 416, 416)),
    "yolov3-tiny": NetEntry(YoloV3Tiny, (3, 416, 416)),
}
SMALL: dict[str, Callable[..., nn.Module]] = {
    "lenet-small": lenet_small,
    "mobilenet-small": mobilenet_small,
    "resnet-small": resnet_small,
    "squeezenet-small": squeezenet_small,
    "vgg-small": vgg_small,
}


def make_net(name: str, seed: int = 0, shape: tuple[int, int, int] = (1, 16, 16), classes: int = 10) -> nn.Module:
    """Make a network with random weights that follow from `seed`.

    Parameters
    ----------
    name : str
        A key of `SMALL` or `FULL`.
    seed : int
        Seed of torch's generator while the weights are drawn; the generator is left as it was.
    shape, classes
        Images (C, H, W) and classes of a small network. A full network has its own.

    Raises
    ------
    ConfigError
        If there is no such network, or images are not square with a side that is a multiple of 8.
    """
    if name not in SMALL and name not in FULL:
        hint = did_you_mean(name, [*SMALL, *FULL], f"there are {', '.join(sorted([*SMALL, *FULL]))}")
        raise ConfigError(f"network {name!r} is not one that edensim can train or load weights into{hint}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if name in FULL:
            return FULL[name].make()
        channels, height, width = shape
        if height != width or height % 8 or not height:
            raise ConfigError(f"{name} takes square images with a side that is a multiple of 8, not {height}x{width}")
        return SMALL[name](channels, height, classes)
