"""AlexNet, one tower, with torchvision's parameter names. Not modelled: the original's two groups and local norms."""

from __future__ import annotations

from torch import nn

from edensim.dnn.nets.blocks import MaxPool2d
from edensim.dnn.nets.classifier import Classifier


def alexnet(classes: int = 1000) -> nn.Module:
    """Krizhevsky, 2014 (arXiv:1404.5997), as torchvision models/alexnet.py has it; 3x224x224."""
    features = nn.Sequential(
        nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), MaxPool2d(3, 2),
    )  # fmt: skip
    classifier = nn.Sequential(
        nn.Dropout(), nn.Linear(256 * 36, 4096), nn.ReLU(),
        nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, classes),
    )  # fmt: skip
    return Classifier(features, classifier)
