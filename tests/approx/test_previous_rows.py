"""Tensors that come piece by piece, where failing cells read the row before: the errors and reports of the whole."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edensim.approx import CellLaw, Device, Injector, Region
from edensim.approx.correction import NO_RULE
from edensim.approx.element import ELEMENTS
from edensim.approx.previous_rows import PreviousRows, pieces_of
from edensim.approx.tensor_file import Pieces, spans
from edensim.memory import AddressMap, Geometry
from tests.approx.strategies import Scenario, by_row, scenarios

ELEMENT = ELEMENTS["uint8"]


def short_precharge(weak=0.3, fail=0.7):
    """A third of the cells read the row before in most accesses; rows of one level do so more often."""
    shares = np.array([[weak], [weak / 2]])
    return CellLaw(shares, np.full((2, 1, 2), fail), np.full((2, 1, 2), fail), row_level=by_row, previous_row=True)


def by_pieces(device, region, data, pieces, access):
    """Result and report of a tensor that comes in pieces."""
    rows, found, total = PreviousRows(device, region, ELEMENT, NO_RULE, access, threads=1), data.copy(), None
    for begin, end in spans(len(data), pieces):
        report = rows.change(found[begin:end], begin)
        total = report if total is None else total + report
    return found, total


@given(scenarios(), st.integers(1, 200), st.integers(0, 1 << 32))
def test_pieces_have_the_errors_of_the_whole(scenario: Scenario, about, seed):
    """Any memory, runs of addresses and pages, any pieces: the same bits, and flips by bank and bit that add up."""
    region, address_map = scenario.region, scenario.device.address_map
    pieces = pieces_of(region, about)
    if pieces is None or region.size_bytes == 0:
        return
    device = Device([[short_precharge()]], address_map, seed=3)
    data = np.random.default_rng(seed).integers(0, 256, region.size_bytes, dtype=np.uint8)
    whole = data.copy()
    report = Injector(device, region, ELEMENT, threads=1).run(whole, scenario.access)
    found, total = by_pieces(device, region, data, pieces, scenario.access)
    assert (found == whole).all()
    assert (total.bits, total.flips, total.by_bit.tolist()) == (report.bits, report.flips, report.by_bit.tolist())
    assert (total.by_bank == report.by_bank).all()


def test_pieces_end_where_units_end():
    """From an address within a row on; rows in small pages, or in pieces all over the memory, cannot be cut."""
    address_map = AddressMap(Geometry(1, 1, 2, 2, 64, 16, 8, 64, 8, 16), "RoBaRaCoCh")
    row = address_map.geometry.row_bytes
    assert pieces_of(Region(address_map, 10 * row, 100), 3 * row + 5) == Pieces(3 * row - 100, 3 * row)
    assert pieces_of(Region(address_map, 10 * row, 0), 5) == Pieces(row, row)
    assert pieces_of(Region(address_map, 100, 0, np.arange(4), 1), 64) is None
    assert list(spans(10, Pieces(4, 3))) == [(0, 4), (4, 7), (7, 10)]
    assert list(spans(0, Pieces(4, 3))) == []


@pytest.mark.parametrize("order", ["RoBaRaCoCh", "BaRoRaCoCh"])
def test_memory_stays_flat(order):
    """32 MiB in pieces of 1 MiB take a few pieces of memory, wherever the row before lies; the result is the same."""
    address_map = AddressMap(Geometry(1, 1, 4, 4, 1 << 16, 128, 8, 64, 8, 512), order)
    device, region = Device([[short_precharge(1e-3)]], address_map, seed=1), Region(address_map, 32 << 20, 1 << 20)
    data = np.random.default_rng(2).integers(0, 256, 32 << 20, dtype=np.uint8)
    whole = data.copy()
    Injector(device, region, ELEMENT, threads=1).run(whole)
    rows, pieces = PreviousRows(device, region, ELEMENT, NO_RULE, 0, threads=1), pieces_of(region, 1 << 20)
    tracemalloc.start()
    try:
        for begin, end in spans(len(data), pieces):
            rows.change(data[begin:end], begin)
        assert tracemalloc.get_traced_memory()[1] < 6 << 20
    finally:
        tracemalloc.stop()
    assert (data == whole).all()
