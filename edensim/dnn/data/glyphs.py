"""Procedural images as a data set; how they are drawn: `edensim.dnn.glyph_images`.

Large enough to measure one percent of accuracy; hard enough that a small network is not at 100 %.
"""

from __future__ import annotations

from edensim.dnn.data.dataset import Data, array_data
from edensim.dnn.glyph_images import draw_glyphs


def glyphs(
    train: int = 20_000, test: int = 10_000, seed: int = 0, size: int = 16, noise: float = 0.06, clutter: int = 1
) -> Data:
    """Make the data set.

    Parameters
    ----------
    train, test : int
        Numbers of images.
    seed : int
        Another seed, other images.
    size : int
        Pixels per side.
    noise : float
        Standard deviation of the noise of a pixel; white is 1.
    clutter : int
        Strokes that belong to no glyph.
    """
    parts = [draw_glyphs(count, (seed, k), size, noise, clutter) for k, count in enumerate((train, test))]
    return array_data("glyphs", parts[0], parts[1], shift=1)
