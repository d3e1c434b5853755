"""Chips: loading, modules, carrying to another memory, and every way to ask for something that is not there."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from edensim.approx.chip import Setting
from edensim.approx.chip_curves import curve, default_values, knobs_of
from edensim.approx.chip_load import chip_names, load_chip
from edensim.errors import ConfigError
from edensim.memory.operating_state import Nominal

DDR4 = Nominal(vdd=1.2, tRCD_ns=14.16, tRAS_ns=32.0, tRP_ns=14.16, tRC_ns=46.16)
VENDORS = "ABC"


def test_shipped_chips():
    """All shipped profiles load, name their source, and are silent at their nominal point and at that of a memory."""
    assert chip_names() == ["A", "B", "C", "eden"]
    for name in chip_names():
        chip = load_chip(name)
        assert "Chang et al." in chip.table.source or "Koppula" in chip.table.source
        for result in (
            chip.reliability(chip.nominal),
            chip.reliability(Setting(1.2, 14.16, 32.0, 14.16), DDR4),
        ):
            assert (result.ber, result.failures, result.basis) == (0, (), "nominal")


def test_number_of_modules():
    """The profiles carry every module of the studies with its own data: 8, 9, 13 (latency), 9, 11, 9 (voltage)."""
    for vendor, latency, voltage in (("A", 8, 9), ("B", 9, 11), ("C", 13, 9)):
        modules = load_chip(vendor).table.dimm.values()
        assert sum(m.tRCD_z is not None for m in modules) == latency
        assert sum(m.v50 is not None for m in modules) == voltage


def test_carried_to_another_memory():
    """Another memory's settings are read as shares of nominal, and its results are never called measured."""
    chip = load_chip("B")
    own = chip.reliability(replace(chip.nominal, tRCD_ns=5.0))
    there = chip.reliability(Setting(1.2, 14.16 * 5.0 / 13.75, 32.0, 14.16), DDR4, banks=16)
    assert there.ber == pytest.approx(own.ber)
    assert (own.basis, there.basis) == ("measured", "scaled")
    assert there.failures[0].weak.shape == (16, 2)


def test_unseen_modules():
    """The interval of 80 % from all other modules of a vendor covers at least 70 % of the 30 modules, at every knot."""
    for knot in range(3):
        inside = total = 0
        for vendor in VENDORS:
            z = np.array([m.tRCD_z[knot] for m in load_chip(vendor).table.dimm.values() if m.tRCD_z])
            for k in range(len(z)):
                others = np.delete(z, k)
                inside += abs(z[k] - np.median(others)) <= 1.2816 * others.std(ddof=1)
                total += 1
        assert total == 30
        assert inside >= 0.7 * total, f"knot {knot}: {inside} of {total}"


def test_measured_module():
    """A measured module has its own numbers: at 2.5 ns b22 of vendor A misreads 0.98 of its zeros, b18 of its ones."""
    zeros, ones = load_chip("A@b22"), load_chip("A@b18")
    assert zeros.reliability(replace(zeros.nominal, tRCD_ns=2.5)).ber_of(0) == pytest.approx(0.98, abs=0.02)
    assert ones.reliability(replace(ones.nominal, tRCD_ns=2.5)).ber_of(1) == pytest.approx(0.98, abs=0.02)
    assert load_chip("B@B10").table.VDD.v50 == pytest.approx(1.0210)


@pytest.mark.parametrize("vendor", VENDORS)
def test_drawn_modules(vendor):
    """Drawn modules depend on their number alone, spread as the data do, and never get worse with more time."""
    family = load_chip(vendor).table
    assert load_chip(f"{vendor}@5").table == load_chip(f"{vendor}@5").table != load_chip(f"{vendor}@6").table
    drawn = [load_chip(f"{vendor}@{k}").table for k in range(200)]
    z = np.array([table.tRCD.z for table in drawn])
    assert (np.diff(z, axis=1) <= 0).all()
    assert z[:, :3].std(axis=0) == pytest.approx(family.tRCD.z_sd[:3], rel=0.3)
    assert z[:, :3].mean(axis=0) == pytest.approx(family.tRCD.z[:3], abs=0.35)
    v50 = np.array([table.VDD.v50 for table in drawn])
    total = math.hypot(family.VDD.v50_sd, family.VDD.z_sd / family.VDD.slope_per_v)
    assert v50.std() == pytest.approx(total, rel=0.2)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("D", "no chip preset"),
        ("A@A44", "did you mean A4"),
        ("eden@x", "measured: none"),
        ("A@99999999999999999999999", "below 2"),
        ("nowhere.toml", "not found"),
        ("../A", "no preset name"),
    ],
)
def test_unknown_names(name, message):
    """Chips and modules that do not exist are named with the nearest that do."""
    with pytest.raises(ConfigError, match=message):
        load_chip(name)


@pytest.mark.parametrize(
    "changes", [{"vdd": 0.0}, {"vdd": math.nan}, {"tRCD_ns": -1.0}, {"tRP_ns": math.inf}, {"tREFI_scale": 0.0}]
)
def test_impossible_settings(changes):
    """NaN, infinities, negative times and no supply are refused."""
    chip = load_chip("A")
    with pytest.raises(ConfigError, match="expected a positive number"):
        chip.reliability(replace(chip.nominal, **changes))


def test_ideal_latency():
    """A tRCD of 0 is legal: the law stays at its shortest measured time and says so."""
    chip = load_chip("A")
    result = chip.reliability(replace(chip.nominal, tRCD_ns=0.0))
    assert result.ber == pytest.approx(0.471, rel=0.01)
    assert result.basis == "extrapolated"


def test_own_profile(tmp_path):
    """A file of the user extends a shipped profile and changes what it names."""
    path = tmp_path / "mine.toml"
    path.write_text('extends = ["C"]\ntitle = "mine"\n[VDD]\nv50 = 1.1\n')
    mine = load_chip(str(path))
    assert (mine.table.title, mine.table.VDD.v50) == ("mine", 1.1)
    assert mine.table.tRCD == load_chip("C").table.tRCD
    assert load_chip(f"{path}@3").table != mine.table


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('extends = ["C"]\n[VDD]\nv51 = 1.1\n', r"mine.toml:3: VDD.v51: unknown key; did you mean v50"),
        ('extends = ["C"]\n[VDD]\nv50 = -1.1\n', r"mine.toml:3: VDD.v50: .*greater than 0 \(found -1.1\)"),
        ('extends = ["C"]\n[VDD]\nv50 = nan\n', r"mine.toml:3: VDD.v50"),
        ('extends = ["C"]\n[tRCD]\nz = [1.0, 2.0]\n', "z has 2 values, times_ns has 4"),
        ('extends = ["C"]\n[tRCD]\ntimes_ns = [5.0, 2.5, 7.5, 10.0]\n', "2.5 follows 5; expected rising"),
        ('extends = ["C"]\n[VDD]\nbits_per_line = 64\n', "within bits_per_line_band"),
        ('extends = ["E"]\n', "no chip preset"),
        ("title = 3\n", "title"),
        ("title = \n", "not valid TOML"),
    ],
)
def test_bad_profiles(tmp_path, monkeypatch, text, message):
    """Malformed profiles give place, value and what was expected."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_chip("mine.toml")


def test_curves():
    """Curves follow the laws, cover the data, and use the units of the measurement."""
    chip = load_chip("C")
    assert knobs_of(chip) == ["tRCD", "tRP", "VDD"]
    assert knobs_of(load_chip("eden")) == ["VDD", "tRCD"]
    (point,) = curve(chip, "VDD", [1.2])
    assert point.line_fraction == pytest.approx(0.187, abs=0.005)
    assert point.ber_low < point.ber < point.ber_high
    (point,) = curve(chip, "tRP", [5.0])
    assert point.ber == pytest.approx(0.495, abs=0.001)
    values = default_values(chip, "VDD")
    assert values[0] < 1.1
    assert values[-1] > 1.3
