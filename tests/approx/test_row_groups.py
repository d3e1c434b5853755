"""Groups of rows that differ: against plain Python, what banks share, and the drawings the numbers come from."""

from __future__ import annotations

import math
import zlib
from statistics import NormalDist

import numpy as np
import pytest

from edensim import rng
from edensim.approx import Rows, Uniform, chip_maps
from edensim.approx.region import PLAIN
from edensim.approx.row_groups import PARTS, kinds_of_strengths, spread_over_row_groups
from edensim.approx.subarrays import CLASSES
from edensim.errors import InputError
from tests.approx.reference import draw

LAW = Uniform(0.5, 0.01).law(PLAIN.geometry)


def some_rows(count=2000, seed=1):
    """Random rows of all banks."""
    random = np.random.default_rng(seed)
    geometry = PLAIN.geometry
    return Rows(geometry, *(random.integers(0, n, count) for n in (geometry.channels, geometry.banks, geometry.rows)))


@pytest.mark.parametrize("own", [0.0, 0.1, 0.55, 1.0])
def test_levels_are_those_of_plain_python(own):
    """Kind of a row's group: rank among all pairs of 256 by 256 equal parts of two normal numbers, hashed."""
    law, rows = spread_over_row_groups(LAW, 0.5, own, 128), some_rows()
    part = [NormalDist().inv_cdf((k + 0.5) / PARTS) for k in range(PARTS)]
    pairs = [
        (math.sqrt(1 - own) * part[a] + math.sqrt(own) * part[b], a, b) for a in range(PARTS) for b in range(PARTS)
    ]
    kind = {(a, b): CLASSES * k // len(pairs) for k, (_, a, b) in enumerate(sorted(pairs))}
    keys = [rng.key(7, "row", what) for what in ("strength of a group in all banks", "strength of a group")]
    for channel, bank, row, level in zip(
        rows.channel.tolist(), rows.bank.tolist(), rows.row.tolist(), law.row_level(rows, 7).tolist(), strict=True
    ):
        words = (channel << 56 | (bank // rows.geometry.banks_per_rank) << 40 | row // 128,
                 channel << 56 | bank << 40 | row // 128)  # fmt: skip
        shared, mine = (draw(key, word) * PARTS >> 64 for key, word in zip(keys, words, strict=True))
        assert level == kind[shared, mine]


def test_rates_and_order():
    """All kinds occur equally often and the weakest is last, so the mean stays; a correlation of 0 changes nothing."""
    assert spread_over_row_groups(LAW, 0.0, 0.5, 128) is LAW
    law = spread_over_row_groups(LAW, 0.7, 0.5, 128)
    assert law.flip_probability() == pytest.approx(LAW.flip_probability(), rel=1e-9)
    assert (np.diff(law.weak_share[:, 0]) >= 0).all()
    assert (np.bincount(kinds_of_strengths(0.3).ravel()) == PARTS * PARTS // CLASSES).all()


@pytest.mark.parametrize("own", [0.1, 0.55])
def test_what_banks_share(own):
    """Kinds of the same groups in two banks correlate by 1 - own, rows of a group are alike, other seeds differ.

    4096 groups: a correlation has a standard deviation below 0.016, and 16 kinds instead of all lose up to 0.01.
    """
    law = spread_over_row_groups(LAW, 0.5, own, 8)
    group = np.arange(4096)
    first, again, second = (
        law.row_level(Rows(PLAIN.geometry, group * 0, group * 0 + bank, group * 8 + row), 3)
        for bank, row in ((0, 0), (0, 7), (5, 3))
    )
    assert (first == again).all()
    assert np.corrcoef(first, second)[0, 1] == pytest.approx(1 - own, abs=0.08)
    assert (law.row_level(Rows(PLAIN.geometry, group * 0, group * 0, group * 8), 4) != first).any()


def test_two_that_fail_together():
    """Closed forms: independent, and sin (Sheppard: 1/4 + asin(r) / 2 pi at a share of one half); and its inverse."""
    assert chip_maps.both_fail(-1.3, 0.0) == pytest.approx(NormalDist().cdf(-1.3) ** 2, rel=1e-9)
    for r in (0.1, 0.5, 0.95):
        assert chip_maps.both_fail(0.0, r) == pytest.approx(0.25 + math.asin(r) / (2 * math.pi), rel=1e-9)
        both = chip_maps.both_fail(-0.7, r)
        assert chip_maps.latent_correlation(NormalDist().cdf(-0.7), both) == pytest.approx(r, abs=1e-6)


@pytest.mark.parametrize("form", ["plain", "png"])
def test_a_drawing_is_read(tmp_path, form):
    """A drawing made here, in both forms of the published ones, gives its shares back; other files are refused."""
    first = int(form == "plain")  # there a transparent line leads
    lines = 108 - first
    shares = np.random.default_rng(1).integers(0, lines, (lines, 8)) / (lines - 1)
    bar, picture = np.zeros((108, 6, 4), np.uint8), np.zeros((108, 228, 4), np.uint8)
    bar[first:, :, 0], bar[first:, :, 3] = np.arange(lines, 0, -1)[:, None] * 2, 255
    column = np.clip((np.arange(228) - 1.43) / 28.45, 0, 7).astype(int)
    picture[first:, :, 0], picture[first:, :, 3] = (np.rint(shares * (lines - 1)) + 1)[:, column] * 2, 255
    path = tmp_path / "map.pdf"
    path.write_bytes(drawing([bar, picture], form))
    assert chip_maps.read_map(path) == pytest.approx(0.5 * shares, rel=1e-4)
    path.write_bytes(b"%PDF-1.4\n")
    with pytest.raises(InputError, match="expected a drawing"):
        chip_maps.read_map(path)


def drawing(images, form):
    """PDF objects: each image as the published drawings hold it, and labels 0.0 and 0.4 of a bar that ends at 0.5."""
    parts = [b"BT 214.1 28.378 Td\n(0\\0560) Tj ET BT 214.1 90.642 Td\n(0\\0564) Tj ET"]
    objects = [b"<< >>\nstream\n" + parts[0] + b"\nendstream"]
    for image in images:
        width = b"/Subtype /Image\n/Width %d\n/Filter /FlateDecode\n" % image.shape[1]
        colours = image[..., :3].reshape(len(image), -1)
        if form == "png":  # filter 2: differences to the line above
            colours = np.c_[
                np.full(len(image), 2, np.uint8), np.diff(colours, axis=0, prepend=np.zeros_like(colours[:1]))
            ]
            width += b"/Predictor 10\n"
        objects.append(
            b"<<" + width + b"/ColorSpace /DeviceRGB >>\nstream\n" + zlib.compress(colours.tobytes()) + b"\nendstream"
        )
        if form == "plain":
            opacity = zlib.compress(image[..., 3].tobytes())
            objects.append(b"<<" + width + b"/ColorSpace /DeviceGray >>\nstream\n" + opacity + b"\nendstream")
    return b"\n".join(b"%d 0 obj\n" % k + body + b"\nendobj" for k, body in enumerate(objects))
