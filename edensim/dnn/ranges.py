"""Ranges of tensors on error-free memory: what quantisation scales by, and what bounds plausible values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from edensim.dnn.storage import Range
from edensim.dnn.where import evaluating
from edensim.errors import InputError

SAMPLED = 1 << 16  # values of a map kept per batch for its quantile


def range_of_values(values: Tensor) -> Range:
    """Smallest and largest value."""
    low, high = torch.aminmax(values.detach())
    return Range(float(low), float(high))


def range_of_weights(weight: Tensor, clip: float) -> Range:
    """Smallest and largest weight, or +-`clip` times their rms if that is less."""
    seen = range_of_values(weight)
    if not clip:
        return seen
    limit = min(seen.largest, clip * float(weight.detach().square().mean().sqrt()))
    return Range(-limit, limit)


def union(ranges: Sequence[Range]) -> Range:
    """The range that holds all of them."""
    return Range(min((r.low for r in ranges), default=0.0), max((r.high for r in ranges), default=0.0))


@torch.no_grad()
def measure_maps(
    net: nn.Module, readers: dict[str, nn.Module], batches: Iterable[Any], quantile: float
) -> dict[str, tuple[Range, tuple[int, ...]]]:
    """Range and shape (one image) of the input of every reader that runs, by name.

    Parameters
    ----------
    net : torch.nn.Module
        Is put into evaluation mode meanwhile.
    readers : dict of str to torch.nn.Module
        Modules whose first input is looked at.
    batches : iterable
        Inputs of the network.
    quantile : float
        Range of magnitudes that is kept, 0 … 1; 1 keeps the largest.

    Raises
    ------
    InputError
        If an input holds NaN or infinite values, or there are no batches.
    """
    seen: dict[str, list[Range]] = {name: [] for name in readers}
    shapes: dict[str, tuple[int, ...]] = {}
    samples: dict[str, list[Tensor]] = {name: [] for name in readers}

    def watch(name: str) -> Any:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            x = args[0] if args else kwargs["input"]
            found = range_of_values(x)
            if not np.isfinite(found).all():
                raise InputError(f"{name} holds NaN or infinite values on error-free memory")
            seen[name].append(found)
            shapes[name] = tuple(x.shape[1:])
            if quantile < 1:
                samples[name].append(x.flatten()[:: (x.numel() // SAMPLED) | 1].abs())

        return hook

    handles = [m.register_forward_pre_hook(watch(name), with_kwargs=True) for name, m in readers.items()]
    try:
        with evaluating(net):
            count = sum(1 for batch in batches if net(batch) is not None)
    finally:
        for handle in handles:
            handle.remove()
    if not count:
        raise InputError("no images to learn the ranges of maps from")
    result = {}
    for name, shape in shapes.items():
        whole = union(seen[name])
        if quantile < 1:
            limit = float(np.quantile(torch.cat(samples[name]).cpu().numpy(), quantile))
            whole = Range(max(whole.low, -limit), min(whole.high, limit))
        result[name] = (whole, shape)
    return result
