"""Whether a set of weights fits a network, with a report of shapes if it does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edensim.errors import InputError

SHOWN = 6  # differences listed
OPTIONAL = "num_batches_tracked"


def check_fit(net: nn.Module, weights: dict[str, NDArray[Any]], where: str) -> None:
    """Hold names and shapes of weights against a network's.

    Raises
    ------
    InputError
        If they differ; the message lists what is missing, what is unknown and what has another shape.
    """
    wanted = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    needed = [name for name in wanted if not name.endswith(OPTIONAL)]
    report = [f"{name}: is {weights[name].shape}, expected {wanted[name]}" for name in wanted
              if name in weights and weights[name].shape != wanted[name]]  # fmt: skip
    report += [f"{name}: missing, expected {wanted[name]}" for name in needed if name not in weights]
    report += [f"{name}: unknown, is {array.shape}" for name, array in weights.items() if name not in wanted]
    if report:
        same = sum(name in weights and weights[name].shape == wanted[name] for name in needed)
        rest = f"; and {len(report) - SHOWN} more" if len(report) > SHOWN else ""
        raise InputError(
            f"{where}: its weights do not fit {type(net).__name__}: {same} of {len(needed)} tensors do. "
            f"{'; '.join(report[:SHOWN])}{rest}"
        )
    for name, array in weights.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InputError(f"{where}: {name} holds NaN or infinite values")


def match_in_order(net: nn.Module, weights: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Give weights the names of the network's, first to first, second to second (for other naming habits)."""
    names = [name for name in net.state_dict() if not name.endswith(OPTIONAL)]
    arrays = [array for name, array in weights.items() if not name.endswith(OPTIONAL)]
    extra = {f"number {k}": array for k, array in enumerate(arrays[len(names) :], len(names))}
    return dict(zip(names, arrays, strict=False)) | extra


def fill(net: nn.Module, weights: dict[str, NDArray[Any]]) -> None:
    """Copy weights that fit into the network."""
    own = net.state_dict()
    with torch.no_grad():
        for name, array in weights.items():
            own[name].copy_(torch.from_numpy(np.array(array)))
