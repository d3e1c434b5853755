"""Error models and laws: closed forms, classes of lines, which rows and banks, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edensim.approx import BankClustered, Bitline, CellLaw, DataDependent, Lines, Rows, Uniform, Wordline
from edensim.errors import ConfigError
from edensim.memory import Geometry

GEOMETRY = Geometry(1, 2, 2, 4, 4096, 128, 8, 64, 8)
MODELS = [
    (Uniform(1e-3), 1e-3),
    (Uniform(0.5, 0.02), 0.01),
    (Bitline(Lines.lognormal(0.02, 0.5)), 0.01),
    (Wordline(Lines.lognormal(0.02, 0.5, sigma=2.0)), 0.01),
    (DataDependent(0.01, 0.6, 0.2), 0.004),
    (DataDependent(0.01, 0.6, 0.2, anti_cell_rows=512), 0.004),
    (BankClustered(0.02, 0.5, banks=0.25, row_share=0.5, elsewhere=0.001), 0.5 * (0.125 * 0.02 + 0.875 * 0.001)),
]


def every_row(geometry: Geometry) -> Rows:
    """All rows of a memory."""
    channel, bank, row = np.indices((geometry.channels, geometry.banks, geometry.rows)).reshape(3, -1)
    return Rows(geometry, channel, bank, row)


@pytest.mark.parametrize(("model", "rate"), MODELS, ids=lambda x: getattr(x, "name", ""))
def test_rates_have_closed_forms(model, rate):
    """Expected bit error rate of the model, of its law, and of the law weighted with the levels rows really have."""
    banks = {"banks_per_rank": GEOMETRY.banks_per_rank} if isinstance(model, BankClustered) else {}
    law = model.law(GEOMETRY)
    assert model.flip_probability(**banks) == pytest.approx(rate, rel=1e-12)
    assert law.flip_probability() == pytest.approx(rate, rel=1e-12)
    rows = every_row(GEOMETRY)
    level = law.row_level(rows, 5)
    found = np.bincount(level, minlength=len(law.weak_share)) / level.size
    sigma = np.sqrt(law.level_share * (1 - law.level_share) / level.size)
    assert (abs(found - law.level_share) <= 6 * sigma + 1e-3).all()  # 6 sigma of independent rows


def test_data_dependence_follows_the_share_of_ones():
    """P (share of ones F1 + share of zeros F0), without a preferred value where half of the cells are anti-cells."""
    assert DataDependent(0.01, 0.6, 0.2).flip_probability(ones=0.25) == pytest.approx(0.01 * (0.15 + 0.15))
    assert DataDependent(0.01, 0.6, 0.2, 512).flip_probability(ones=0.25) == pytest.approx(0.004)
    level = DataDependent(0.01, 0.6, 0.2, 512).law(GEOMETRY).row_level(every_row(GEOMETRY), 0)
    assert level.reshape(-1, 512).max(1).tolist() == level.reshape(-1, 512).min(1).tolist() == [0, 1] * 64


def test_failing_banks_are_whole_and_their_rows_one_range():
    """A share of the banks of each rank, other ones for another seed; in each one cyclic range of rows."""
    law = BankClustered(0.02, 0.5, banks=0.25, row_share=0.3).law(GEOMETRY)
    chosen = set()
    for seed in range(10):
        level = law.row_level(every_row(GEOMETRY), seed).reshape(2, 8, 4096)
        failing = level.any(2)
        assert failing.sum(1).tolist() == [2, 2]
        assert set(level.sum(2)[failing].tolist()) <= {1228, 1229}
        assert ((np.diff(level, axis=2, append=level[..., :1]) != 0).sum(2)[failing] == 2).all()
        chosen.add(tuple(np.flatnonzero(failing)))
    assert len(chosen) > 5
    named = BankClustered(0.02, 0.5, banks=(2, 6)).law(GEOMETRY).row_level(every_row(GEOMETRY), 1)
    assert np.flatnonzero(named.reshape(16, 4096).all(1)).tolist() == [2, 6, 10, 14]
    assert named.sum() == 4 * 4096


def test_lognormal_lines():
    """Classes hold halves, quarters … of the lines; their means are those of a lognormal, whatever is cut off at 1."""
    lines = Lines.lognormal(0.01, 0.5, sigma=1.0)
    assert lines.share[:3] == (0.5, 0.25, 0.125)
    assert math.fsum(lines.share) == 1
    x = np.random.default_rng(0).lognormal(math.log(0.01) - 0.5, 1.0, 2_000_000)
    x.sort()
    assert lines.weak_share[0] == pytest.approx(x[:1_000_000].mean(), rel=0.01)
    assert lines.weak_share[3] == pytest.approx(x[int(0.875 * len(x)) : int(0.9375 * len(x))].mean(), rel=0.02)
    for mean in (1e-6, 0.3, 0.9, 0.999, 1.0):
        wide = Lines.lognormal(mean, 1.0, sigma=2.5)
        assert max(wide.weak_share) <= 1
        assert wide.flip_probability() == pytest.approx(mean)
        assert list(wide.weak_share) == sorted(wide.weak_share)
    assert Lines.lognormal(0.1, 0.5, sigma=0).weak_share == (0.1,)


def test_measured_lines_keep_their_mean_and_order():
    """Few different lines are kept as they are; many are grouped, worse lines in worse classes, mean P F exact."""
    few = Lines.measured([0.1, 0.2, 0.1, 0.0], [0.5, 0.5, 0.5, 0.0])
    assert sorted(zip(few.weak_share, few.share, strict=True)) == [(0.0, 0.25), (0.1, 0.5), (0.2, 0.25)]
    assert few.members[0] == few.members[2] != few.members[1]
    weak = np.random.default_rng(1).beta(0.2, 20, 4096)
    many = Lines.measured(weak, np.full(4096, 0.5), classes=32)
    assert len(many.share) <= 32
    assert many.flip_probability() == pytest.approx(weak.mean() / 2)
    class_of = np.array(many.weak_share)[np.array(many.members)]
    assert np.corrcoef(class_of, weak)[0, 1] > 0.99


BAD = [
    (lambda: Uniform(1.5), "fail_probability = 1.5: expected a share or probability from 0 to 1"),
    (lambda: Uniform(float("nan")), "fail_probability = nan"),
    (lambda: Uniform(0.5, -0.1), "weak_share = -0.1"),
    (lambda: Uniform("much"), "fail_probability = 'much': expected numbers"),
    (lambda: DataDependent(0.1, 2.0, 0.1), "fail_one = 2"),
    (lambda: DataDependent(0.1, 0.2, 0.1, -1), "anti_cell_rows = -1"),
    (lambda: BankClustered(0.1, 0.5, banks=(1, 1)), "none twice"),
    (lambda: BankClustered(0.1, 0.5, banks=1.5), "banks = 1.5"),
    (lambda: BankClustered(0.1, 0.5, banks=(8,)).law(GEOMETRY), "a rank has the banks 0 to 7"),
    (lambda: Lines.lognormal(0.1, 0.5, sigma=float("nan")), "sigma = nan"),
    (lambda: Lines([0.5, 0.6], [0, 0], [0, 0]), "lines.share sums to 1.1; expected 1"),
    (lambda: Lines([1.0], [0.1, 0.2], [0.5]), "lines.weak_share has 2 classes"),
    (lambda: Lines.measured([0.1], [0.1, 0.2]), "1 weak shares but 2"),
    (lambda: Bitline(Lines.measured([0.1], [0.5])).law(GEOMETRY), "1 lines, but this memory has 65536 bits in a row"),
    (lambda: Wordline(Lines.measured([0.1], [0.5])).law(GEOMETRY), "1 lines, but this memory has 4096 rows in a bank"),
    (lambda: CellLaw(np.ones((1, 1)), np.ones((1, 1, 0)), np.ones((1, 1, 0))), "fail_one has shape"),
    (lambda: CellLaw(np.ones((2, 1)), np.ones((1, 1, 1)), np.ones((1, 1, 1))), "expected \\(2, 1, kinds\\)"),
    (lambda: CellLaw(np.ones((1, 2)), np.ones((1, 2, 1)), np.ones((1, 2, 1)), np.ones(2)), "2 shares that sum"),
    (lambda: CellLaw(np.ones((1, 1)), np.ones((1, 1, 1)), np.ones((1, 1, 1)), unit_bits=3), "unit_bits = 3"),
    (
        lambda: CellLaw(np.ones((1, 1)), np.ones((1, 1, 1)), np.ones((1, 1, 1)), bitline_class=np.array([1])),
        "bitline_class: expected the class, 0 … 0",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("make", "message"), BAD, ids=[message for _, message in BAD])
def test_what_is_no_model_is_refused(make, message):
    """Rates outside 0 … 1, NaN, shapes that disagree: one message that names the parameter and the range."""
    with pytest.raises(ConfigError, match=message):
        make()
