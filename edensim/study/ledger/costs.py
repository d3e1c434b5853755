"""Sections 5 and 6.2: metadata of the memory controller, and the time that profiling a module takes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from edensim.approx.profile_plan import Plan, seconds
from edensim.config import Resolved, load_config
from edensim.memory import Geometry, nominal_values
from edensim.study.ledger import paper
from edensim.study.ledger.item import SCALED, Context, Item, Row, row
from edensim.study.profiling import rig_times

DDR4 = "ddr4-2400r-8gb-x8"
VOLTAGE_BITS, TIMING_BITS, PARTITIONS = 8, 4, 1 << 10
FOUR_GB = {"dram.density_mbit": 4096, "dram.rows": 32_768, "dram.timing.tRFC_ns": 260.0}
"""DDR4 of 16 banks, eight devices of 4 Gb (JESD79-4: 32 Ki rows, tRFC 260 ns)."""


def _memory(changes: Mapping[str, object] | None = None) -> Resolved:
    return load_config({"dram": {"preset": DDR4}}, set=changes or {})


def _voltages() -> float:
    return Geometry.from_config(_memory().config.dram).banks_per_rank * VOLTAGE_BITS / 8


def _subarrays() -> float:
    dram = _memory().config.dram
    return dram.rows // dram.subarray_rows * Geometry.from_config(dram).banks_per_rank * TIMING_BITS / 8


def _metadata(context: Context) -> list[Row]:
    bits = f"{TIMING_BITS} bits each, as the paper says; its number is that of a byte each"
    get = partial(paper.value, "controller")
    return [
        row("voltages, one per bank", get("voltage_bytes"), _voltages, "B",
            note="16 banks of 8 bits; the paper's number is the upper end, for 32 banks"),
        row("tRCD of 1024 partitions", get("timing_bytes"),
            lambda: PARTITIONS * TIMING_BITS / 8, "B", note=bits),
        row("tRCD of all subarrays, 8 GB DDR4", get("subarray_bytes"), _subarrays, "B", note=bits),
    ]  # fmt: skip


def profiling_minutes(reads: int, patterns: int) -> float:
    """Minutes to read every bit of a 4 GB DDR4 module so often with so many patterns, at tRCD and VDD lowered once."""
    resolved = _memory(FOUR_GB)
    dram = resolved.config.dram
    nominal = nominal_values(dram)
    times = (nominal.tRCD_ns, nominal.tRAS_ns, nominal.tRP_ns)
    plan = Plan(pairs=1, reads=max(reads, 2), patterns=Plan().patterns[:patterns])
    geometry, rig = Geometry.from_config(dram), rig_times(resolved)
    spent = seconds(plan, geometry, rig, times, times, whole=True)
    if reads == 1:  # a plan has at least two reads: take the second one off
        longer = seconds(Plan(1, 3, plan.patterns), geometry, rig, times, times, whole=True)
        spent -= longer - spent
    return spent / 60


def _profiling(context: Context) -> list[Row]:
    limit = paper.value("profiling", "minutes")
    open_ = "the paper says less than this, and neither how many settings, patterns and reads nor whether every row"
    return [
        row(f"{patterns} patterns, {reads} read{'s' * (reads > 1)} of every bit", limit,
            partial(profiling_minutes, reads, patterns), "min", SCALED, f"one setting; {open_}")
        for patterns, reads in ((1, 1), (4, 1), (4, 2), (4, 8))
    ]  # fmt: skip


ITEMS = [
    Item("controller-metadata", "What the memory controller has to keep", paper.source("controller"), _metadata),
    Item("profiling-time", "Profiling a 4 GB DDR4 module", paper.source("profiling"), _profiling),
]
