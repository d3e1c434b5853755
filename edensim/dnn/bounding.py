"""Bounding activations: ReLU6 (Krizhevsky, 2010) where it fits, as what is bounded keeps errors small."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from edensim.dnn.where import device_of, evaluating
from edensim.errors import ConfigError

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


def bound_activations(net: nn.Module, images: Iterable[Tensor]) -> list[str]:
    """Replace `ReLU` modules of a network by `ReLU6`, in place, where at most a tenth of their outputs exceed 6.

    Others work on another scale, as the last layers of networks without normalisation do; there 6 would cut what the
    network tells by. Only modules are seen, no calls of functions.

    Parameters
    ----------
    net : torch.nn.Module
    images : iterable of torch.Tensor
        Batches of its input; outputs are looked at without errors.

    Returns
    -------
    list of str
        Names of the modules that were replaced, for `bound_at`.
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
    fit = {module for module, outputs in kept.items() if outputs.seen and outputs.above <= MOST_BOUNDED * outputs.seen}
    names = [name for name, module in net.named_modules(remove_duplicate=False) if module in fit]
    bound_at(net, names)
    return names


def bound_at(net: nn.Module, names: Iterable[str]) -> None:
    """Replace these modules by `ReLU6`, in place; those that are one stay as they are.

    Raises
    ------
    ConfigError
        If one of them is missing, or neither `ReLU` nor `ReLU6`.
    """
    for name in names:
        parent, _, own = name.rpartition(".")
        try:
            home = net.get_submodule(parent)
            found = home.get_submodule(own)
        except AttributeError:
            raise ConfigError(
                f"{type(net).__name__} has no module {name!r} that ReLU6 could take the place of"
            ) from None
        if type(found) not in (nn.ReLU, nn.ReLU6):
            raise ConfigError(f"{name} of {type(net).__name__} is a {type(found).__name__}; expected ReLU, or ReLU6")
        if type(found) is nn.ReLU:
            setattr(home, own, nn.ReLU6())


def bounded(net: nn.Module) -> list[str]:
    """Names of the modules that are `ReLU6`."""
    return [name for name, module in net.named_modules(remove_duplicate=False) if type(module) is nn.ReLU6]
