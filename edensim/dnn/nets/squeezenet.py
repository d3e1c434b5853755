"""SqueezeNet 1.1 with torchvision's parameter names."""

from __future__ import annotations

from torch import Tensor, nn

from edensim.dnn.nets.blocks import Fire, MaxPool2d
from edensim.dnn.nets.classifier import Classifier


def squeezenet1_1(classes: int = 1000) -> nn.Module:
    """Iandola et al., 2016, as torchvision models/squeezenet.py has it; 3x224x224."""
    features: list[nn.Module] = [nn.Conv2d(3, 64, 3, 2), nn.ReLU()]
    before = 64
    for index, squeeze in enumerate((16, 16, 32, 32, 48, 48, 64, 64), 2):
        if index in (2, 4, 6):
            features.append(MaxPool2d(3, 2, ceil_mode=True))
        features.append(Fire(before, squeeze, 4 * squeeze))
        before = 8 * squeeze
    last = nn.Conv2d(before, classes, 1)
    classifier = nn.Sequential(nn.Dropout(), last, nn.ReLU(), nn.AdaptiveAvgPool2d(1))
    return SqueezeNet(nn.Sequential(*features), classifier)


class SqueezeNet(Classifier):
    """The classifier is a convolution and sees maps."""

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, H, W) to scores (N, classes)."""
        return self.classifier(self.features(x)).flatten(1)
