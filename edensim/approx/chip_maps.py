"""The voltage study's drawings of where rows fail: reading them, and what they say about groups of rows.

The files are not part of edensim: `spatial_locality/*.pdf` of CMU-SAFARI/DRAM-Voltage-Study (Chang et al., SIGMETRICS
2017), one drawing per module and VDD at tRCD = tRP = 10 ns and 20 C. A drawing has a column per bank and 107 or 108
lines; a line samples one group of 128 rows out of some 306, and its colour is the share of (row, test) pairs with a bit
error. Colours tell about 1 % of the largest share apart.

A share is read as that of the group's lines that fail in one test. Groups of one stripe of rows (those that fail in
the saturated drawings of vendor C, or the others) differ more than chance allows; two numbers say how. Neither looks
at the stripe, which is modelled apart:

- `correlation`: share of the variance of a line's latent strength (normal, as in `subarrays`) that the lines of a group
  have in common. Two lines of a group then fail together with Phi2(h, h; correlation), h = Phi^-1(mean share), which is
  the mean of the squared shares of a bank; solved bank by bank, where 3 to 97 % of the lines of the stripe fail.
- `own`: how much of this a bank has for itself: 1 - the correlation between the shares of two banks' groups.

Both are medians over banks (pairs of banks), then voltages, then modules: a handful of modules of every vendor.
"""

from __future__ import annotations

import math
import re
import zlib
from itertools import combinations
from pathlib import Path
from statistics import NormalDist, median

import numpy as np
from numpy.typing import NDArray

from edensim.errors import InputError

Floats = NDArray[np.float64]
BANKS = 8
UNREAD = ("B6", "volt1.050000")
"""The drawing that was saved by another program; it has next to no errors."""
AXIS_PT = 77.83
"""Height of the colour bar, on which its labels lie."""
LABEL = re.compile(rb"(\S+) Td\s+\((\d(?:\\056|[.])\d+)\) Tj")
MOST_BYTES = 1 << 22
"""Of a part of a drawing, unpacked; whole drawings have less, and what is longer is cut off and refused."""
USUAL = (0.03, 0.97)
"""Shares of a bank from which its groups can be told apart."""
_NORMAL = NormalDist()
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)


def read_map(path: str | Path) -> Floats:
    """Shares of failing rows of one drawing: float64, shape (groups of rows, banks).

    Raises
    ------
    InputError
        If the file is missing or not such a drawing.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    try:
        images, text = _contents(content)
        picture, bar = ([image for width, image in images if width in widths][0] for widths in ((227, 228), (6,)))
        labels = [(float(y), float(label.replace(rb"\056", b"."))) for y, label in LABEL.findall(text)]
        (low, first), (high, last) = (labels[0], labels[-1]) if labels else ((0.0, 0.0), (1.0, 0.0))  # none: no errors
        most = (last - first) / (high - low) * AXIS_PT
    except (IndexError, ValueError, ZeroDivisionError, zlib.error):
        raise InputError(f"{path}: expected a drawing of CMU-SAFARI/DRAM-Voltage-Study, spatial_locality") from None
    colours = bar[:, 3][bar[:, 3, 3] > 0, :3].astype(int)
    centres = (1.43 + (np.arange(BANKS) + 0.5) * 28.45).astype(int)
    drawn = picture[:, centres]
    drawn = drawn[drawn[:, 0, 3] > 0, :, :3].astype(int)
    nearest = np.abs(drawn[:, :, None] - colours).sum(3).argmin(2)
    return np.asarray(most * (len(colours) - 1 - nearest) / (len(colours) - 1))


def read_maps(folder: str | Path) -> dict[tuple[str, float], Floats]:
    """All drawings in `spatial_locality` below a folder, by module and VDD in V, but one that has another form.

    Raises
    ------
    InputError
        If the folder has none, or a file is not such a drawing.
    """
    maps = {}
    for path in sorted((Path(folder) / "spatial_locality").glob("*.pdf")):
        module, *_, volt = path.stem.split("_")
        if (module, volt) != UNREAD:
            maps[module, float(volt.removeprefix("volt"))] = read_map(path)
    if not maps:
        raise InputError(f"{folder}: expected a folder spatial_locality with drawings of CMU-SAFARI/DRAM-Voltage-Study")
    return maps


def weak_stripe(maps: dict[tuple[str, float], Floats], groups: int) -> NDArray[np.bool_]:
    """Which of so many groups lie in the stripe that fails, by drawings in which just half of vendor C's groups do."""
    saturated = [shares > 0.5 for (name, _), shares in maps.items() if name[0] == "C" and len(shares) == groups]
    full = [fails for fails in saturated if (fails == fails[:, :1]).all() and 0.45 < fails.mean() < 0.55]
    return np.asarray(np.mean([fails[:, 0] for fails in full], axis=0) > 0.5)


def vendor_rows(maps: dict[tuple[str, float], Floats], vendor: str) -> tuple[float, float, int]:
    """`correlation` and `own` of a vendor's modules (see the module docstring), and how many modules tell.

    Parameters
    ----------
    maps : dict
        Drawings (`read_map`) by module ("C7") and VDD in V.
    vendor : str
        A, B or C.
    """
    modules: dict[str, list[tuple[float, float]]] = {}
    for (name, _), shares in maps.items():
        if name[0] != vendor or shares.max() < USUAL[0]:
            continue
        stripe = shares[weak_stripe(maps, len(shares))]
        mean = stripe.mean(0)
        usual = np.flatnonzero((mean > USUAL[0]) & (mean < USUAL[1]))
        if len(usual) > 1:
            together = [latent_correlation(mean[b], float((stripe[:, b] ** 2).mean())) for b in usual]
            alike = [float(np.corrcoef(stripe[:, a], stripe[:, b])[0, 1]) for a, b in combinations(usual, 2)]
            modules.setdefault(name, []).append((median(together), 1 - median(alike)))
    found = np.array([np.median(values, axis=0) for values in modules.values()])
    correlation, own = np.median(found, axis=0)
    return float(correlation), float(own), len(found)


def latent_correlation(share: float, both: float) -> float:
    """Correlation (0 … 0.999) of normal strengths with which two of a share fail together with probability `both`."""
    low, high, h = 0.0, 0.999, _NORMAL.inv_cdf(share)
    for _ in range(40):
        middle = (low + high) / 2
        if both_fail(h, middle) < both:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def both_fail(h: float, correlation: float) -> float:
    """Probability that two normal numbers of a correlation below 1 both lie below h."""
    end = math.asin(correlation)
    angle = end * (_NODES + 1) / 2
    inner = np.exp(-h * h * (1 - np.sin(angle)) / np.cos(angle) ** 2)
    return _NORMAL.cdf(h) ** 2 + float(end / 2 * (_WEIGHTS * inner).sum() / (2 * math.pi))


def _contents(content: bytes) -> tuple[list[tuple[int, NDArray[np.uint8]]], bytes]:
    """Images of a drawing (width; uint8, shape (lines, width, 4): colour and opacity), and all else that is drawn."""
    colours: list[NDArray[np.uint8]] = []
    opacities: list[NDArray[np.uint8]] = []
    text = []
    for part in content.split(b"endobj"):
        head, begin, body = part.partition(b"stream")
        if not begin:
            continue
        body = body.split(b"endstream")[0].strip(b"\r\n")
        plain = zlib.decompressobj().decompress(body, MOST_BYTES) if b"/FlateDecode" in head else body
        if b"/Subtype /Image" not in head:
            text.append(plain)
            continue
        width = int(re.findall(rb"/Width (\d+)", head)[0])
        depth = 3 if b"/DeviceRGB" in head else 1
        pixels = _unfiltered(plain, width * depth) if b"/Predictor" in head else np.frombuffer(plain, np.uint8)
        (colours if depth == 3 else opacities).append(pixels.reshape(-1, width, depth))
    if not opacities:
        opacities = [np.full_like(image[:, :, :1], 255) for image in colours]
    joined = [np.concatenate(pair, axis=2) for pair in zip(colours, opacities, strict=True)]
    return [(image.shape[1], image) for image in joined], b"\n".join(text)


def _unfiltered(data: bytes, line_bytes: int) -> NDArray[np.uint8]:
    """Bytes of an image of 3-byte colours, each line of which was stored as a difference, as PNG (RFC 2083, 6) does."""
    found, above = bytearray(), bytes(line_bytes)
    for start in range(0, len(data), line_bytes + 1):
        kind, line = data[start], bytearray(data[start + 1 : start + 1 + line_bytes])
        for i in range(line_bytes):
            left, corner = (line[i - 3], above[i - 3]) if i >= 3 else (0, 0)
            nearest = min((left, above[i], corner), key=lambda near: abs(left + above[i] - corner - near))
            line[i] = (line[i] + (0, left, above[i], (left + above[i]) // 2, nearest)[kind]) & 255
        found += line
        above = bytes(line)
    return np.frombuffer(bytes(found), np.uint8)
