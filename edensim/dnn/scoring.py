"""Accuracy, and how sure one can be of it.

With errors, all images of a batch meet one draw of the weights' errors, so images are not independent: the interval to
trust then is that over batches ("patterns"), each of which is a fresh draw. The binomial intervals (Wilson, exact) take
images as independent; they are right on reliable memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev
from typing import Literal

import torch
from torch import nn

from edensim.dnn.data.dataset import Split, parts, spread
from edensim.dnn.injected import FreshErrors
from edensim.dnn.memory import FaultyMemory
from edensim.dnn.reading import ErrorsAt
from edensim.dnn.where import device_of, evaluating, torch_threads
from edensim.errors import ConfigError


@dataclass(frozen=True)
class Accuracy:
    """Correct answers of every batch.

    `correct` and `images` are per batch, in order; batches may come from several repetitions.
    """

    correct: tuple[int, ...]
    images: tuple[int, ...]

    @property
    def value(self) -> float:
        """Share of correct answers."""
        return sum(self.correct) / sum(self.images)

    def __add__(self, other: Accuracy) -> Accuracy:
        """Both measurements together."""
        return Accuracy(self.correct + other.correct, self.images + other.images)

    def interval(
        self, method: Literal["wilson", "exact", "patterns"] = "wilson", confidence: float = 0.95
    ) -> tuple[float, float]:
        """Confidence interval of the accuracy.

        "patterns": over batches as independent draws, by Student's t; "exact": Clopper-Pearson.

        Raises
        ------
        ConfigError
            If `confidence` is not between 0 and 1, or there is but one pattern.
        """
        if not 0 < confidence < 1:
            raise ConfigError(f"confidence = {confidence}: expected between 0 and 1")
        total, good = sum(self.images), sum(self.correct)
        if method == "wilson":
            return wilson(good, total, confidence)
        if method == "exact":
            return clopper_pearson(good, total, confidence)
        if len(self.correct) < 2:
            raise ConfigError("an interval over patterns takes at least two batches")
        from scipy.stats import t

        shares = [c / n for c, n in zip(self.correct, self.images, strict=True)]
        count = len(shares)
        half = float(t.ppf(0.5 + confidence / 2, count - 1)) * stdev(shares) / math.sqrt(count)
        mean = fmean(shares)
        return max(0.0, mean - half), min(1.0, mean + half)


def wilson(good: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share (J. Am. Stat. Assoc. 22, 1927)."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = good / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return max(0.0, middle - half), min(1.0, middle + half)


def clopper_pearson(good: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact interval of a share (Biometrika 26, 1934)."""
    from scipy.stats import beta

    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, good, total - good + 1)) if good else 0.0
    high = float(beta.ppf(1 - tail, good + 1, total - good)) if good < total else 1.0
    return low, high


@torch.no_grad()
def accuracy(
    net: nn.Module,
    split: Split,
    memory: FaultyMemory | None = None,
    *,
    batch: int = 100,
    repeat: int = 0,
    images: int | None = None,
    threads: int = 1,
) -> Accuracy:
    """Share of images that the network puts into their class.

    Parameters
    ----------
    net : torch.nn.Module
        Gives scores (N, classes); is put into evaluation mode meanwhile.
    split : Split
    memory : FaultyMemory, optional
        Memory of this network to read from (default: none, floats on reliable memory).
    batch : int
        Images per pass: what one read of the weights serves. Smaller batches, more draws.
    repeat : int
        Another number, other draws of the errors.
    images : int, optional
        Measure so many, evenly spread (default: all).
    threads : int
        Threads of torch. Another number may round sums differently.
    """
    correct, counts = [], []
    device = device_of(net)
    if memory is not None:
        memory.rewind(repeat << 32)
    with evaluating(net), torch_threads(threads), memory or nullcontext():
        for part in parts(spread(len(split.labels), images), batch):
            right = net(split.images(part).to(device)).argmax(1).cpu().numpy() == split.labels[part]
            correct.append(int(right.sum()))
            counts.append(len(part))
    return Accuracy(tuple(correct), tuple(counts))


def under_errors(
    memory: FaultyMemory, split: Split, errors_at: ErrorsAt = FreshErrors, *, batch: int = 50, images: int | None = None
) -> Callable[[float, int], list[float]]:
    """Accuracy of the network above a memory as a function of the bit error rate, for `edensim.eden.tolerable_ber`.

    Parameters
    ----------
    memory : FaultyMemory
        Calibrated; its errors are replaced.
    split : Split
        Images to measure on.
    errors_at : callable
        Bit error rate -> errors.
    batch : int
        Images that one draw of the weights' errors serves.
    images : int, optional
        Measure so many, evenly spread (default: all).

    Returns
    -------
    callable
        (bit error rate, repeat) -> accuracy under each draw.
    """

    def measure(ber: float, repeat: int) -> list[float]:
        memory.errors = errors_at(ber)
        found = accuracy(memory.net, split, memory, batch=batch, repeat=repeat, images=images)
        return [c / n for c, n in zip(found.correct, found.images, strict=True)]

    return measure
