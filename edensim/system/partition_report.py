"""What every partition holds, moves and costs, and how much of a rank's energy cannot follow a lower VDD.

A bank's own energy and traffic belong to the partition of the bank, exactly. Several partitions may share a bank
(subarrays): they get its refreshes by their share of its rows, and the rest by that share weighed with how much a row
of theirs moves. Chips with a supply of their own get what they draw, the standing background of the chip included, and
the part of every burst that they carry. What is left is the background that the banks of a rank share: it belongs to no
partition and stands apart.

Estimated, not counted: the split of a bank that several partitions share. A tensor is taken to move as much per byte as
all of its kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edensim.config import schema
from edensim.dram.controller import DramSystem
from edensim.dram.counters import Counters
from edensim.dram.energy import COMPONENTS, EnergyBreakdown, EnergyModel
from edensim.memory import Placement
from edensim.memory.placement import KINDS
from edensim.system.energy_report import NOT_ZERO, FixedSupplies
from edensim.system.tensors import stored_bytes

Float = NDArray[np.float64]


def partition_report(
    system: DramSystem,
    counters: Counters,
    breakdown: EnergyBreakdown,
    placement: Placement | None = None,
    by_kind: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Break a run down by partition.

    Parameters
    ----------
    system, counters, breakdown
        The memory, what it did and what that cost.
    placement : Placement, optional
        Where tensors lie.
    by_kind : mapping of str to int, optional
        Bytes moved by kind of tensor.

    Returns
    -------
    dict
        Empty without partitions. partitions {name: {operating_point, energy_pj {components, total}, bytes {read,
        write}, stored_bytes, tensors {name: bytes there}}}, where a tensor that goes by two names is stored once; and
        shared_energy_pj {background}. Energies of all partitions and the shared one make the total; bytes are those
        that crossed the data bus.
    """
    division = system.state.partitions
    if len(division.names) == 1:
        return {}
    stored = {} if placement is None else stored_bytes(placement, system)
    rows = division.bank_share()
    busy = _weights(system, rows, stored, placement, by_kind or {})
    fed_by_rank = division.chip_owner == 0
    shared = breakdown.shared_by_chip
    if shared.shape[2] == 1:  # one chip stands for all
        fed_by_rank = fed_by_rank[:, :, :1]
    points = system.state.describe()
    report = {}
    for k, name in enumerate(division.names):
        if name in division.of_chips:
            chips = division.chip_owner == k
            bank_work = bank_rows = np.ones(busy.shape[1:])
            standing = float(shared[chips].sum())
        else:
            chips, bank_work, bank_rows, standing = fed_by_rank, busy[k], rows[k], 0.0
        mine = np.repeat(chips, division.geometry.banks_per_rank, axis=1)
        shares = dict.fromkeys(COMPONENTS, bank_work[:, :, None] * mine) | {"ref": bank_rows[:, :, None] * mine}
        energy = {part: float((values * shares[part]).sum()) for part, values in breakdown.by_place.items()}
        energy["background"] += standing
        tensors = {tensor: parts[name] for tensor, parts in stored.items() if parts.get(name)}
        report[name] = {
            "operating_point": points[name],
            "energy_pj": energy | {"total": sum(energy[part] for part in COMPONENTS)},
            "bytes": _moved(counters, shares["rd"], division.geometry.burst_bytes),
            "stored_bytes": _once(placement, tensors),
            "tensors": tensors,
        }
    return {"partitions": report, "shared_energy_pj": {"background": float(shared[fed_by_rank].sum())}}


def supply_warnings(dram: schema.Dram, energy: schema.Energy, system: DramSystem, counters: Counters) -> list[str]:
    """Say how much of the energy of a rank stays, because its banks share what needs the highest of their VDDs.

    One text for each partition with banks below the highest VDD of their rank.
    """
    state, geometry = system.state, system.geometry
    supplies = state.supplies
    by_rank = supplies.reshape(geometry.channels, geometry.ranks_per_channel, geometry.banks_per_rank, -1)
    highest = np.repeat(by_rank.max(axis=2), geometry.banks_per_rank, axis=1)  # of every chip
    lowered = supplies < highest
    if not lowered.any():
        return []
    told = []
    total = EnergyModel(dram, state, energy, system.timing).price(counters).by_rank
    if not total.all():  # no time went by
        return []
    for k, name in enumerate(state.partitions.names):
        held = (state.partitions.owner == k).any(axis=2)
        banks = lowered & held[:, :, None]
        ranks = banks.any(axis=2).reshape(geometry.channels, geometry.ranks_per_channel, -1).any(axis=2)
        if not ranks.any():
            continue
        at_rest = FixedSupplies(np.where(banks, supplies * NOT_ZERO, supplies))
        kept = EnergyModel(dram, at_rest, energy, system.timing).price(counters).by_rank
        share = kept[ranks].sum() / total[ranks].sum()
        told.append(
            f"partition {name!r} runs at {state.points[name].vdd:g} V, but {_keep(ranks, highest[banks].max())} for "
            "what banks share (background, reads, writes), and I/O has a supply of its own: "
            f"{share:.1%} of the energy there does not follow the partition's VDD"
        )
    return told


def _keep(ranks: NDArray[np.bool_], volt: float) -> str:
    if ranks.sum() > 1:
        return f"{ranks.sum()} ranks keep up to {volt:g} V, the highest VDD of their banks,"
    channel, rank = np.argwhere(ranks)[0]
    return f"channel {channel}, rank {rank} keeps {volt:g} V, the highest VDD of its banks,"


def _weights(
    system: DramSystem,
    rows: Float,
    stored: Mapping[str, Mapping[str, int]],
    placement: Placement | None,
    by_kind: Mapping[str, int],
) -> Float:
    """Share of every bank's work done for each partition: (partitions, channels, banks), sums to 1 on axis 0."""
    division = system.state.partitions
    if placement is None or not by_kind:
        return rows
    capacity = division.capacity_bytes()
    held = {kind: dict.fromkeys(division.names, 0) for kind in KINDS}
    for name, tensor in placement.tensors.items():
        for partition, count in stored[name].items():
            held[tensor.kind][partition] += count
    moved = dict.fromkeys(division.names, 0.0)
    for kind, parts in held.items():
        everywhere = sum(parts.values())
        for partition, count in parts.items():
            moved[partition] += by_kind[kind] * count / everywhere if everywhere else 0.0
    per_byte = np.array([moved[name] / capacity[name] if capacity[name] else 0.0 for name in division.names])
    busy = rows * per_byte[:, None, None]
    total = busy.sum(axis=0)
    return np.where(total > 0, busy / np.where(total > 0, total, 1.0), rows)


def _moved(counters: Counters, places: Float, burst_bytes: int) -> dict[str, int]:
    """Bytes that crossed the data bus for some places, [channels, banks, chips] as shares of a bank's chips."""
    share = places.mean(axis=2)
    return {
        name: round(float((bursts * share).sum()) * burst_bytes)
        for name, bursts in (("read", counters.n_rd), ("write", counters.n_wr))
    }


def _once(placement: Placement | None, tensors: Mapping[str, int]) -> int:
    if placement is None:
        return 0
    return sum(count for name, count in tensors.items() if not placement.tensors[name].alias_of)
