"""Laws of some chips of a rank: the slice of every burst that lies there fails, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.approx import CellLaw, Device, Region, Uniform, inject, load_chip
from edensim.approx.build import build_model
from edensim.approx.law import Chips
from edensim.approx.partition_laws import device_of, errors_of_chip, errors_of_model
from edensim.approx.region import layout_of
from edensim.approx.weak_cells import WeakCells
from edensim.config import load_config
from edensim.errors import ConfigError
from edensim.memory import AddressMap, Geometry, resolve_operating_state
from edensim.memory.bit_place import locate, split_row_bit

X4 = Geometry(2, 1, 2, 2, 64, 4, 16, 64, 8, 16)
X8 = Geometry(1, 2, 2, 2, 64, 8, 8, 64, 8, 16)


def laws_of(geometry):
    """One of each way in which cells fail."""
    full = [np.full((1, 1, 1)[:n], x) for n, x in ((2, 0.2), (3, 0.6), (3, 0.3))]
    return {
        "weak cells": Uniform(0.5, 0.05).law(geometry),
        "rows": build_model("wordline", 2e-2).law(geometry),
        "data": build_model("data_dependent", 2e-2).law(geometry),
        "units": CellLaw(*full, unit_bits=32, cells_per_unit=5),
        "row before": replace(Uniform(0.5, 0.1).law(geometry), previous_row=True),
    }


def chip_of_bits(address_map, base, size):
    """Chip of every bit of a tensor, shape (8 size,), by the definition of places."""
    addresses = base + np.arange(size)
    bits = [locate(address_map, addresses, bit).row_bit for bit in range(8)]
    return np.asarray(split_row_bit(address_map.geometry, np.stack(bits, axis=1)).chip).ravel()


def flipped(laws, region, stored, access=3):
    """Bits that a read gets wrong, least significant first."""
    read = stored.copy()
    inject(read, device=Device([laws], region.address_map, seed=4), region=region, access=access)
    return np.unpackbits(read ^ stored, bitorder="little").astype(bool)


@pytest.mark.parametrize("name", ["weak cells", "rows", "data", "units", "row before"])
@settings(max_examples=12, deadline=None)
@given(
    geometry=st.sampled_from([X4, X8]), order=st.sampled_from(["RoBaRaCoCh", "ChRaBaRoCo"]),
    base=st.integers(0, 2000), size=st.integers(1, 3000), choice=st.data(),
)  # fmt: skip
def test_what_fails_is_the_slice_of_these_chips(name, geometry, order, base, size, choice):
    """Of what fails in all chips, that which lies on some; together with the other chips' slice it is all again."""
    count = geometry.devices_per_rank
    chosen = choice.draw(st.sets(st.integers(0, count - 1), min_size=1, max_size=count - 1))
    law, region = laws_of(geometry)[name], Region(AddressMap(geometry, order), size, base)
    stored = np.random.default_rng(size).integers(0, 256, size, dtype=np.uint8)
    width = geometry.device_width_bits
    mine = replace(law, chips=Chips(width, count, tuple(chosen)))
    rest = replace(law, chips=Chips(width, count, tuple(set(range(count)) - chosen)))
    every = flipped([law], region, stored)
    inside = np.isin(chip_of_bits(region.address_map, base, size), list(chosen))
    assert (flipped([mine], region, stored) == (every & inside)).all()
    assert (flipped([mine, rest], region, stored) == every).all()


def test_listed_cells_of_some_chips():
    """Lists of weak cells leave out the other chips' as the injector does."""
    law = replace(laws_of(X8)["weak cells"], chips=Chips(8, 8, (1, 6)))
    region = Region(AddressMap(X8, "RoBaRaCoCh"), 5000, 100)
    stored = np.random.default_rng(0).integers(0, 256, (1, 5000), dtype=np.uint8)
    device, layout = Device([[law]], region.address_map, seed=4), layout_of(region)
    read = stored.copy()
    WeakCells.of(device, layout, device.rows(layout.rows)).flip(read, 3)
    found = np.unpackbits(read[0] ^ stored[0], bitorder="little").astype(bool)
    assert found.sum() > 50
    assert (found == flipped([law], region, stored[0])).all()


def test_rate_of_some_chips():
    """Errors drawn anew: the expected rate within 5 standard deviations (false alarm 6e-7), nothing elsewhere."""
    law = replace(Uniform(0.02).law(X8), chips=Chips(8, 8, (0, 3, 5)))
    region = Region(AddressMap(X8, "RoBaRaCoCh"), 30_000, 0)
    found = flipped([law], region, np.zeros(30_000, np.uint8))
    inside = np.isin(chip_of_bits(region.address_map, 0, 30_000), (0, 3, 5))
    assert law.flip_probability() == pytest.approx(0.02 * 3 / 8)
    assert not found[~inside].any()
    expected = 0.02 * inside.sum()
    assert abs(found.sum() - expected) < 5 * expected**0.5


@pytest.mark.parametrize("chips", [Chips(8, 64, (1,)), Chips(8, 8, (8,)), Chips(0, 8, (1,))])
def test_chips_that_are_not_there(chips):
    """Refused."""
    with pytest.raises(ConfigError, match=r"expected 1 … 63 chips"):
        replace(Uniform(0.02).law(X8), chips=chips)


def state_of(partitions):
    """Operating state and address map of two ranks of eight chips."""
    dram = {"preset": "ddr4-2400r-8gb-x8", "ranks": 2}
    config = load_config({"dram": dram, "partition": partitions}).config
    state = resolve_operating_state(config.dram, config.operating_point, config.partition)
    geometry = Geometry.from_config(config.dram)
    return state, AddressMap.from_config(geometry, config.dram)


def test_chip_with_two_supplies():
    """What is read fails on the lowered chips as if all were lowered, and not at all on the others."""
    chip = load_chip("eden")
    low, high = {"vdd": 1.0}, {"name": "low", "chips": [2, 7], "vdd": 1.0}
    mixed, address_map = state_of([high])
    whole, _ = state_of([{"name": "all", "rank": [0, 1], **low}])
    errors = errors_of_chip(chip, mixed, address_map.geometry)
    everywhere = errors_of_chip(chip, whole, address_map.geometry)["all"]
    assert errors["module"].ber == pytest.approx(everywhere.ber / 4)
    assert errors["module"].ber_band == pytest.approx(tuple(x / 4 for x in everywhere.ber_band))
    region = Region(address_map, 100_000, 4096)
    stored = np.random.default_rng(2).integers(0, 256, region.size_bytes, dtype=np.uint8)
    found, reference = stored.copy(), stored.copy()
    inject(found, device=device_of(errors, address_map, mixed.partitions, 5), region=region)
    inject(reference, device=device_of({"all": everywhere}, address_map, None, 5), region=region)
    bits = [np.unpackbits(read ^ stored, bitorder="little").astype(bool) for read in (found, reference)]
    inside = np.isin(chip_of_bits(address_map, 4096, region.size_bytes), (2, 7))
    assert bits[0].sum() > 100
    assert (bits[0] == (bits[1] & inside)).all()


def test_ranks_supplied_in_different_ways():
    """With errors, they need partitions of their own."""
    partitions = [{"name": "low", "rank": [0], "chips": [1], "vdd": 1.1}]
    state, address_map = state_of(partitions)
    with pytest.raises(ConfigError, match="different supplies"):
        errors_of_chip(load_chip("eden"), state, address_map.geometry)
    state, address_map = state_of([*partitions, {"name": "other", "rank": [1]}])
    errors = errors_of_chip(load_chip("eden"), state, address_map.geometry)
    assert errors["other"].ber == 0
    assert errors["module"].ber > 0
    # Two partitions that supply the same chips of both ranks alike are one way.
    same = [{"name": f"low{rank}", "rank": [rank], "chips": [1], "vdd": 1.1} for rank in (0, 1)]
    state, address_map = state_of(same)
    assert errors_of_chip(load_chip("eden"), state, address_map.geometry)["module"].ber == errors["module"].ber


def test_chips_share_the_timings_of_their_rank():
    """Errors of a partition of chips are those of its slice, at the times of the addresses."""
    partitions = [{"name": "fast", "rank": [1], "tRCD_ns": 9.0}, {"name": "chip", "rank": [1], "chips": [0]}]
    state, address_map = state_of(partitions)
    errors = errors_of_chip(load_chip("eden"), state, address_map.geometry)
    assert errors["chip"].ber == errors["fast"].ber > 0
    assert errors["module"].ber == 0


def test_models_know_no_supplies():
    """A rate for a partition of chips is refused; without one it has none."""
    state, address_map = state_of([{"name": "low", "chips": [1], "vdd": 1.1}])
    errors = errors_of_model("uniform", 1e-3, {}, address_map.geometry, state.partitions)
    assert [errors[name].ber for name in ("module", "low")] == [1e-3, 0]
    with pytest.raises(ConfigError, match="'low' is a partition of chips"):
        errors_of_model("uniform", 1e-3, {}, address_map.geometry, state.partitions, {"low": 1e-2})
