"""Pruned variants of a network: the smallest weights of every layer are zero, and stay so in later trainings.

Each layer that reads weights loses the same share, by magnitude. The paper prunes by energy (Koppula et al., MICRO
2019, section 3.3, which finds no gain in tolerance); that order is not modelled, nor are storage formats that leave
zeros out: the zeros lie in memory like any other value, and are hit like any other.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from edensim.dnn.data.dataset import Data
from edensim.dnn.memory import READERS
from edensim.dnn.training import EpochRecord, Progress, Training, train
from edensim.errors import ConfigError


def prune(net: nn.Module, share: float) -> None:
    """Set the share of each layer's weights that is smallest in magnitude to zero, in place.

    Parameters
    ----------
    net : torch.nn.Module
    share : float
        0 ≤ share < 1.

    Raises
    ------
    ConfigError
        If the share is out of range, or no layer has weights.
    """
    if not 0 <= share < 1:
        raise ConfigError(f"share = {share:g}: expected the share of weights to remove, 0 ≤ share < 1")
    layers = [module for module in net.modules() if isinstance(module, READERS)]
    if not layers:
        raise ConfigError(f"{type(net).__name__} has no layer with weights to remove")
    with torch.no_grad():
        for layer in layers:
            weight = layer.weight
            smallest = weight.abs().flatten().argsort()[: round(share * weight.numel())]
            weight.view(-1)[smallest] = 0.0


def prune_and_train(
    net: nn.Module, data: Data, share: float, training: Training | None = None, progress: Progress | None = None
) -> list[EpochRecord]:
    """Prune a trained network in place and train what is left of it; what was removed stays zero.

    Raises
    ------
    ConfigError, InputError
        See `prune` and `train`.
    """
    prune(net, share)
    return train(net, data, replace(training or Training(), keep_zeros=True), progress=progress, name="pruned")
