"""Errors of a device in the tensors of a network: the injector read by read, at the tensors' addresses."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import chi2

from edensim import rng
from edensim.approx import Device, Region, Uniform, inject
from edensim.approx.build import build_model
from edensim.approx.region import PLAIN
from edensim.errors import ConfigError
from edensim.memory import AddressMap, Geometry

pytest.importorskip("torch")

from edensim.dnn import FreshErrors, PlacedErrors

LAWS = {"fresh": Uniform(1e-3), "weak": Uniform(0.5, 0.01), "wordline": build_model("wordline", 1e-3)}


@pytest.mark.parametrize("law", LAWS)
def test_every_read_of_a_placed_tensor_is_one_access_of_the_injector(law):
    """Row i of the codes gets what `inject(..., access=first + i)` puts into an array at that place."""
    device = Device([[LAWS[law].law(PLAIN.geometry)]], seed=5)
    places = {"w": Region(PLAIN, 20_001, 512), "x": Region(PLAIN, 300, 1 << 20)}
    memory = PlacedErrors(device, places)
    for name, place in places.items():
        stored = np.random.default_rng(1).integers(0, 256, (4, place.size_bytes), dtype=np.uint8)
        read = stored.copy()
        flips = memory.corrupt(name, read, 7)
        reports = [inject(row, device=device, region=place, access=7 + i) for i, row in enumerate(stored)]
        assert (read == stored).all()
        assert flips == sum(report.flips for report in reports)
        assert flips or name == "x"


def test_weak_cells_of_a_placed_tensor_stay_where_they_are():
    """With F = 1 every read of a tensor has the same errors; another tensor has others."""
    memory = PlacedErrors(
        Device([[Uniform(1.0, 1e-2).law(PLAIN.geometry)]], seed=2),
        {"a": Region(PLAIN, 8192, 0), "b": Region(PLAIN, 8192, 1 << 16)},
    )
    reads = np.zeros((3, 8192), np.uint8)
    memory.corrupt("a", reads, 0)
    other = np.zeros((1, 8192), np.uint8)
    memory.corrupt("b", other, 0)
    assert reads.any()
    assert (reads == reads[0]).all()
    assert (reads[0] != other[0]).any()


@pytest.mark.parametrize("size", [100, 50_000])
def test_fresh_errors_have_their_rate_and_differ_by_tensor_and_read(size):
    """Flips of 2^23 bits are within 6 standard deviations of the rate (false alarm 2e-9); no two reads are alike."""
    rate, reads = 1e-3, (1 << 20) // size
    errors = FreshErrors(rate, seed=3)
    codes = np.zeros((reads, size), np.uint8)
    flips = errors.corrupt("a", codes, 0)
    mean = 8 * codes.size * rate
    assert abs(flips - mean) < 6 * mean**0.5
    assert flips == np.unpackbits(codes).sum()
    other = np.zeros_like(codes)
    errors.corrupt("b", other, 0)
    assert (codes != other).any()
    later = np.zeros_like(codes[:-1])
    errors.corrupt("a", later, 1)
    assert (later == codes[1:]).all(), "reads depend on their number, not on how they are grouped"


@pytest.mark.parametrize("size", [3, 30_000])
def test_many_fresh_errors_are_those_of_the_injector(size):
    """Above 0.07, where bits are not thrown as points: bit for bit, and as many flips."""
    device = Device([[Uniform(0.1).law(PLAIN.geometry)]], seed=rng.key(4, "tensor", "a"))
    stored = np.random.default_rng(2).integers(0, 256, (3, size), dtype=np.uint8)
    read, expected = stored.copy(), stored.copy()
    flips = FreshErrors(0.1, seed=4).corrupt("a", read, 11)
    for i, row in enumerate(expected):
        inject(row, device=device, region=Region(PLAIN, size), access=11 + i)
    assert (read == expected).all()
    assert flips == np.unpackbits(read ^ stored).sum()


@pytest.mark.parametrize(("rate", "size"), [(1e-3, 16_384), (1e-3, 16_385), (0.05, 50_001), (0.07, 3)])
def test_fresh_errors_are_the_same_at_every_place(rate, size):
    """Chi-square over eight stretches of 2^27 bits: false alarm 1e-6 each; also beyond one row, and past its end."""
    reads = (1 << 24) // size
    codes = np.zeros((reads, size), np.uint8)
    flips = FreshErrors(rate, seed=6).corrupt("a", codes, 0)
    ends = np.linspace(0, size, min(8, size) + 1).astype(int)
    ones = np.array([np.bitwise_count(codes[:, a:b]).sum(dtype=int) for a, b in pairwise(ends)])
    expected = 8 * reads * np.diff(ends) * rate
    assert ones.sum() == flips
    assert (((ones - expected) ** 2) / (expected * (1 - rate))).sum() < chi2.isf(1e-6, len(ones))


def test_rate_zero_flips_nothing():
    """A level of 0 in a curriculum is error-free."""
    codes = np.zeros((2, 100), np.uint8)
    assert FreshErrors(0.0).corrupt("a", codes, 0) == 0
    assert not codes.any()


def test_bad_input():
    """Unknown tensors, other sizes, impossible rates and seeds are named."""
    memory = PlacedErrors(Device([[]]), {"conv1.weights": Region(PLAIN, 100)})
    with pytest.raises(ConfigError, match="'conv2.weights' has no place in the memory; did you mean .*conv1.weights"):
        memory.corrupt("conv2.weights", np.zeros((1, 100), np.uint8), 0)
    with pytest.raises(ConfigError, match="has 99 bytes, its place 100"):
        memory.corrupt("conv1.weights", np.zeros((1, 99), np.uint8), 0)
    with pytest.raises(ConfigError):
        FreshErrors(1.5)
    with pytest.raises(ConfigError, match="seed = -1"):
        FreshErrors(0.1, -1)


def test_a_place_in_another_memory_is_refused():
    """Addresses mean nothing there; an equal map made anew is the same memory."""
    geometry = Geometry(2, 1, 2, 2, 64, 16, 8, 64, 8, 16)
    maps = [AddressMap(geometry, order) for order in ("RoBaRaCoCh", "ChRaBaRoCo", "RoBaRaCoCh")]
    device = Device([[Uniform(0.5, 0.1).law(geometry)]], maps[0])
    assert PlacedErrors(device, {"a": Region(maps[2], 100)}).drawn_from("a", 100).count
    with pytest.raises(ConfigError, match="another address map than the device's: ChRaBaRoCo"):
        PlacedErrors(device, {"a": Region(maps[1], 100)})


@pytest.mark.parametrize(
    ("laws", "found"),
    [
        ([Uniform(0.5).law(PLAIN.geometry)], "CellLaw in place of a partition"),
        ([[Uniform(0.5)]], "Uniform in a partition"),
    ],
)
def test_laws_are_given_by_partition(laws, found):
    """As models, or without partitions, they are refused with an example."""
    with pytest.raises(ConfigError, match=f"{found}; expected a list of partitions"):
        Device(laws)
