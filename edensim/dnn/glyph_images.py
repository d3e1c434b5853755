"""Images of ten glyphs, drawn with strokes: distorted, cluttered, shaded, in either polarity, with noise.

Made from a seed in seconds, with numpy alone. Not modelled: any real data set; a tolerance found here says nothing
about photographs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Line = list[tuple[float, float]]
GLYPHS: dict[str, list[Line]] = {  # polylines in [-1, 1] x [-1, 1]
    "triangle": [[(-0.9, 0.8), (0.9, 0.8), (0, -0.9), (-0.9, 0.8)]],
    "square": [[(-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8), (-0.8, -0.8)]],
    "plus": [[(-0.9, 0), (0.9, 0)], [(0, -0.9), (0, 0.9)]],
    "cross": [[(-0.8, -0.8), (0.8, 0.8)], [(-0.8, 0.8), (0.8, -0.8)]],
    "Z": [[(-0.8, -0.8), (0.8, -0.8), (-0.8, 0.8), (0.8, 0.8)]],
    "N": [[(-0.8, 0.8), (-0.8, -0.8), (0.8, 0.8), (0.8, -0.8)]],
    "T": [[(-0.8, -0.8), (0.8, -0.8)], [(0, -0.8), (0, 0.9)]],
    "H": [[(-0.7, -0.9), (-0.7, 0.9)], [(0.7, -0.9), (0.7, 0.9)], [(-0.7, 0), (0.7, 0)]],
    "C": [[(0.8, -0.8), (-0.7, -0.8), (-0.7, 0.8), (0.8, 0.8)]],
    "Y": [[(-0.8, -0.8), (0, 0), (0.8, -0.8)], [(0, 0), (0, 0.9)]],
}
CHUNK = 500  # images drawn at once
BLUR = 0.03  # width of a stroke's edge, in half images

Floats = NDArray[np.float64]


def draw_glyphs(
    count: int, seed: tuple[int, int], size: int = 16, noise: float = 0.06, clutter: int = 1
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images, uint8 (count, 1, size, size), and their labels.

    Parameters
    ----------
    seed : tuple of two int
        Another pair, other images; (s, 0) and (s, 1) are the training and test images of `glyphs(seed=s)`.
    noise : float
        Standard deviation of the noise of a pixel; white is 1.
    clutter : int
        Strokes that belong to no glyph.
    """
    rng = np.random.default_rng([*seed, 20190816])
    labels = rng.integers(0, len(GLYPHS), count)
    pixels = np.empty((count, 1, size, size), np.uint8)
    axis = (np.arange(size) + 0.5) * 2 / size - 1
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    table = _stroke_table()
    for i in range(0, count, CHUNK):
        part = labels[i : i + CHUNK]
        ends = _distort(table[part], rng)
        if clutter:
            ends = np.concatenate([ends, _clutter(len(part), clutter, rng)], 1)
        ink = 1 / (1 + np.exp((_distance(ends, grid) - rng.uniform(0.08, 0.16, (len(part), 1))) / BLUR))
        base, polarity = rng.uniform(0.3, 0.7, (len(part), 1)), rng.choice([-1, 1], (len(part), 1))
        contrast = rng.uniform(0.3, 0.5, (len(part), 1)) * polarity
        shade = rng.normal(0, 0.08, (len(part), 2)) @ grid.T
        image = base + shade + contrast * (ink - 0.3) + rng.normal(0, noise, ink.shape)
        pixels[i : i + CHUNK] = np.clip(np.rint(image * 255), 0, 255).reshape(-1, 1, size, size)
    return pixels, labels


def _stroke_table() -> Floats:
    """Strokes of every glyph, shape (glyphs, most strokes, 2 ends, 2); short ones repeat their last stroke."""
    strokes = [[s for line in lines for s in zip(line, line[1:], strict=False)] for lines in GLYPHS.values()]
    most = max(map(len, strokes))
    return np.array([s + s[-1:] * (most - len(s)) for s in strokes], np.float64)


def _distort(ends: Floats, rng: np.random.Generator) -> Floats:
    """Move every corner a little, then turn, shear, scale and shift the glyph as a whole."""
    count = len(ends)
    turn, shear = rng.uniform(-0.4, 0.4, count), rng.uniform(-0.25, 0.25, count)
    wide, high = rng.uniform(0.45, 0.8, (2, count))
    cos, sin = np.cos(turn), np.sin(turn)
    matrix = np.stack([cos * wide, -sin * high + shear * wide, sin * wide, cos * high], 1).reshape(count, 2, 2)
    bent = ends + rng.normal(0, 0.1, ends.shape)
    return np.einsum("nab,nseb->nsea", matrix, bent) + rng.uniform(-0.22, 0.22, (count, 1, 1, 2))


def _clutter(count: int, strokes: int, rng: np.random.Generator) -> Floats:
    middle, angle = rng.uniform(-1, 1, (count, strokes, 2)), rng.uniform(0, 2 * np.pi, (count, strokes))
    half = rng.uniform(0.15, 0.35, (count, strokes, 1)) * np.stack([np.cos(angle), np.sin(angle)], -1)
    return np.stack([middle - half, middle + half], 2)


def _distance(ends: Floats, grid: Floats) -> Floats:
    """Distance of every pixel to the nearest stroke, shape (images, pixels)."""
    start = ends[:, :, 0].astype(np.float32)
    along = (ends[:, :, 1] - ends[:, :, 0]).astype(np.float32)
    x, y = (grid[:, k].astype(np.float32) - start[..., k : k + 1] for k in (0, 1))
    dx, dy = along[..., :1], along[..., 1:]
    position = np.clip((x * dx + y * dy) / (dx * dx + dy * dy + 1e-6), 0, 1)
    square = (x - position * dx) ** 2 + (y - position * dy) ** 2
    return np.sqrt(square.min(1)).astype(np.float64)
