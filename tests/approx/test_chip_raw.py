"""The numbers of profiles A, B and C, derived again from the public data where a user supplies the files.

EDENSIM_CHIP_DATA names a folder with `data_latvar_sigmetrics2016.csv` (CMU-SAFARI/DRAM-Latency-Variation-Study) and
`dimm_faulty_cachelines_out.csv`, `retention_time_profile.csv` (CMU-SAFARI/DRAM-Voltage-Study); and, for the drawings,
the folder `spatial_locality` of the latter.
"""

from __future__ import annotations

import os
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from edensim.approx import chip_maps, chip_raw
from edensim.approx.chip_load import load_chip
from edensim.errors import InputError

FOLDER = os.environ.get("EDENSIM_CHIP_DATA", "")
with_data = pytest.mark.skipif(not FOLDER, reason="EDENSIM_CHIP_DATA names no folder with the public data")
VENDORS = "ABC"


@pytest.fixture(scope="module")
def latency():
    return chip_raw.read_latency(FOLDER)


@pytest.fixture(scope="module")
def voltage():
    return chip_raw.read_voltage(FOLDER)


@with_data
def test_counts(latency, voltage):
    """11 970 tests of 8, 9 and 13 modules; 212 points of 10, 11 and 9; every fraction a multiple of 2^-25."""
    assert len(latency) == 11_970
    assert latency.groupby("VendorMask")["Label"].nunique().to_dict() == {"A": 8, "B": 9, "C": 13}
    assert len(voltage) == 212
    assert voltage.groupby("vendor")["dimm_name"].nunique().to_dict() == {"A": 10, "B": 11, "C": 9}
    lines = voltage["fraction"] * chip_raw.LINES
    assert np.abs(lines - lines.round()).max() < 1e-3
    safe = latency[latency["tRCD"].between(10, 12) | latency["tRP"].between(10, 12)]
    assert len(safe) == 1334 + 1088
    assert safe["DIMMBER"].max() == 0


@pytest.mark.skipif(not (Path(FOLDER) / "spatial_locality").is_dir(), reason="the maps are not there")
def test_maps(voltage):
    """94 drawings of where rows fail, all at 10 ns and 20 C, of the modules of the table and one more."""
    maps = [path.stem.split("_") for path in (Path(FOLDER) / "spatial_locality").glob("*.pdf")]
    assert len(maps) == 94
    assert {tuple(words[1:4]) for words in maps} == {("rcd4", "rp4", "temp20")}
    assert {words[0] for words in maps} - set(voltage["dimm_name"]) == {"B6"}


@pytest.mark.skipif(not (Path(FOLDER) / "spatial_locality").is_dir(), reason="the maps are not there")
def test_row_groups():
    """What groups of rows have in common, and a bank's own part; one drawing was saved in a form not read here."""
    maps = chip_maps.read_maps(FOLDER)
    assert len(maps) == 93
    for vendor, count in zip(VENDORS, (6, 3, 8), strict=True):
        correlation, own, modules = chip_maps.vendor_rows(maps, vendor)
        law = load_chip(vendor).table.VDD
        assert (law.row_correlation, law.row_own) == pytest.approx((correlation, own), rel=1e-3)
        assert modules == count


@with_data
@pytest.mark.parametrize("vendor", VENDORS)
def test_timing_laws(latency, vendor):
    """Knots, spreads, polarity, banks and temperature factors of the shipped profiles are those of the data."""
    table = load_chip(vendor).table
    modules = chip_raw.module_trcd(latency)
    knots = chip_raw.vendor_knots(modules, vendor)
    for name in ("z", "z_sd", "one_share", "one_share_sd"):
        assert getattr(table.tRCD, name)[:3] == pytest.approx(knots[name], rel=1e-3, abs=1e-4)
    assert table.tRCD.z_correlation == pytest.approx(knots["z_correlation"], abs=0.01)
    assert np.array(table.tRCD.bank_z[:3]) == pytest.approx(
        np.array(chip_raw.bank_quantiles(latency, vendor)), abs=0.011
    )
    factors = chip_raw.temperature_factors(latency, vendor)
    assert table.tRCD.temperature_C == tuple(factors)
    assert table.tRCD.temperature_factor == pytest.approx(list(factors.values()), rel=1e-3)
    rates = chip_raw.module_trp(latency).loc[vendor].median() / (0.5 if vendor == "C" else 1)
    normal = NormalDist()
    assert table.tRP.z[:3] == pytest.approx([normal.inv_cdf(rates[t]) for t in chip_raw.TIMES_NS], abs=2e-3)


@with_data
@pytest.mark.parametrize("vendor", VENDORS)
def test_voltage_law(voltage, vendor):
    """Slope, mean and spread of v50, and v50 of every module."""
    table, law = load_chip(vendor).table, chip_raw.voltage_law(voltage, vendor)
    for name in ("slope_per_v", "v50", "v50_sd", "z_sd"):
        assert getattr(table.VDD, name) == pytest.approx(law[name], rel=2e-3)
    for name, v50 in law["modules"].items():
        assert table.dimm[name].v50 == pytest.approx(v50, abs=1e-4)


@with_data
@pytest.mark.parametrize("vendor", VENDORS)
def test_summaries(latency, voltage, vendor):
    """Medians, extremes and numbers of modules in [[measured]]."""
    trcd, trp = chip_raw.module_trcd(latency)["mean"], chip_raw.module_trp(latency)
    for seen in load_chip(vendor).table.measured:
        if seen.knob == "tRCD":
            values = trcd.xs((vendor, seen.at), level=(0, 2)).dropna()
        elif seen.knob == "tRP":
            values = trp.loc[vendor][seen.at].dropna()
        else:
            values = voltage[(voltage["vendor"] == vendor) & (voltage["vdd"] == seen.at)]["fraction"]
        assert len(values) == seen.dimms
        found = (values.median(), values.min(), values.max())
        assert found == pytest.approx((seen.median, seen.least, seen.most), rel=1e-3, abs=1e-12)


@with_data
@pytest.mark.parametrize("vendor", VENDORS)
def test_retention(vendor):
    """Failing cells by interval at 20 and 70 C."""
    law = load_chip(vendor).table.refresh
    cells = chip_raw.retention_cells(chip_raw.read_retention(FOLDER), vendor)
    for row, temperature in zip(law.cells, law.temperature_C, strict=True):
        assert row == pytest.approx(cells.loc[temperature][list(law.intervals_ms)].tolist(), rel=1e-3)


@pytest.mark.parametrize("name", [chip_raw.LATENCY, chip_raw.VOLTAGE])
def test_not_the_published_file(tmp_path, name):
    """A missing file, and one with other columns, are refused."""
    read = chip_raw.read_latency if name == chip_raw.LATENCY else chip_raw.read_voltage
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path)
    (tmp_path / name).write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="expected the published file"):
        read(tmp_path)


def test_tobit_finds_a_line():
    """Points of a known line with noise, most of them only known to be below or above a limit, give the line back."""
    rng = np.random.default_rng(3)
    x = rng.uniform(-3, 3, 4000)
    y = 2.0 + 1.5 * x + rng.normal(0, 0.7, x.size)
    side = np.where(y < 0, -1, np.where(y > 3, 1, 0))
    design = np.column_stack([np.ones_like(x), x])
    coefficients, sd = chip_raw.tobit(design, np.clip(y, 0, 3), side)
    assert coefficients == pytest.approx([2.0, 1.5], abs=0.08)
    assert sd == pytest.approx(0.7, abs=0.05)
