"""The bit error rate of every training step.

EDEN raises the rate step-wise from 0 to the target, one step every two epochs (Koppula et al., MICRO 2019, section
3.2); how large a step is, is not said. `linear` is our reading: equal steps, the first level 0, the last the target.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from edensim.errors import ConfigError

Shape = Literal["linear", "log", "spread", "at_once"]
SHAPES: tuple[Shape, ...] = ("linear", "log", "spread", "at_once")
PER_DECADE = 16  # drawn rates are rounded to so many per decade, so that memories can be kept and used again


@dataclass(frozen=True)
class Curriculum:
    """Rates over the course of a training.

    Attributes
    ----------
    target : float
        Bit error rate at the end, 0 … 0.5; 0 trains without errors (the control).
    shape : "linear", "log", "spread" or "at_once"
        Equal steps from 0; equal factors `ratio`; a rate drawn for every step, log-uniform in the decade below a level
        that rises to the target within the first 30 % of the steps (last fifth: half a decade below the target); the
        target all the time.
    epochs_per_step : int
        Epochs on a level (`linear`, `log`).
    ratio : float
        Factor between levels (`log`).

    Raises
    ------
    ConfigError
        If a field is outside of its range.
    """

    target: float
    shape: Shape = "linear"
    epochs_per_step: int = 2
    ratio: float = 10**0.25

    def __post_init__(self) -> None:
        problems = []
        if not 0 <= self.target < 0.5:
            problems.append(f"target = {self.target}: expected a bit error rate from 0 to less than 0.5")
        if self.shape not in SHAPES:
            problems.append(f"curriculum = {self.shape!r}: expected one of {', '.join(SHAPES)}")
        if self.epochs_per_step < 1:
            problems.append(f"epochs_per_step = {self.epochs_per_step}: expected at least 1")
        if not 1 < self.ratio < math.inf:
            problems.append(f"ratio = {self.ratio}: expected more than 1")
        if problems:
            raise ConfigError(problems)

    def rate(self, step: int, steps_per_epoch: int, epochs: int, rng: np.random.Generator) -> float:
        """Bit error rate of step 0, 1, … `steps_per_epoch` * `epochs` - 1; `rng` belongs to this step."""
        if self.shape == "at_once" or not self.target:
            return self.target
        if self.shape == "spread":
            return self._drawn(step / (steps_per_epoch * epochs), float(rng.random()))
        levels = -(-epochs // self.epochs_per_step)
        level = step // (steps_per_epoch * self.epochs_per_step)
        if self.shape == "linear":
            return self.target * level / (levels - 1) if levels > 1 else self.target
        return self.target * self.ratio ** float(level - (levels - 1))

    def _drawn(self, progress: float, share: float) -> float:
        if progress < 0.8:
            rate = self.target * min(1.0, 0.1 + 3 * progress) * 0.1**share
        else:
            rate = self.target * 0.1 ** (0.5 * share)
        return float(10 ** (round(math.log10(rate) * PER_DECADE) / PER_DECADE))
