"""Subarrays that differ: the mean stays, the spread is that of the copula, and 0 changes nothing."""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from edensim.approx import Device, Rows, Uniform, inject
from edensim.approx.build import MODELS, build_model
from edensim.approx.chip import Chip
from edensim.approx.chip_cells import chip_laws
from edensim.approx.chip_load import load_chip
from edensim.approx.chip_schema import CommonStrength
from edensim.approx.region import PLAIN
from edensim.approx.subarrays import CLASSES, spread_over_subarrays, spread_shares
from edensim.errors import ConfigError


@pytest.mark.parametrize("correlation", [0.01, 0.3, 0.9, 0.99])
def test_the_mean_over_subarrays_is_the_share(correlation):
    """For rare and common weak cells alike; and a larger share is larger in every kind of subarray, so none heals."""
    shares = np.array([0.0, 1e-9, 1e-6, 1e-3, 0.2, 0.5, 0.7, 0.999, 1.0])
    found = spread_shares(shares, correlation)
    assert found.mean(1) == pytest.approx(shares, rel=1e-9)
    assert found.min() >= 0
    assert found.max() <= 1
    assert (np.diff(found, axis=1) >= 0).all()
    assert (np.diff(found, axis=0) >= -1e-12).all()


def test_the_spread_is_that_of_the_copula():
    """Two cells of a subarray are both weak as often as two normal numbers of that correlation both lie low.

    Against an integral over the common part by a fine sum, within what 16 kinds of subarrays leave out.
    """
    normal, r = NormalDist(), 0.2
    g = np.array([normal.inv_cdf((k + 0.5) / 20_000) for k in range(20_000)])
    for p in (0.05, 0.3, 0.8):
        both = np.mean([normal.cdf((normal.inv_cdf(p) + r**0.5 * x) / (1 - r) ** 0.5) ** 2 for x in g])
        assert (spread_shares(np.array(p), r) ** 2).mean() == pytest.approx(both, rel=0.06)


@pytest.mark.parametrize("name", MODELS)
def test_no_correlation_leaves_the_map_as_it_is(name):
    """Every model: the same bits flip with a correlation of 0 as without one, and others with one."""
    data = np.random.default_rng(1).integers(0, 256, 1 << 18, dtype=np.uint8)
    outs = []
    for parameters in ({}, {"subarray_correlation": 0.0}, {"subarray_correlation": 0.5}):
        out = np.empty_like(data)
        inject(data, model=build_model(name, 1e-3, parameters).law(PLAIN.geometry), seed=3, out=out)
        outs.append(out)
    assert (outs[0] == outs[1]).all()
    assert (outs[0] != outs[2]).any()


def test_rows_of_a_subarray_are_alike_and_subarrays_are_not():
    """One number per (seed, channel, bank, subarray): all its rows have one level, and all kinds occur equally often.

    4096 subarrays: each of 16 kinds 256 times, within 5.5 sigma (false alarms below 1e-6).
    """
    law = spread_over_subarrays(Uniform(0.5, 0.01).law(PLAIN.geometry), 0.5)
    bank, row = np.divmod(np.arange(4096 * 2), 512)
    rows = Rows(PLAIN.geometry, bank * 0, bank, row // 2 * 512 + row % 2 * 511)
    level = law.row_level(rows, 7).reshape(-1, 2)
    assert (level[:, 0] == level[:, 1]).all()
    count = np.bincount(level[:, 0], minlength=CLASSES)
    assert abs(count - 256).max() < 5.5 * 256**0.5
    assert (law.row_level(rows, 8) != level.ravel()).any()


@pytest.mark.parametrize("model", [Uniform(0.5, 0.02), Uniform(0.01)], ids=["weak cells", "plain rate"])
def test_flips_of_a_subarray_follow_its_own_share(model):
    """Flips in each of 8 subarrays lie within 5.5 sigma of what its level says (false alarms below 1e-6)."""
    law = spread_over_subarrays(model.law(PLAIN.geometry), 0.5)
    device, span = Device([[law]], seed=2), 1 << 20
    rows = Rows(PLAIN.geometry, *(np.array(x) for x in ([0] * 8, [0] * 8, range(0, 4096, 512))))
    rates = set()
    for level, subarray in zip(law.row_level(rows, 2).tolist(), range(8), strict=True):
        rate = float((law.weak_share * law.fail_one[:, :, 0])[level, 0])
        mean = 8 * span * rate
        address = subarray * 512 * 16 * 8192  # a row of every bank, and so on: rows 0 … 7 of the subarray
        flips = inject(np.zeros(span, np.uint8), device=device, address=address).by_bank[0, 0] * 16
        assert abs(flips - mean) < 5.5 * 4 * mean**0.5 + 5
        rates.add(rate)
    assert len(rates) > 3


def test_a_chip_with_a_correlation_says_that_nobody_measured_it():
    """Its rate stays, its basis is extrapolated, a note tells why; shipped chips have none."""
    shipped = load_chip("A")
    assert shipped.table.subarray.law == "none"
    common = CommonStrength(law="copula", source="assumed", correlation=0.4)
    chip = Chip("mine", shipped.table.model_copy(update={"subarray": common}))
    point = replace(shipped.nominal, tRCD_ns=5.0)
    own, other = chip.reliability(point), shipped.reliability(point)
    assert (own.ber, own.basis, other.basis) == (other.ber, "extrapolated", "measured")
    assert any("nobody measured" in note for note in own.notes)
    (law,), (plain,) = (chip_laws(c, point, PLAIN.geometry) for c in (chip, shipped))
    assert len(law.weak_share) == CLASSES * len(plain.weak_share)
    assert law.flip_probability() == pytest.approx(plain.flip_probability(), rel=1e-9)


def test_a_correlation_beyond_its_range_is_refused():
    """With the range in the message."""
    with pytest.raises(ConfigError, match=r"subarray_correlation = 1: expected .* 0 to 0\.99"):
        build_model("bitline", 1e-3, {"subarray_correlation": 1.0})
