"""DenseNet-121/169/201, growth 32, with torchvision's parameter names. Not modelled: dropout (torchvision's is 0)."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from edensim.dnn.nets.blocks import MaxPool2d

BLOCKS = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}
GROWTH = 32


class DenseLayer(nn.Module):
    """Norm, 1x1, norm, 3x3 on everything before, joined."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.norm1, self.relu1 = nn.BatchNorm2d(inputs), nn.ReLU()
        self.conv1 = nn.Conv2d(inputs, 4 * GROWTH, 1, bias=False)
        self.norm2, self.relu2 = nn.BatchNorm2d(4 * GROWTH), nn.ReLU()
        self.conv2 = nn.Conv2d(4 * GROWTH, GROWTH, 3, padding=1, bias=False)

    def forward(self, parts: list[Tensor]) -> Tensor:
        """Maps (N, C_i, H, W) to (N, GROWTH, H, W)."""
        x = self.conv1(self.relu1(self.norm1(torch.cat(parts, 1))))
        return self.conv2(self.relu2(self.norm2(x)))


class DenseBlock(nn.Module):
    """Layers that each read the outputs of all layers before."""

    def __init__(self, inputs: int, count: int) -> None:
        super().__init__()
        for i in range(count):
            self.add_module(f"denselayer{i + 1}", DenseLayer(inputs + i * GROWTH))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C + layers * GROWTH, H, W)."""
        parts = [x]
        for layer in self.children():
            parts.append(layer(parts))
        return torch.cat(parts, 1)


class DenseNet(nn.Module):
    """Huang et al., CVPR 2017, Table 1, as torchvision models/densenet.py has it; 3x224x224."""

    def __init__(self, depth: int, classes: int = 1000) -> None:
        super().__init__()
        stem = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        parts = OrderedDict[str, nn.Module](
            conv0=stem, norm0=nn.BatchNorm2d(64), relu0=nn.ReLU(), pool0=MaxPool2d(3, 2, 1)
        )
        channels = 64
        for index, count in enumerate(BLOCKS[depth], 1):
            parts[f"denseblock{index}"] = DenseBlock(channels, count)
            channels += count * GROWTH
            if index < len(BLOCKS[depth]):
                parts[f"transition{index}"] = _transition(channels)
                channels //= 2
        parts["norm5"] = nn.BatchNorm2d(channels)
        self.features, self.relu = nn.Sequential(parts), nn.ReLU()
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, H, W) to scores (N, classes)."""
        return self.classifier(self.relu(self.features(x)).mean((2, 3)))


def _transition(channels: int) -> nn.Module:
    conv = nn.Conv2d(channels, channels // 2, 1, bias=False)
    return nn.Sequential(OrderedDict(norm=nn.BatchNorm2d(channels), relu=nn.ReLU(), conv=conv, pool=nn.AvgPool2d(2)))
