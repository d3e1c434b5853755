"""Parity presets in the form the reference controller and the checker take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edensim.config.schema import Dram, DramController
from edensim.dram.command_log import resolve_edges
from edensim.dram.commands import COMMAND_NAMES, is_rank_command
from edensim.dram.policy import auto_precharge
from edensim.dram.reference import Requests, Settings
from edensim.dram.standard import Standard, evaluate
from edensim.dram.table import Edge
from edensim.dram.timing import TimingSet, resolve_timing
from edensim.memory import AddressMap, Geometry
from tests.dram.preset_dram import dram as preset_dram

GOLDEN_COMMANDS = ("ACT", "PREpb", "PREab", "RD", "WR", "RDA", "WRA", "REFab", "REFpb")
GDDR6_COMMANDS = ("ACT", "PREab", "PREpb", "RD", "WR", "RDA", "WRA", "REFab", "REFpb")
LPDDR5_COMMANDS = ("ACT", "ACT2", "PREpb", "PREab", "CAS_RD", "CAS_WR", "RD", "WR", "RDA", "WRA", "REFab", "REFpb")
"""Numbering of the commands in the published digests."""


def parity_dram(name: str) -> Dram:
    """The preset ramulator2:NAME."""
    return preset_dram(f"ramulator2/{name}")


def decode(dram: Dram, trace: Mapping[str, NDArray[np.unsignedinteger]]) -> Requests:
    """Places of all requests; one trace line of 64 bytes is one burst, addresses wrap."""
    geometry = Geometry.from_config(dram)
    lines = trace["addr"] // np.uint64(64) % np.uint64(geometry.lines)
    places = AddressMap(geometry, dram.address_map).decode(lines)
    return Requests(*places, trace["is_write"].astype(np.int64), trace["arrival"].astype(np.int64))


def constraint_table(dram: Dram) -> list[Edge]:
    """The constraints in force, the same for every channel."""
    timing = resolve_timing(dram)
    return resolve_edges(timing.standard, timing.ck, {}, Geometry.from_config(dram).banks)


def settings(dram: Dram) -> Settings:
    """Controller choices of a preset."""
    timing, controller = resolve_timing(dram), dram.controller
    return Settings(
        row_hit_first=controller.scheduler in ("FRFCFS_RowHit", "FRFCFS_Capped"),
        read_queue=controller.read_queue,
        write_queue=controller.write_queue,
        read_latency=timing.read_latency + controller.bounding_ck,
        refresh_interval={
            "none": 0,
            "per_bank": timing.ck.get("nREFIpb", 0),
            "same_bank": timing.ck.get("nREFIsb", 0),
        }.get(controller.refresh, timing.ck["nREFI"]),
        refresh_scatter=controller.refresh_scatter_ck,
        write_marks=(controller.write_high, controller.write_low),
        write_latency=0 if controller.front_end == "ramulator2" else timing.write_latency,
        per_channel=controller.front_end == "per_channel",
        in_order=controller.scheduler == "FCFS",
        hit_cap=(controller.hit_cap or 4) if controller.scheduler == "FRFCFS_Capped" else 0,
        **row_timeout(controller, timing.ck["nRC"]),
        postponed=controller.refresh_postponed,
        row_cap=(controller.row_cap or 1) if controller.row_policy == "closed" else 0,
        drops_stale=controller.front_end != "ramulator2",
        per_bank_refresh=controller.refresh == "per_bank",
        same_bank_refresh=controller.refresh == "same_bank",
        **family_rules(timing.standard, timing.ck),
        **sleep_rules(dram, timing, auto_precharge(constraint_table(dram))),
    )


def sleep_rules(dram: Dram, timing: TimingSet, auto: tuple[int, int]) -> dict[str, Any]:
    """When ranks are powered down, in clocks."""
    c = dram.controller
    down = None if c.power_down == "none" else c.power_down_after_ck
    if c.power_down != "none" and down is None:
        down = timing.ck["nRC"]
    deep = c.self_refresh_after_us
    return {
        "power_down_after": down,
        "self_refresh_after": None if deep is None else int(np.ceil(deep * 1_000_000 / float(timing.period))),
        "closes_before_sleep": c.power_down != "active",
        "auto_precharge": auto,
    }


def row_timeout(controller: DramController, default: int) -> dict[str, Any]:
    """Clocks after which rows are closed, and their range."""
    start = controller.row_timeout_ck or default
    if controller.row_policy == "adaptive":
        return {"row_timeout": start, "timeout_range": (max(1, start // 4), 64 * start)}
    return {"row_timeout": start, "timeout_range": (start, start)} if controller.row_policy == "timeout" else {}


def family_rules(standard: Standard, ck: Mapping[str, int]) -> dict[str, Any]:
    """What the command bus of a family is like, in clocks."""
    texts = (standard.second_activate, standard.wck_read, standard.wck_write)
    second, read, write = (int(evaluate(text, ck)) if text else 0 for text in texts)
    bus = {"two_buses": standard.two_buses, "half_clock": standard.half_clock}
    return {"second_activate": second, "wck_runs": (read, write), **bus}


def golden_records(log: NDArray[np.int64], dram: Dram) -> NDArray[np.int64]:
    """Commands in the record format of the published digests.

    Little-endian int64: clock, command number, then rank (pseudo-channel, stack ID) and bank group (if the standard has
    any), bank, row, column; -1 where the command addresses all.
    """
    order = {"GDDR6": GDDR6_COMMANDS, "LPDDR5": LPDDR5_COMMANDS}.get(dram.standard, GOLDEN_COMMANDS)
    numbers = np.array([order.index(x) if x in order else -1 for x in COMMAND_NAMES])
    clock, command, target, row, column = log.T
    of_rank = is_rank_command(command)
    banks_per_sid = dram.bank_groups * dram.banks_per_group
    in_rank = target % (dram.stack_ids * banks_per_sid)
    rank = np.where(of_rank, target, target // (dram.stack_ids * banks_per_sid))
    sid, in_sid = (np.where(of_rank, -1, x) for x in np.divmod(in_rank, banks_per_sid))
    group, bank = (np.where(of_rank, -1, x) for x in np.divmod(in_sid, dram.banks_per_group))
    levels = {"DDR3": [rank], "GDDR6": [group], "HBM3": [rank, sid, group]}.get(dram.standard, [rank, group])
    return np.stack([clock, numbers[command], *levels, bank, row, column], axis=1).astype("<i8")
