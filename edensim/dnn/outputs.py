"""How many values the modules of a network put out: what PyTorch users see as its "forward/backward pass size"."""

from __future__ import annotations

import torch
from torch import nn

from edensim.dnn.nets import FULL
from edensim.dnn.nets.densenet import DenseBlock, DenseLayer

UNCOUNTED = (nn.Sequential, nn.ModuleList, DenseLayer, DenseBlock)
"""Containers, as torchsummary has it; torchvision's parts of DenseNet were such when EDEN was written (2019)."""


def output_values(network: str) -> int:
    """Values that all modules of a full network put out for one image, composed ones included.

    Shapes only: nothing is computed, no weights are made.
    """
    counts: list[int] = []
    with torch.device("meta"), torch.no_grad():
        net = FULL[network].make().eval()
        for module in net.modules():
            if module is not net and not isinstance(module, UNCOUNTED):
                module.register_forward_hook(lambda module, args, out: counts.append(out.numel()))
        net(torch.zeros(1, *FULL[network].shape))
    return sum(counts)
