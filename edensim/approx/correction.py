"""Correction of implausible values (Koppula et al., MICRO 2019, sections 3.2 and 5): bounds per tensor.

Every value that is read is held against a lower and an upper bound; one outside is replaced by zero, which EDEN found
best, or by the nearest bound ("saturate"). NaN becomes zero. Bounds are inclusive.
"""

from __future__ import annotations

import math

import numpy as np

from edensim.approx import tables_kernel as kernel
from edensim.approx.element import Element
from edensim.approx.tables_kernel import Rule
from edensim.errors import ConfigError

CORRECTIONS = ("zero", "saturate")
INTEGERS = {
    "int4": (kernel.INT4, -8, 7),
    "int8": (kernel.INT8, -128, 127),
    "uint8": (kernel.UINT8, 0, 255),
    "int16": (kernel.INT16, -(1 << 15), (1 << 15) - 1),
    "uint16": (kernel.UINT16, 0, (1 << 16) - 1),
}
INFINITY = {"fp16": 0x7C00, "bf16": 0x7F80}


NO_RULE = Rule()


def make_rule(element: Element, bounds: tuple[float, float] | None, correction: str = "zero") -> Rule:
    """Rule for values of a format; no bounds: nothing is corrected.

    Bounds of 16-bit formats are rounded to the nearest number of the format; those of integers inwards.

    Raises
    ------
    ConfigError
        If bounds are NaN or in the wrong order, the correction is unknown, or the format has none (32-bit and wider
        integers, fp64).
    """
    if bounds is None:
        return NO_RULE
    low, high = map(float, bounds)
    if not low <= high:
        raise ConfigError(f"bounds = {low:g}, {high:g}: expected a lower and an upper bound, in this order")
    if correction not in CORRECTIONS:
        raise ConfigError(f"correction = {correction!r}: expected {' or '.join(CORRECTIONS)}")
    keep = correction == "saturate"
    if element.name in INTEGERS:
        kind, least, most = INTEGERS[element.name]
        lowest = max(math.ceil(low), least) if math.isfinite(low) else (least if low < 0 else most + 1)
        highest = min(math.floor(high), most) if math.isfinite(high) else (most if high > 0 else least - 1)
        if lowest > highest:
            raise ConfigError(f"bounds = {low:g}, {high:g}: no number of {element.name} lies between them")
        return Rule(kind, lowest, highest, lowest if keep else 0, highest if keep else 0)
    if element.name == "fp32":
        first, last, none = np.float32(low), np.float32(high), np.float32(0)
        return Rule(kernel.FP32, 0, 0, 0, 0, 0, first, last, first if keep else none, last if keep else none)
    if element.name in INFINITY:
        patterns = [_pattern(element.name, x) for x in (low, high)]
        # A lower bound of 0 lets -0 pass, as comparing numbers would.
        keys = [x ^ ((x >> 15) & 0x7FFF) for x in patterns]
        keys[0] = -1 if keys[0] == 0 else keys[0]
        keys[1] = 0 if keys[1] == -1 else keys[1]
        below, above = patterns if keep else (0, 0)
        return Rule(kernel.FLOAT16, keys[0], keys[1], below, above, INFINITY[element.name])
    raise ConfigError(
        f"values of {element.name} cannot be held against bounds; expected int4 … int16, fp16, bf16, fp32"
    )


def _pattern(name: str, value: float) -> int:
    """Bits of a 16-bit floating point number as a signed integer."""
    with np.errstate(over="ignore"):
        if name == "fp16":
            return int(np.float16(value).view(np.int16))
        bits = int(np.float32(value).view(np.uint32))
    if math.isfinite(value):
        bits += 0x7FFF + ((bits >> 16) & 1)  # round to nearest, ties to even
    return int(np.uint16(bits >> 16).view(np.int16))
