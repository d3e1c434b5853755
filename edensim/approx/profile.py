"""Profiling a simulated module: what a tester would read from it at every voltage and latency.

The module's weak cells are those of its chip profile and seed; the data, the order of reads and the repetitions are
those of `profile_plan`. Reads and the points made of them are what `fit` and `chip_csv` take, so a simulated chip
can be profiled, fitted and compared with itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edensim.approx.chip import Chip, Setting
from edensim.approx.chip_cells import chip_laws
from edensim.approx.device import Device
from edensim.approx.fit_reads import Reads
from edensim.approx.injection import inject
from edensim.approx.profile_plan import Plan, stored_rows
from edensim.approx.region import Region
from edensim.errors import ConfigError
from edensim.memory.address_map import AddressMap
from edensim.memory.geometry import Geometry
from edensim.memory.operating_state import Nominal

MAP = "RoBaRaCoCh"
UNITS = {"vdd": "V", "tRCD_ns": "ns", "tRP_ns": "ns"}
MOST_BYTES = 4 << 30
"""Reads that one step may hold."""


@dataclass(frozen=True)
class Step:
    """One setting of a profile, and the knobs that make it differ from the others."""

    setting: Setting
    knobs: tuple[str, ...]

    @property
    def name(self) -> str:
        """The setting in words, as far as it is special."""
        return ", ".join(f"{key.removesuffix('_ns')} {getattr(self.setting, key):g} {UNITS[key]}" for key in self.knobs)


def steps_of(
    base: Setting, vdd: Sequence[float], tRCD_ns: Sequence[float], tRP_ns: Sequence[float], grid: bool = False
) -> list[Step]:
    """Settings to measure: each knob alone from the base, or all combinations.

    Raises
    ------
    ConfigError
        If no knob has a value, or one has a value twice.
    """
    axes = {key: tuple(values) for key, values in (("vdd", vdd), ("tRCD_ns", tRCD_ns), ("tRP_ns", tRP_ns)) if values}
    for key, values in axes.items():
        if len(set(values)) < len(values):
            raise ConfigError(f"{key}: a value is given twice; each makes one step")
    if not axes:
        raise ConfigError("no step to profile; give values of vdd, tRCD or tRP")
    if not grid:
        return [Step(replace(base, **{key: value}), (key,)) for key, values in axes.items() for value in values]
    corners = itertools.product(*axes.values())
    return [Step(replace(base, **dict(zip(axes, corner, strict=True))), tuple(axes)) for corner in corners]


def profile(
    chip: Chip,
    steps: Sequence[Step],
    geometry: Geometry,
    nominal: Nominal | None = None,
    plan: Plan | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    experimental: bool = False,
) -> Iterator[Reads]:
    """Read a simulated module at every step.

    Parameters
    ----------
    chip : Chip
        The chip profile the module is of.
    steps : sequence of Step
        Settings, in units of the memory.
    geometry : Geometry
        The memory; one channel of it is read.
    nominal : Nominal, optional
        Data-sheet values of the memory (default: those of the chip).
    plan : Plan, optional
        Rows, repetitions, data.
    seed : int
        The module: where its weak cells are, and what happens in each read.
    progress : callable, optional
        Called with blocks of rows done and their number.
    experimental : bool
        Whether laws without chip data may be used.

    Yields
    ------
    Reads
        Of one step, in their order.

    Raises
    ------
    ConfigError
        If a setting has no law, or a step would hold more than 4 GiB of reads.
    """
    plan = plan or Plan()
    geometry = replace(geometry, channels=1)
    address_map = AddressMap(geometry, MAP)
    first = plan.first_rows(geometry)
    total = len(steps) * len(first)
    size = len(plan.order) * 2 * len(first) * geometry.banks * geometry.row_bytes
    if size > MOST_BYTES:
        raise ConfigError(
            f"{size:,} bytes of reads per step: expected at most {MOST_BYTES:,}; ask for fewer pairs, reads or patterns"
        )
    for k, step in enumerate(steps):
        laws = chip_laws(chip, step.setting, geometry, nominal, experimental)
        device = Device([laws], address_map, seed=seed)
        blocks = []
        for done, row in enumerate(first):
            blocks.append(_read_pair(device, plan, int(row), k * len(plan.order)))
            if progress is not None:
                progress(k * len(first) + done + 1, total)
        parts = [np.concatenate([block[i] for block in blocks], axis=axis) for i, axis in enumerate((1, 1, 0, 0))]
        setting = {key: getattr(step.setting, key) for key in ("vdd", "tRCD_ns", "tRAS_ns", "tRP_ns")}
        if step.setting.temperature_C is not None:
            setting["temperature_C"] = step.setting.temperature_C
        reads, stored, bank, rows = parts
        yield Reads(reads, stored, plan.order, np.zeros(len(rows), np.int64), bank, rows, setting, step.name)


def _read_pair(device: Device, plan: Plan, row: int, access: int) -> tuple[np.ndarray, ...]:
    """Read two neighbouring rows in all banks: reads, stored, bank and row of each.

    The row before them is read first, so that it is open when the first of the two is activated.
    """
    address_map = device.address_map
    geometry = address_map.geometry
    first = int(address_map.encode(0, 0, row - 1, 0))
    lines = first + np.arange(3 * geometry.banks) * geometry.columns
    _, bank, rows, _ = address_map.decode(lines)
    stored = stored_rows(plan, rows, geometry.row_bytes)
    region = Region(address_map, stored[0].nbytes, int(lines[0]) * geometry.burst_bytes)
    found = np.empty((len(plan.order), *stored.shape[1:]), np.uint8)
    for k, pattern in enumerate(plan.order):
        inject(stored[pattern], device=device, region=region, access=access + k, out=found[k], threads=1, details=False)
    kept = np.flatnonzero(rows >= row)
    return found[:, kept], stored[:, kept], bank[kept], rows[kept]
