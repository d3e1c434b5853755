"""How torch computes: device, threads, mode."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


def device_of(net: nn.Module) -> torch.device:
    """Device of a network's parameters."""
    return next((p.device for p in net.parameters()), torch.device("cpu"))


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use so many threads meanwhile: sums are rounded in an order that depends on it."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """A network in evaluation mode meanwhile."""
    training = net.training
    net.eval()
    try:
        yield
    finally:
        net.train(training)
