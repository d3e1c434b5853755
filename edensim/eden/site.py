"""Where the network runs: memory and machine of a configuration, prices of operating points, places of tensors.

Prices are simulated, not assumed: the network runs on the configured machine at every operating point on offer. A
mapping becomes a configuration of its own, which `edensim run` takes as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edensim.approx import Device, Region, Setting, load_chip
from edensim.approx.build import build_model
from edensim.approx.partition_laws import device_of, errors_of_chip, errors_of_model
from edensim.config import Resolved, load_config
from edensim.config.eden_schema import Eden
from edensim.config.schema import Placement as PlacementConfig
from edensim.config.schema import Workload
from edensim.config.tree import plain
from edensim.eden.mapping import Assignment, Item, Room, Weights
from edensim.eden.points import Choice, cost, in_parts, offered
from edensim.errors import ConfigError
from edensim.memory import (
    AddressMap,
    Geometry,
    OperatingState,
    PartitionMap,
    TensorRequest,
    place,
    resolve_operating_state,
)
from edensim.memory.partition import REMAINDER, resolve_partitions
from edensim.memory.placement import partition_page_lines, stored_as_one
from edensim.system.run import run
from edensim.system.tensors import tensor_requests
from edensim.workloads.layer import Network

OWN_TABLES = ("eden", "sweep", "compare", "errors", "workload", "extends")
MOST_POINTS = 400


@dataclass
class Site:
    """Memory and machine for one network.

    Parameters
    ----------
    resolved : Resolved
        The configuration.
    network : Network
        Layers of the network, whose tensors the machine moves.
    """

    resolved: Resolved
    network: Network
    plan: Eden = field(init=False)

    def __post_init__(self) -> None:
        assert self.resolved.config.eden is not None
        self.plan = self.resolved.config.eden
        self.workload = Workload(network=self.network.name, precision=self.plan.precision)
        if self.resolved.config.machine is None:
            raise ConfigError("table [machine] is missing; `edensim eden` simulates on a machine")

    @cached_property
    def tables(self) -> dict[str, Any]:
        """The configuration without what belongs to EDEN alone, with partitions."""
        written = {name: value for name, value in plain(self.resolved.written).items() if name not in OWN_TABLES}
        if self.makes_parts:
            written["partition"] = self._parts()
        if "partition" in written:
            # Supplies of chips are chosen here, so those of the configuration are no part of what is nominal.
            of_chips = resolve_partitions(self.address_map.geometry, self.resolved.config.partition).of_chips
            written["partition"] = [_without_point(p) if p["name"] in of_chips else p for p in written["partition"]]
        return written

    @property
    def makes_parts(self) -> bool:
        """Whether parts of the memory are made here: a mapping needs them, and the configuration has none."""
        return self.plan.mapping != "coarse" and "partition" not in plain(self.resolved.written)

    def _parts(self) -> list[dict[str, Any]]:
        banks = Geometry.from_config(self.resolved.config.dram).banks_per_rank
        count = min(self.plan.parts, banks)
        edges = [banks * k // count for k in range(count + 1)]
        return [{"name": f"part{k}", "banks": f"{edges[k]}:{edges[k + 1]}"} for k in range(count)]

    def configuration(self, changes: Mapping[str, Any] | None = None) -> Resolved:
        """The configuration with other tables, for runs of this network."""
        return load_config({"workload": self.workload.model_dump(exclude_none=True), **self.tables, **(changes or {})})

    def simulate(self, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Results of a run; `changes` are tables of the configuration."""
        return run(self.configuration(changes), network=self.network).data

    @cached_property
    def state(self) -> OperatingState:
        """Everything nominal."""
        config = self.configuration().config
        return resolve_operating_state(config.dram, config.operating_point, config.partition)

    @cached_property
    def address_map(self) -> AddressMap:
        """The address map of the memory."""
        dram = self.resolved.config.dram
        return AddressMap.from_config(Geometry.from_config(dram), dram)

    @cached_property
    def requests(self) -> list[TensorRequest]:
        """All tensors of the network."""
        return tensor_requests(self.network, self.workload)

    @cached_property
    def nominal(self) -> dict[str, Any]:
        """Results at the nominal point, partitions left as they are."""
        return self.simulate()

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        """Operating points on offer, priced by simulation; the nominal one first."""
        plan, state = self.plan, self.state
        found = offered(
            load_chip(plan.chip), state.nominal, state.partitions.geometry.banks_per_rank,
            plan.vdd, plan.tRCD_ns, plan.tRP_ns, plan.experimental,
        )  # fmt: skip
        if len(found) > MOST_POINTS:
            raise ConfigError(f"[eden] offers {len(found)} operating points; expected at most {MOST_POINTS}")
        points = {f"point{k}": {"vdd": c.vdd, "tRCD_ns": c.tRCD_ns, "tRP_ns": c.tRP_ns} for k, c in enumerate(found)}
        data = self.simulate({"compare": {k: points[k] for k in list(points)[1:]}, "partition": []})
        priced = [found[0]]
        for k, choice in enumerate(found[1:], 1):
            there = data["compare"][f"point{k}"]
            priced.append(
                replace(
                    choice,
                    energy=there["energy_pj"]["total"] / data["energy_pj"]["total"],
                    time=there["time_ns"] / data["time_ns"],
                )
            )
        return tuple(priced)

    @cached_property
    def rooms(self) -> list[Room]:
        """Parts of the memory, each with all points on offer."""
        sizes = self.state.partitions.capacity_bytes()
        whole = sum(sizes.values())
        partitions = self.state.partitions
        by_bank = partitions.bank_share()  # (parts, channels, banks of all ranks)
        by_rank = by_bank.reshape(len(by_bank), -1, partitions.geometry.banks_per_rank)
        groups, shares = _groups(by_rank.sum(2) > 0), by_rank.sum(1)
        supplies = _groups(by_bank.reshape(len(by_bank), -1) > 0)
        shares /= np.maximum(shares.sum(1, keepdims=True), 1e-300)
        # Without goal "energy" the choice of a part is ranked by what the user wants less of.
        choices = [replace(c, energy=cost(self.plan.goal, c.energy, c.time)) for c in self.choices]
        parts = in_parts(choices, load_chip(self.plan.chip), self.state.nominal, shares, self.plan.experimental)
        return [
            Room(name, size, size / whole, tuple(own), f"ranks {group}", f"banks {supply}")
            for (name, size), own, group, supply in zip(sizes.items(), parts, groups, supplies, strict=True)
            if size
        ]

    @cached_property
    def chip_shares(self) -> dict[str, float]:
        """Share of the chips that each supply feeds, by partition of chips; the first is all that have none."""
        partitions = self.state.partitions
        shares = {name: float((partitions.chip_owner == k).mean()) for k, name in enumerate(partitions.names)}
        return {REMAINDER: shares[REMAINDER]} | {name: shares[name] for name in partitions.of_chips}

    def cost(self, data: Mapping[str, Any]) -> float:
        """What the goal wants little of, from the results of a run: energy, time or their product."""
        return cost(self.plan.goal, float(data["energy_pj"]["total"]), float(data["time_ns"]))

    @cached_property
    def weights(self) -> Weights:
        """Shares of the energy that follow the tensors, and what parts have in common.

        Banks of a rank share all but activations and precharges (their supply is the highest of the parts there); parts
        that are whole ranks share nothing, and only background and refresh do not follow their tensors.
        """
        energy = self.nominal["energy_pj"]
        alone = len({room.group for room in self.rooms}) == len(self.rooms)
        common = energy["background"] + energy["ref"] if alone else energy["total"] - energy["act"] - energy["pre"]
        return Weights(1 - common / energy["total"], common / energy["total"])

    def items(self, tolerable: Mapping[str, float]) -> list[Item]:
        """What is stored, with what its readers tolerate, sizes rounded up to whole pages.

        A map with several readers is one item, by the name of the first: it moves for each of them, and tolerates what
        the least tolerant one does.
        """
        page = partition_page_lines(self.address_map, self.state.partitions) * self.address_map.geometry.burst_bytes
        sizes = {r.name: r.bytes for r in self.requests}
        unknown = [name for name in tolerable if name not in sizes]
        if unknown:
            raise ConfigError(f"tensor {unknown[0]!r} is none of the network's; expected e.g. {next(iter(sizes))!r}")
        return [
            Item(
                name, -(-sizes[name] // page) * page, sizes[name] * len(readers),
                min(tolerable[reader] for reader in readers),
            )
            for name, readers in self._stored(tolerable).items()
        ]  # fmt: skip

    def _stored(self, names: Iterable[str]) -> dict[str, list[str]]:
        """Tensors that are stored as one, by the first of their names."""
        chosen = set(names)
        groups = stored_as_one([request for request in self.requests if request.name in chosen])
        return {group[0].name: [request.name for request in group] for group in groups}

    def with_all_names(self, mapping: Assignment, names: Iterable[str]) -> Assignment:
        """A mapping of items with a place for every name."""
        first = {name: one for one, group in self._stored(names).items() for name in group}
        return replace(mapping, places={name: mapping.places[first[name]] for name in names})

    def mapped(self, mapping: Assignment) -> dict[str, Any]:
        """Tables of a configuration that holds a mapping."""
        tables = dict(self.tables)
        if mapping.method == "coarse":
            supplies = [
                part | {"vdd": mapping.settings[part["name"]].vdd}
                for part in tables.get("partition", [])
                if part["name"] in mapping.settings
            ]
            return tables | {"partition": supplies, "operating_point": _point(mapping.settings[REMAINDER])}
        tables["partition"] = [
            _without_point(part) | _point(mapping.settings[part["name"]]) if part["name"] in mapping.settings else part
            for part in tables["partition"]
        ]
        if REMAINDER in mapping.settings:
            tables["operating_point"] = _point(mapping.settings[REMAINDER])
        # Outputs that are no later input are read by nobody, so any place does; the safest has room.
        safest = min(set(mapping.places.values()), key=lambda name: mapping.settings[name].ber)
        own = {name: part for name, part in mapping.places.items() if part != REMAINDER}
        return tables | {"placement": {"weights": safest, "ifm": safest, "ofm": safest, "tensors": own}}

    def regions(self, tables: Mapping[str, Any]) -> tuple[OperatingState, dict[str, Region]]:
        """Operating state of a mapped configuration, and where its tensors lie."""
        config = self.configuration(tables).config
        state = resolve_operating_state(config.dram, config.operating_point, config.partition)
        return state, self._regions(state.partitions, config.placement)

    def _regions(self, partitions: PartitionMap, placement: PlacementConfig) -> dict[str, Region]:
        placed = place(self.requests, self.address_map.geometry, self.address_map, partitions, placement)
        page_bytes = placed.page_lines * self.address_map.geometry.burst_bytes
        regions = {}
        for name, tensor in placed.tensors.items():
            if not len(placed.page_table):
                regions[name] = Region(self.address_map, tensor.bytes, tensor.base)
                continue
            first, offset = divmod(tensor.base, page_bytes)
            pages = placed.page_table[first : -(-(tensor.base + tensor.bytes) // page_bytes)]
            regions[name] = Region(self.address_map, tensor.bytes, offset, pages, placed.page_lines)
        return regions

    def notes(self, mapping: Assignment) -> list[str]:
        """What has to be known of the error rates at the points that hold tensors."""
        state, chip = self.state, load_chip(self.plan.chip)
        found: dict[str, None] = {}
        for part in sorted(set(mapping.places.values()) & set(mapping.settings) or mapping.settings):
            c = mapping.settings[part]
            known = chip.reliability(
                Setting(c.vdd, c.tRCD_ns, state.nominal.tRAS_ns, c.tRP_ns), state.nominal,
                state.partitions.geometry.banks_per_rank, experimental=self.plan.experimental,
            )  # fmt: skip
            found |= dict.fromkeys(f"{c.name}: {note}" for note in known.notes)
        return list(found)

    def device(self, state: OperatingState, seed: int, fit: FittedModel | None = None) -> Device:
        """The memory with the errors of the chip (or of a fitted model) in every part, by its operating point."""
        geometry = self.address_map.geometry
        if fit is None:
            errors = errors_of_chip(load_chip(self.plan.chip), state, geometry, experimental=self.plan.experimental)
        else:
            chip = errors_of_chip(load_chip(self.plan.chip), state, geometry, experimental=self.plan.experimental)
            rates = {name: part.ber for name, part in chip.items()}
            errors = errors_of_model(fit.model, 0.0, fit.parameters, geometry, state.partitions, rates)
        return device_of(errors, self.address_map, state.partitions, seed)

    def model_device(self, ber: float, model: str, parameters: Mapping[str, float], seed: int) -> Device:
        """The memory with one error model at one rate everywhere."""
        geometry = self.address_map.geometry
        law = build_model(model, ber, parameters, geometry.banks_per_rank).law(geometry)
        return Device([[law] if ber else []], self.address_map, seed=seed)


@dataclass(frozen=True)
class FittedModel:
    """An error model as `edensim fit --json` gives it: its name, and the parameters that hold at any rate."""

    model: str
    parameters: dict[str, float]


def _without_point(part: dict[str, Any]) -> dict[str, Any]:
    """Table of a partition without what a mapping chooses, however it is given (`delta_vdd`, `latency`, …)."""
    return {key: value for key, value in part.items() if not re.search("vdd|tRCD|tRP|latency", key)}


def _point(choice: Choice) -> dict[str, float]:
    return {"vdd": choice.vdd, "tRCD_ns": choice.tRCD_ns, "tRP_ns": choice.tRP_ns}


def _groups(touches: NDArray[np.bool_]) -> list[int]:
    """Group of every part by the ranks (or banks) it touches, shape (parts, ranks): parts of a common one are one."""
    group = list(range(len(touches)))
    for rank in touches.T:
        joined = {group[k] for k in np.flatnonzero(rank)}
        group = [min(joined) if g in joined else g for g in group]
    return group
