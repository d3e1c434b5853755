"""Bounding activations: ReLU6 (Krizhevsky, 2010) where it fits, as what is bounded keeps errors small."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from edensim.dnn.where import device_of, evaluating

MOST_BOUNDED = 0.1  # share of a ReLU's outputs that 6 may cut


@dataclass
class _Outputs:
    """Outputs of a `ReLU` that were seen, and how many were above 6."""

    seen: int = 0
    above: int = 0

    def see(self, module: nn.Module, inputs: Any, output: Tensor) -> None:
        """Count the outputs of a call."""
        self.seen += output.numel()
        self.above += int((output > 6).sum())


def bound_activations(net: nn.Module, images: Iterable[Tensor]) -> None:
    """Replace `ReLU` modules of a network by `ReLU6`, in place, where at most a tenth of their outputs exceed 6.

    Others work on another scale, as the last layers of networks without normalisation do; there 6 would cut what the
    network tells by. Only modules are seen, no calls of functions.

    Parameters
    ----------
    net : torch.nn.Module
    images : iterable of torch.Tensor
        Batches of its input; outputs are looked at without errors.
    """
    kept = {module: _Outputs() for module in net.modules() if type(module) is nn.ReLU}
    hooks = [module.register_forward_hook(outputs.see) for module, outputs in kept.items()]
    try:
        with torch.no_grad(), evaluating(net):
            for batch in images:
                net(batch.to(device_of(net)))
    finally:
        for hook in hooks:
            hook.remove()
    for module in list(net.modules()):
        for name, child in module._modules.items():
            if child in kept and kept[child].above <= MOST_BOUNDED * kept[child].seen:
                module._modules[name] = nn.ReLU6()
