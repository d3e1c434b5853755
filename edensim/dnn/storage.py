"""How tensors are stored: number format, ranges, and what happens to implausible values.

EDEN's choices (Koppula et al., MICRO 2019, sections 3.2 and 6.1) are `Storage.paper`; where the paper is silent there
is a field, and its default is the reading taken. Integers: symmetric linear quantisation per tensor, scale = largest
magnitude / (2^(b-1) - 1), codes within [-2^(b-1), 2^(b-1) - 1], two's complement, rounding half to even, int4 two to a
byte. fp32: the bits as they are, little-endian. Not modelled: scales per channel, zero points, other float formats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

from edensim.errors import ConfigError
from edensim.workloads import PRECISION_BITS

Precision = Literal["int4", "int8", "int16", "fp32"]
Kind = Literal["weights", "ifm", "constants"]
KINDS: tuple[Kind, ...] = ("weights", "ifm", "constants")


class Range(NamedTuple):
    """Bounds of the values of a tensor on error-free memory."""

    low: float
    high: float

    @property
    def largest(self) -> float:
        """Largest magnitude, never 0."""
        return max(abs(self.low), abs(self.high), 1e-12)


@dataclass(frozen=True)
class Storage:
    """Representation of tensors in memory.

    Attributes
    ----------
    precision : "int4", "int8", "int16" or "fp32"
    kinds : tuple of str
        What approximate memory holds: "weights", "ifm" (input maps of layers), "constants" (biases, parameters and
        statistics of batch norms; always as fp32). The rest is reliable.
    unsigned_maps : bool
        Maps that are never negative use all codes for their positive range (off in the paper).
    weight_clip : float
        Range of weights in units of their rms; larger ones are clipped. 0: the largest weight (the paper).
    map_quantile : float
        Range of maps as a quantile of the magnitudes seen, 0 … 1; larger ones are clipped. 1: the largest (the paper).
    correction : "zero", "saturate" or "none"
        What a value outside of its bounds becomes when it is read, fp32 only (integers cannot leave their range).
    bounds : "tensor", "kind" or "network"
        Over what bounds are learned. The paper speaks of "each data type" and of "DNN-specific" bounds.
    margin : float
        Bounds are the range seen times this.

    Raises
    ------
    ConfigError
        If a field is outside of its range.
    """

    precision: Precision = "int8"
    kinds: tuple[Kind, ...] = ("weights", "ifm")
    unsigned_maps: bool = False
    weight_clip: float = 0.0
    map_quantile: float = 1.0
    correction: Literal["zero", "saturate", "none"] = "zero"
    bounds: Literal["tensor", "kind", "network"] = "tensor"
    margin: float = 1.0

    def __post_init__(self) -> None:
        problems = []
        choices = {
            "precision": tuple(PRECISION_BITS), "correction": ("zero", "saturate", "none"),
            "bounds": ("tensor", "kind", "network"),
        }  # fmt: skip
        for name, known in choices.items():
            if getattr(self, name) not in known:
                problems.append(f"storage.{name} = {getattr(self, name)!r}: expected one of {', '.join(known)}")
        if unknown := [kind for kind in self.kinds if kind not in KINDS]:
            problems.append(f"storage.kinds holds {unknown[0]!r}: expected some of {', '.join(KINDS)}")
        if not 0 <= self.weight_clip < math.inf:
            problems.append(f"storage.weight_clip = {self.weight_clip}: expected a multiple of the rms, 0 for none")
        if not 0 < self.map_quantile <= 1:
            problems.append(f"storage.map_quantile = {self.map_quantile}: expected more than 0, at most 1")
        if self.precision == "fp32" and self.clips:
            problems.append("storage.precision = 'fp32' clips nothing: leave weight_clip at 0 and map_quantile at 1")
        if not 1 <= self.margin < math.inf:
            problems.append(f"storage.margin = {self.margin}: expected at least 1")
        if problems:
            raise ConfigError(problems)

    @classmethod
    def paper(cls, precision: Precision = "int8") -> Storage:
        """EDEN as published."""
        return cls(precision)

    @classmethod
    def best(cls, precision: Precision = "int8") -> Storage:
        """What tolerates most: integers clipped and unsigned where possible (clipping does not help fp32)."""
        if precision == "fp32":
            return cls(precision)
        return cls(precision, unsigned_maps=True, weight_clip=1.8, map_quantile=0.98)

    @property
    def bits(self) -> int:
        """Bits of a stored value."""
        return PRECISION_BITS[self.precision]

    @property
    def clips(self) -> bool:
        """Whether ranges are smaller than what occurs, so that training must see the clipping."""
        return self.weight_clip > 0 or self.map_quantile < 1


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor that approximate memory holds.

    `name` is that of its layer and kind, e.g. "conv1.weights" or "conv1.ifm"; `shape` for one image; `size_bytes` as
    stored; `range` what it was seen to hold.
    """

    name: str
    kind: Kind
    shape: tuple[int, ...]
    size_bytes: int
    range: Range
