"""Listed weak cells against the injector."""

import numpy as np
import pytest

from edensim.approx import CellLaw, Device, Region, Uniform, inject
from edensim.approx.build import build_model
from edensim.approx.region import layout_of
from edensim.approx.weak_cells import MOST_CELLS, WeakCells
from edensim.memory import AddressMap, Geometry

SMALL = Geometry(2, 1, 2, 2, 64, 16, 8, 64, 8, 16)


def two_classes(share=0.05, **settings):
    """Levels by parity of the row, two classes of bitlines, three kinds, failures that depend on the data."""
    one = np.array([[[0.2, 0.5, 1.0], [0.9, 0.1, 0.0]], [[1.0, 0.0, 0.3], [0.4, 0.4, 0.4]]])
    return CellLaw(
        np.array([[share, 2 * share], [share / 2, 1.0]]), one, one[::-1] / 2, np.array([0.75, 0.25]),
        lambda rows, seed: rows.row & 1, **settings,
    )  # fmt: skip


LAWS = {
    "uniform": [Uniform(0.5, 0.02).law(SMALL)],
    "wordline": [build_model("wordline", 1e-2).law(SMALL)],
    "data_dependent": [build_model("data_dependent", 1e-2).law(SMALL)],
    "classes and levels": [two_classes()],
    "two laws that meet": [two_classes(0.3), Uniform(0.5, 0.3).law(SMALL)],
    "cells in units": [CellLaw(*(np.full((1, 1, 1)[:n], x) for n, x in ((2, 0.2), (3, 0.6), (3, 0.3))), unit_bits=32,
                               cells_per_unit=5)],
}  # fmt: skip


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("order", ["RoBaRaCoCh", "ChRaBaRoCo"])
def test_listed_cells_fail_as_the_injector_says(name, order):
    """Read by read, bit by bit, for tensors within a row, across rows and on pages, with what is stored there."""
    address_map = AddressMap(SMALL, order)
    device = Device([LAWS[name]], address_map, seed=9)
    pages, met = np.array([1, 4, 5]), 0
    for place in (
        Region(address_map, 77, 300),
        Region(address_map, 3001, 1000),
        Region(address_map, 900, 50, pages, 8),
        Region(address_map, 20_001, 5000),  # three stretches
    ):
        stored = np.random.default_rng(1).integers(0, 256, (3, place.size_bytes), dtype=np.uint8)
        layout = layout_of(place)
        cells = WeakCells.of(device, layout, device.rows(layout.rows))
        read, expected = stored.copy(), stored.copy()
        flips = cells.flip(read, 5)
        reports = [inject(row, device=device, region=place, access=5 + i) for i, row in enumerate(expected)]
        assert (read == expected).all()
        assert flips == sum(report.flips for report in reports) == np.unpackbits(read ^ stored).sum()
        met += flips
    assert met > 20


def test_what_is_not_listed():
    """Errors drawn anew, cells that read the row before, and more cells than are worth a list."""
    address_map = AddressMap(SMALL, "RoBaRaCoCh")
    layout = layout_of(Region(address_map, 100))
    big = AddressMap(Geometry(1, 1, 1, 1, 64, 1024, 8, 64, 8, 16), "RoBaRaCoCh")
    whole = layout_of(Region(big, MOST_CELLS))
    for law, where, its in (
        (Uniform(1e-3).law(SMALL), address_map, layout),
        (two_classes(previous_row=True), address_map, layout),
        (Uniform(0.5, 0.2).law(big.geometry), big, whole),
    ):
        device = Device([[law]], where)
        assert WeakCells.of(device, its, device.rows(its.rows)) is None
