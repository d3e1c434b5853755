"""Fits to reads whose model is known: the model is found, its parameters lie within their errors, limits are stated."""

from __future__ import annotations

import numpy as np
import pytest

from edensim.approx.fit import fit_models
from edensim.approx.fit_cells import fit_data_dependent, fit_uniform, sums_of
from edensim.approx.fit_compare import ORDER, compare
from edensim.approx.fit_reads import FOLDS, count_flips
from edensim.approx.model import Bitline, DataDependent, Uniform, Wordline
from edensim.errors import ConfigError
from tests.approx.reads_maker import make_reads

ALL = tuple(range(FOLDS))
SEEDS = range(100)
Z_TO_95 = 1.96


def inside(interval, value, sigmas=3.0):
    """Whether a value lies within so many standard errors, by a 95 % interval on the logistic scale."""
    low, high, value = (np.log(x / (1 - x)) for x in (*interval, value))
    return abs(value - (low + high) / 2) <= sigmas / Z_TO_95 * (high - low) / 2


@pytest.mark.parametrize("model", ORDER)
def test_recovers_the_model(model):
    """Data of a model are recognised as that model's in at least 95 of 100 seeds.

    The seeds are fixed. A choice that was right with probability 0.99 would fail this with probability 0.0005.
    """
    size = {"rows": 128, "bits": 2048} if model == "wordline" else {"rows": 64, "bits": 2048}
    chosen = [compare(count_flips(make_reads(model, seed, reads=12, share=0.02, **size))).chosen for seed in SEEDS]
    assert chosen.count(model) >= 95, {name: chosen.count(name) for name in set(chosen)}


def test_recovers_the_parameters_of_uniform():
    """P and F lie within three standard errors in all of 100 fixed seeds, P within its interval in about 95 of them."""
    covered = 0
    for seed in SEEDS:
        fit = fit_uniform(sums_of(count_flips(make_reads("uniform", seed, rows=32, bits=2048, reads=6)), ALL))
        assert inside(fit.intervals["weak_share"], 0.01)
        assert inside(fit.intervals["fail_probability"], 0.6)
        covered += fit.intervals["weak_share"][0] <= 0.01 <= fit.intervals["weak_share"][1]
    assert 88 <= covered <= 100


def test_recovers_the_parameters_of_data_dependent():
    """P, F1 and F0 within three standard errors."""
    for seed in range(20):
        fit = fit_data_dependent(sums_of(count_flips(make_reads("data_dependent", seed, rows=32, reads=8)), ALL))
        assert inside(fit.intervals["weak_share"], 0.01)
        assert inside(fit.intervals["fail_one"], 0.1)
        assert inside(fit.intervals["fail_zero"], 0.9)


def test_reference_point():
    """2e5 cells, P = 0.01, F = 0.6, 16 reads: P and F come back to a few percent."""
    fit = fit_uniform(sums_of(count_flips(make_reads("uniform", 3, rows=48, bits=4096, reads=16)), ALL))
    assert fit.weak_share == pytest.approx(0.01, rel=0.05)
    assert fit.fail_one == pytest.approx(0.6, rel=0.02)


def test_em_is_at_the_peak():
    """No neighbouring P or F is more likely than the fit: the likelihood written out cell by cell."""
    reads = make_reads("uniform", 5, rows=16, bits=1024, reads=4, fail=0.3)
    counts = count_flips(reads)
    flips = np.zeros((16, 1024), int)
    flips[counts.at_row, counts.at_bit] = counts.k1 + counts.k0

    def likelihood(p, f):
        never = (flips == 0) * (1 - p)
        return np.log(p * f**flips * (1 - f) ** (4 - flips) + never).sum()

    fit = fit_uniform(sums_of(counts, ALL))
    best = likelihood(fit.weak_share, fit.fail_one)
    for p, f in ((1.02, 1), (0.98, 1), (1, 1.02), (1, 0.98), (1.02, 0.98), (0.98, 1.02)):
        assert likelihood(p * fit.weak_share, f * fit.fail_one) < best


def test_counts_against_plain_numpy():
    """Flips and reads by stored bit, and the cells of every fold, against a direct count."""
    reads = make_reads("data_dependent", 2, rows=8, bits=256, reads=6, share=0.1)
    counts = count_flips(reads)
    stored = np.unpackbits(reads.stored[reads.pattern], axis=2, bitorder="little").astype(bool)
    flips = np.unpackbits(reads.reads, axis=2, bitorder="little").astype(bool) ^ stored
    at = (counts.at_row, counts.at_bit)
    assert (flips.any(0).nonzero()[0] == counts.at_row).all()
    assert (counts.k1 == (flips & stored).sum(0)[at]).all()
    assert (counts.k0 == (flips & ~stored).sum(0)[at]).all()
    assert (counts.n1 == stored.sum(0)[at]).all()
    fold = (np.arange(8)[:, None] + np.arange(256)) % FOLDS
    for k in range(FOLDS):
        assert (counts.cells_of((k,)).sum(1) == (fold == k).sum(1)).all()
        assert (counts.fold == fold[at]).all()


def test_bitlines():
    """Bitlines that differ get their own P: it follows the true one; where they do not differ all get the same."""
    fit = fit_models(make_reads("bitline", 1, rows=128, bits=1024, share=0.02))
    assert fit.chosen == "bitline"
    true = 0.02 * np.exp(np.random.default_rng(1).normal(-0.5, 1, 1024))
    assert np.corrcoef(np.log(fit.fits["bitline"].weak_share), np.log(true))[0, 1] > 0.7
    same = fit_models(make_reads("uniform", 1, rows=128, bits=1024, share=0.02))
    assert np.ptp(same.fits["bitline"].weak_share) < 1e-4


def test_banks():
    """Failing banks and their rows are found, with P inside and elsewhere."""
    fit = fit_models(make_reads("bank_clustered", 4))
    found = fit.fits["bank_clustered"]
    assert found.ranges == {2: (64, 448), 5: (64, 448)}
    assert found.row_share == pytest.approx(7 / 8)
    assert found.weak_share == pytest.approx(0.02, rel=0.1)
    assert found.elsewhere == pytest.approx(0.0005, rel=0.3)


@pytest.mark.parametrize(
    ("model", "kind"),
    [("uniform", Uniform), ("data_dependent", DataDependent), ("bitline", Bitline), ("wordline", Wordline)],
)
def test_error_models(model, kind):
    """The fitted model can be injected and has the bit error rate of the reads."""
    fit = fit_models(make_reads(model, 6))
    injected = fit.error_model(model)
    assert isinstance(injected, kind)
    assert injected.flip_probability() == pytest.approx(fit.ber.ber, rel=0.05)


def test_bank_rates():
    """The 95 % interval of a bank holds its true rate, in at least 90 % of 96 banks of which a quarter fails."""
    held = total = 0
    for seed in range(12):
        fit = fit_models(make_reads("bank_clustered", seed), ["uniform"])
        for bank, rate in fit.banks.items():
            true = 0.6 * (0.02 * 7 / 8 + 0.0005 / 8 if bank in (2, 5) else 0.0005)
            held += rate.holds(true)
            total += 1
    assert held / total >= 0.9


def test_plain_data():
    """Parameters and intervals come as plain data under the names of the model."""
    reads = make_reads("uniform", 7)
    fit = fit_models(reads, ["uniform"])
    assert fit.parameters() == {
        "weak_share": pytest.approx(0.01, rel=0.05),
        "fail_probability": pytest.approx(0.6, rel=0.02),
    }
    assert set(fit.intervals()) == {"weak_share", "fail_probability"}


def test_limits_are_stated():
    """One solid pattern cannot tell F of the other value; ones and zeros in different cells only by assumption."""
    alone = fit_models(make_reads("uniform", 1, stored=0xFF), ["data_dependent"])
    assert any("no read found stored zeros" in limit for limit in alone.limits)
    assert alone.intervals()["fail_zero"] == (0.0, 1.0)
    apart = fit_models(make_reads("uniform", 1, stored=0x0F), ["data_dependent"])
    assert any("no cell was read with both" in limit for limit in apart.limits)
    certain = fit_models(make_reads("uniform", 1, fail=1.0), ["uniform"])
    assert any("F is 1" in limit for limit in certain.limits)
    assert certain.intervals()["fail_probability"][0] > 0.99
    everywhere = fit_models(make_reads("uniform", 1, share=1.0, fail=0.3, rows=8, bits=256), ["uniform"])
    assert everywhere.ber.ber == pytest.approx(0.3, rel=0.05)
    assert any("product" in limit for limit in everywhere.limits)


def test_no_flips():
    """Reads without a flip give a bound, not a crash."""
    fit = fit_models(make_reads("uniform", 1, share=0.0))
    assert fit.chosen == "uniform"
    assert fit.ber.ber == 0
    assert 0 < fit.ber.high < 1e-4
    assert "not one bit flipped" in fit.limits[0]
    assert fit.error_model().flip_probability() == 0


def test_unknown_model():
    """Unknown models are named with the nearest; none at all is refused."""
    with pytest.raises(ConfigError, match="did you mean bitline"):
        fit_models(make_reads("uniform"), ["bitlne"])
    with pytest.raises(ConfigError, match="no error model is given"):
        fit_models(make_reads("uniform"), [])
