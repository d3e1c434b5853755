"""Errors of single bursts: those of the array they belong to, in any order, and only where the laws say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from edensim.approx import DataDependent, Device, Injector, Region, Uniform, read_errors
from edensim.approx.element import ELEMENTS
from edensim.errors import ConfigError
from edensim.memory import AddressMap, Geometry
from tests.approx.strategies import scenarios


@settings(max_examples=60)
@given(scenarios())
def test_bursts_have_the_errors_of_their_array(scenario):
    """All lines of a memory, read in random order with repetitions and two numbers: as `inject` with these numbers."""
    device, geometry = scenario.device, scenario.device.address_map.geometry
    if device.reads_previous_row:
        return  # what was open before differs between a sequential read and this one
    rng = np.random.default_rng(scenario.access)
    data = rng.integers(0, 256, min(geometry.capacity_bytes, 8192), dtype=np.uint8)
    injector = Injector(device, Region(device.address_map, data.size), ELEMENTS["uint8"])
    read = [np.empty_like(data) for _ in range(2)]
    for access, out in enumerate(read):
        injector.run(data, access, out)
    lines = rng.integers(0, data.size // geometry.burst_bytes, 400)
    access = rng.integers(0, 2, 400)
    bursts = data.reshape(-1, geometry.burst_bytes)
    found = read_errors(device, *device.address_map.decode(lines), access, stored=bursts[lines])
    got = bursts[lines].copy()
    np.bitwise_xor.at(got, (found.read, found.bit // 8), (1 << found.bit % 8).astype(np.uint8))
    expected = np.stack(read).reshape(2, -1, geometry.burst_bytes)[access, lines]
    assert (got == expected).all()
    assert (np.lexsort((found.bit, found.read)) == np.arange(len(found.read))).all()


SMALL = AddressMap(Geometry(1, 1, 2, 2, 64, 16, 8, 64, 8), "RoBaRaCoCh")


def test_many_flips_of_one_group():
    """A group may have more flips than were allocated for, and a run of reads more than one round of drawing."""
    device = Device([[Uniform(0.5).law(SMALL.geometry)]], SMALL)
    column = np.tile(np.arange(16), 600)
    found = read_errors(device, 0, 1, np.repeat(np.arange(60), 160), column)
    assert abs(len(found.read) - 600 * 16 * 256) < 6 * (600 * 16 * 128 * 10) ** 0.5
    assert np.bincount(found.read, minlength=9600).min() > 150


def test_a_failing_precharge_reads_the_row_before():
    """Every failing bit is that of the row held open before; without one it is random."""
    law = Uniform(1.0, 0.5).law(SMALL.geometry)
    law = type(law)(law.weak_share, law.fail_one, law.fail_zero, previous_row=True)
    device = Device([[law]], SMALL)
    place = (0, 0, 5, np.arange(16))
    stored, held = np.zeros((16, 64), np.uint8), np.zeros((16, 64), np.uint8)
    assert len(read_errors(device, *place, stored=stored, held=held).read) == 0
    held[:, :32] = 0xFF
    found = read_errors(device, *place, stored=stored, held=held)
    assert found.bit.max() < 256
    assert abs(len(found.bit) - 16 * 128) < 6 * 32
    assert abs(len(read_errors(device, *place, stored=stored).bit) - 16 * 128) < 6 * 45


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bank": 4}, "bank 4 … 4: expected 0 … 3"),
        ({"row": -1}, "row -1 … -1: expected 0 … 63"),
        ({"column": 16}, "column 16"),
        ({"access": -1}, "access -1"),
        ({"stored": np.zeros((1, 63), np.uint8)}, "stored: expected a uint8 array of shape \\(1, 64\\)"),
        ({}, "these errors depend on what is stored"),
    ],
)
def test_impossible_reads_are_refused(change, message):
    """Places outside of the memory, data of another shape or missing."""
    device = Device([[DataDependent(0.1, 0.5, 0.1).law(SMALL.geometry)]], SMALL)
    with pytest.raises(ConfigError, match=message):
        read_errors(device, **({"channel": 0, "bank": 0, "row": 0, "column": 0} | change))
