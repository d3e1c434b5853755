"""Chips: cells simulated from the shipped profiles beside what was measured on 30 + 31 modules, as table and figure.

    python benchmarks/chips.py [--write] [--data FOLDER]

For every vendor and setting that was measured: the median, least and greatest module of the data; what a simulated
module of the vendor's profile reads (all banks, 534 rows: a period of the row stripe; tRCD: mean of 0x00 and 0xff;
tRP: the previous row holds the inverse; VDD: lines that fail in any of 8 reads at 10 ns, in rows all over the banks, as
groups of rows differ); and the 10 to 90 % range of 200 modules drawn from the spread between them. --write renews the
section of benchmarks/README.md and benchmarks/chips.svg. --data derives the parameters again from the public files (see
edensim/approx/chip_raw.py and chip_maps.py) and prints them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from table import markdown, publish

from edensim.approx import chip_maps, chip_raw
from edensim.approx.chip import KNOBS, Chip
from edensim.approx.chip_cells import chip_laws
from edensim.approx.chip_curves import curve
from edensim.approx.chip_load import load_chip
from edensim.approx.chip_module import module_of
from edensim.approx.chip_schema import Measured
from edensim.approx.device import Device
from edensim.approx.injection import inject
from edensim.approx.region import Region
from edensim.memory.address_map import AddressMap
from edensim.memory.geometry import Geometry
from edensim.study.plots.chips import draw
from edensim.study.plots.options import Options
from edensim.study.plots.style import encode, styled

VENDORS = "ABC"
FIGURE = Path(__file__).parent / "chips.svg"
DDR3L = Geometry(1, 1, 1, 8, 65_536, 128, 8, 64, 8, 512)
MAP = AddressMap(DDR3L, "RoBaRaCoCh")
ROWS, ROWS_AT_ONCE, MODULES, READS = 534, 89, 200, 8
APART = 122
"""Rows from one to the next where they are taken all over the banks: 534 of them meet both stripes equally often."""
LINE_BITS, MODULE_LINES = 512, 1 << 25


def simulate(chip: Chip, seen: Measured) -> float:
    """What a simulated module reads at a setting that was measured."""
    key, _ = KNOBS[seen.knob]
    base = chip.nominal if seen.knob != "VDD" else replace(chip.nominal, tRCD_ns=10.0, tRP_ns=10.0)
    device = Device([chip_laws(chip, replace(base, **{key: seen.at}), DDR3L)], MAP, seed=1)
    if seen.knob == "tRCD":
        return float(np.mean([wrong.mean() for byte in (0x00, 0xFF) for wrong in flips(device, byte, byte)]))
    if seen.knob == "tRP":
        return float(np.mean([wrong[:, 1:].mean() for wrong in flips(device, 0xFF, 0x00)]))
    lines = 0
    for first in range(0, ROWS * APART, APART):
        failed = np.zeros(DDR3L.banks * DDR3L.columns, bool)
        for access in range(READS):
            failed |= one_read(device, 0x00, 0x00, first, access, 1).reshape(-1, LINE_BITS).any(1)
        lines += int(failed.sum())
    return lines / (ROWS * DDR3L.banks * DDR3L.columns)


def flips(device: Device, even: int, odd: int) -> Iterator[np.ndarray]:
    """Flipped bits of all rows, some at a time: (rows, banks, bits); if rows differ, of those with one before them."""
    for first in range(0, ROWS, ROWS_AT_ONCE):
        wrong = one_read(device, even, odd, first, 0)
        yield wrong if even == odd else wrong[1:]


def one_read(device: Device, even: int, odd: int, first: int, access: int, rows: int = ROWS_AT_ONCE) -> np.ndarray:
    """Flipped bits of some rows in one read; even and odd rows hold one byte each."""
    stored = np.full((rows, DDR3L.banks, DDR3L.row_bytes), even, np.uint8)
    stored[1::2] = odd
    read = np.empty_like(stored)
    region = Region(MAP, stored.nbytes, first * DDR3L.banks * DDR3L.row_bytes)
    inject(stored, device=device, region=region, access=access, out=read, details=False)
    return np.unpackbits(stored ^ read, axis=2).astype(bool)


def band(modules: list[Chip], seen: Measured) -> tuple[float, float]:
    """10 and 90 % of drawn modules; of lines, what is counted in the 2^25 of a module."""
    values = [getattr(curve(module, seen.knob, [seen.at])[0], seen.quantity) for module in modules]
    if seen.quantity == "line_fraction":
        values = np.random.default_rng(1).binomial(MODULE_LINES, values) / MODULE_LINES
    low, high = np.quantile(values, [0.1, 0.9])
    return float(low), float(high)


def compare() -> tuple[str, dict[tuple[str, str], list[tuple[float, float]]]]:
    """Table of all settings, and the simulated values by chip and knob."""
    rows, clean, simulated = [], [], {}
    for vendor in VENDORS:
        chip = load_chip(vendor)
        modules = [Chip(f"{vendor}@{k}", module_of(chip.table, vendor, str(k))) for k in range(MODULES)]
        for seen in chip.table.measured:
            value, (low, high) = simulate(chip, seen), band(modules, seen)
            simulated.setdefault((vendor, seen.knob), []).append((seen.at, value))
            unit = "V" if seen.knob == "VDD" else "ns"
            if seen.most == value == high == 0:
                clean.append(f"{vendor} {seen.knob} {seen.at:g} {unit}")
                continue
            inside = "yes" if low <= seen.median <= high else "**no**"
            shown = [f"{x:.3g}" for x in (seen.median, seen.least, seen.most, value, low, high)]
            what = "faulty lines" if seen.quantity == "line_fraction" else "BER"
            rows.append([f"{vendor} {seen.knob} {seen.at:g} {unit}", what, seen.dimms, *shown, inside])
    head = ["setting", "", "modules", "median", "least", "most", "simulated", "10 %", "90 %", "median inside"]
    none = f"\n\nNo errors, neither measured nor simulated: {', '.join(clean)}."
    return markdown(head, rows) + none, simulated


def derive(folder: str) -> None:
    """Print the parameters that follow from the public files."""
    latency, voltage = chip_raw.read_latency(folder), chip_raw.read_voltage(folder)
    modules, maps = chip_raw.module_trcd(latency), chip_maps.read_maps(folder)
    for vendor in VENDORS:
        found = {
            "tRCD": chip_raw.vendor_knots(modules, vendor) | {"bank_z": chip_raw.bank_quantiles(latency, vendor)},
            "tRP": chip_raw.module_trp(latency).loc[vendor].median().to_dict(),
            "VDD": chip_raw.voltage_law(voltage, vendor),
            "rows (correlation, own, modules)": chip_maps.vendor_rows(maps, vendor),
            "temperature": chip_raw.temperature_factors(latency, vendor),
        }
        print(f"{vendor}: {json.dumps(found, indent=1)}")


def main() -> None:
    """Print the table, draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="renew benchmarks/README.md and benchmarks/chips.svg")
    parser.add_argument("--data", metavar="FOLDER", help="derive the parameters from the public files")
    arguments = parser.parse_args()
    if arguments.data:
        derive(arguments.data)
        return
    table, simulated = compare()
    with styled():
        picture = draw([load_chip(vendor) for vendor in VENDORS], Options("double"), simulated)
    if arguments.write:
        FIGURE.write_bytes(encode(picture.figure, "svg"))
    note = "\n\n![simulated against measured](chips.svg)\n\nCrosses: simulated cells. Nothing is tuned beyond the fits."
    publish("Chips: simulated against measured", "python benchmarks/chips.py --write", table + note, arguments.write)


if __name__ == "__main__":
    main()
