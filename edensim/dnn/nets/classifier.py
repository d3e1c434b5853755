"""The frame of torchvision's classifiers: `features`, flattened, then `classifier`."""

from __future__ import annotations

from torch import Tensor, nn


class Classifier(nn.Module):
    """Images (N, C, H, W) to scores (N, classes)."""

    def __init__(self, features: nn.Module, classifier: nn.Module) -> None:
        super().__init__()
        self.features, self.classifier = features, classifier

    def forward(self, x: Tensor) -> Tensor:
        """Scores, shape (N, classes)."""
        return self.classifier(self.features(x).flatten(1))
