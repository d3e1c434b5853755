"""MobileNetV2, width 1.0, with torchvision's parameter names, and its CIFAR-10 variant without two of its strides."""

from __future__ import annotations

from torch import Tensor, nn

from edensim.dnn.nets.blocks import conv_norm

# expansion, channels, repeats, stride of the first: Sandler et al., CVPR 2018, Table 2
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


class InvertedResidual(nn.Module):
    """1x1 up, 3x3 depthwise, 1x1 down; a shortcut where the shape stays."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        up = [nn.Sequential(*conv_norm(inputs, wide, 1, act=nn.ReLU6))] if expansion > 1 else []
        depthwise = nn.Sequential(*conv_norm(wide, wide, 3, stride, wide, act=nn.ReLU6))
        self.conv = nn.Sequential(*up, depthwise, *conv_norm(wide, outputs, 1, act=None))
        self.same = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C', H', W')."""
        return self.conv(x) + x if self.same else self.conv(x)


class MobileNetV2(nn.Module):
    """torchvision models/mobilenetv2.py; `cifar`: strides 1 in the stem and the 24-channel stage."""

    def __init__(self, classes: int = 1000, cifar: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Sequential(*conv_norm(3, 32, stride=1 if cifar else 2, act=nn.ReLU6))]
        before = 32
        for expansion, channels, repeats, stride in STAGES:
            first = 1 if cifar and channels == 24 else stride
            for i in range(repeats):
                layers.append(InvertedResidual(before, channels, first if i == 0 else 1, expansion))
                before = channels
        layers.append(nn.Sequential(*conv_norm(before, 1280, 1, act=nn.ReLU6)))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, classes))

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, H, W) to scores (N, classes)."""
        return self.classifier(self.features(x).mean((2, 3)))
