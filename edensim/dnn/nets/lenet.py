"""LeNet: Caffe's version (EDEN's size) and LeNet-5 as taught. Not modelled: LeCun's sparse connections and tanh."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from edensim.dnn.nets.blocks import MaxPool2d


def lenet_caffe(channels: int, size: int) -> nn.Module:
    """Caffe examples/mnist/lenet.prototxt: its only activation is the one behind ip1."""
    side = ((size - 4) // 2 - 4) // 2
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(channels, 20, 5),
            pool1=MaxPool2d(2),
            conv2=nn.Conv2d(20, 50, 5),
            pool2=MaxPool2d(2),
            flat=nn.Flatten(),
            ip1=nn.Linear(50 * side**2, 500),
            relu1=nn.ReLU(),
            ip2=nn.Linear(500, 10),
        )
    )


def lenet5() -> nn.Module:
    """LeNet-5 on 3x32x32 with full connections and ReLU."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 6, 5),
            relu1=nn.ReLU(),
            pool1=MaxPool2d(2),
            conv2=nn.Conv2d(6, 16, 5),
            relu2=nn.ReLU(),
            pool2=MaxPool2d(2),
            flat=nn.Flatten(),
            fc1=nn.Linear(400, 120),
            relu3=nn.ReLU(),
            fc2=nn.Linear(120, 84),
            relu4=nn.ReLU(),
            fc3=nn.Linear(84, 10),
        )
    )
