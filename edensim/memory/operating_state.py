"""Operating points: the supply voltage and timings every bank really runs at, and how well founded each point is.

A point is built in layers: nominal values < `[operating_point]` (or one `[compare.NAME]`) < the partition's own keys.
A layer replaces what it gives and inherits the rest. A delta always counts from the *nominal* value:

    absolute: value = nominal + delta        relative: value = nominal * (1 + delta / reference)

where the reference is the nominal value of the chips on which the delta was measured.

With `latency = "lowest_safe"` tRCD, tRAS and tRP are those of `safe_latency` at the layer's VDD. A partition inherits
that as well: its times follow its own VDD, except those it gives.

The basis of a partition's point is

* "nominal": nothing differs from the data sheet;
* "scaled": all that differs came as relative deltas, some of them from chips with another nominal value;
* "measured": only VDD differs, on a 1.35 V DDR3 memory, within 1.025 … 1.35 V: what the public undervolting study of 31
  DDR3L modules covers (Chang et al., SIGMETRICS 2017, published data set);
* "extrapolated": everything else, another refresh interval and slower-than-nominal timings included.

Chips of a rank may have a VDD of their own (`[[partition]] chips`), the same for all banks of the chip; then the other
chips of that rank have one VDD for all their banks, because a chip is fed by its own pins or bank by bank, not both.

Timings may differ from subarray to subarray: how long activation, restore and precharge take is a matter of the row,
its sense amplifiers and what the controller knows of them. VDD may not: the subarrays of a bank have one supply.

Not modelled: a supply of single subarrays, a refresh interval of its own for a partition (a refresh serves a whole
rank), drift in time or with temperature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edensim.config.schema import Dram, OperatingPoint, Partition
from edensim.errors import ConfigError, Problem, perhaps
from edensim.memory.geometry import Geometry
from edensim.memory.partition import REMAINDER, PartitionMap, resolve_partitions
from edensim.memory.safe_latency import lowest_safe_latency

Floats = NDArray[np.float64]

VDD_LIMIT = 1.2  # highest supply that may be asked for, times nominal
DELTAS = {  # key -> delta, mode and reference keys
    "vdd": ("delta_vdd", "delta_vdd_mode", "delta_vdd_reference"),
    "tRCD_ns": ("delta_tRCD_ns", "delta_tRCD_mode", "delta_tRCD_reference_ns"),
}
SUPPLY_FROM = ("dram.power",)  # keys that say what is nominal
TIMES_FROM = ("dram.timing", "dram.timing_ck", "dram.clock_ps", "dram.data_rate_mt_s")
AS_GIVEN, LOWEST_SAFE = "as_given", "lowest_safe"
LATENCIES = ("tRCD_ns", "tRAS_ns", "tRP_ns")
UNITS = {"vdd": "V", "tRCD_ns": "ns", "tRAS_ns": "ns", "tRP_ns": "ns"}
MEASURED_NOMINAL_V, MEASURED_LOWEST_V = 1.35, 1.025


@dataclass(frozen=True, slots=True)
class Nominal:
    """Data-sheet values: VDD in V (0: the memory has no power table), times in ns."""

    vdd: float
    tRCD_ns: float
    tRAS_ns: float
    tRP_ns: float
    tRC_ns: float


@dataclass(frozen=True, slots=True)
class Point:
    """Resolved operating point of one partition: VDD in V, times in ns, basis as in the module docstring.

    `latency` is "lowest_safe" if the times were asked for by that name, else "as_given".
    """

    vdd: float
    tRCD_ns: float
    tRAS_ns: float
    tRP_ns: float
    basis: str
    latency: str = AS_GIVEN


class RowTimes(NamedTuple):
    """Times in ns: (channels, banks) where the subarrays of every bank are alike, else (channels, banks, subarrays)."""

    tRCD_ns: Floats
    tRAS_ns: Floats
    tRP_ns: Floats


@dataclass(frozen=True, eq=False)
class OperatingState:
    """What every bank runs at.

    Attributes
    ----------
    nominal : Nominal
        Data-sheet values. Where nothing was overridden the arrays hold *exactly* these numbers.
    partitions : PartitionMap
        Division of the memory.
    points : dict of str to Point
        Operating point of every partition, "module" (the remainder) first.
    vdd, tRCD_ns, tRAS_ns, tRP_ns : float64 arrays, shape (channels, banks)
        V and ns; tRCD may be 0 (ideal). `vdd` leaves out supplies of single chips, see `supplies`; times are the
        shortest of the bank's subarrays, see `row_times`.
    tREFI_scale : float
        Factor on the refresh interval of the whole memory.
    """

    nominal: Nominal
    partitions: PartitionMap
    points: dict[str, Point]
    vdd: Floats
    tRCD_ns: Floats
    tRAS_ns: Floats
    tRP_ns: Floats
    tREFI_scale: float

    @property
    def supplies(self) -> Floats:
        """VDD in V of every bank and chip: (channels, banks, chips), or (channels, banks, 1) if all chips are alike."""
        chip_owner = self.partitions.chip_owner
        if not chip_owner.any():
            return self.vdd[:, :, None]
        of_chip = np.array([point.vdd for point in self.points.values()])[chip_owner]
        spread = self.partitions.geometry.banks_per_rank
        own, of_chip = (np.repeat(x, spread, axis=1) for x in (chip_owner > 0, of_chip))
        return np.where(own, of_chip, self.vdd[:, :, None])

    @property
    def row_times(self) -> RowTimes:
        """Times of the rows of every subarray; those of the bank where its subarrays are alike, everywhere."""
        owner, found = self.partitions.owner, []
        for key in LATENCIES:
            values = np.array([getattr(point, key) for point in self.points.values()], np.float64)
            found.append(values[owner])
        if all((times == times[:, :, :1]).all() for times in found):
            found = [times[:, :, 0] for times in found]
        return RowTimes(*found)

    @property
    def tRC_ns(self) -> Floats:
        """Row cycle in ns (channels, banks): tRAS + tRP where one of them was changed, else the nominal tRC.

        That of `tRAS_ns` and `tRP_ns`, so no subarray's is shorter.
        """
        same = (self.tRAS_ns == self.nominal.tRAS_ns) & (self.tRP_ns == self.nominal.tRP_ns)
        return np.where(same, self.nominal.tRC_ns, self.tRAS_ns + self.tRP_ns)

    @property
    def basis(self) -> dict[str, str]:
        """Basis of every partition's point, by partition."""
        return {name: point.basis for name, point in self.points.items()}

    def describe(self) -> dict[str, dict[str, Any]]:
        """Plain data for results: partition -> vdd, tRCD_ns, tRAS_ns, tRP_ns, latency, tREFI_scale, basis."""
        return {name: asdict(point) | {"tREFI_scale": self.tREFI_scale} for name, point in self.points.items()}


class _Setting(NamedTuple):
    """A value and, if it came as a relative delta, the nominal value of the chips the delta was measured on."""

    value: float
    reference: float | None = None


class _Layer(NamedTuple):
    """What one table and those below it set, and where its times come from."""

    settings: dict[str, _Setting]
    latency: str = AS_GIVEN


def resolve_operating_state(
    dram: Dram, op: OperatingPoint, partitions: Sequence[Partition], where: str = "[operating_point]"
) -> OperatingState:
    """Resolve the operating point of the whole memory and of every partition.

    Parameters
    ----------
    dram : Dram
        The memory; its rail with `follows_vdd` gives the nominal VDD.
    op : OperatingPoint
        `[operating_point]`, or one of `[compare.NAME]`.
    partitions : sequence of Partition
        `[[partition]]` tables.
    where : str
        Name of the table `op` came from, for messages.

    Raises
    ------
    ConfigError
        All of: a value beside its delta, times beside `latency = "lowest_safe"`, a VDD at which no latency is safe,
        VDD <= 0 or above 1.2 x nominal, a negative time, two supplies of one bank, supplies by bank and by chip in one
        rank, and whatever `resolve_partitions` finds.
    """
    nominal = nominal_values(dram)
    problems: list[str] = []
    base = _Layer({key: _Setting(getattr(nominal, key)) for key in UNITS})
    module = _override(base, op, nominal, where, where.strip("[]"), problems)
    layers = {REMAINDER: module}
    scale = 1.0 if op.tREFI_scale is None else op.tREFI_scale
    for k, partition in enumerate(partitions):
        table, place = f"[[partition]] {partition.name!r}", f"partition.{k}"
        layers[partition.name] = _override(module, partition, nominal, table, place, problems)
        if partition.tREFI_scale not in (None, scale):
            text = (
                f"{table}: tREFI_scale = {partition.tREFI_scale:g} differs from {scale:g} of {where}; a refresh serves "
                "a whole rank, so the interval can only be set for the whole memory"
            )
            problems.append(Problem(text, f"{place}.tREFI_scale", f"{where.strip('[]')}.tREFI_scale"))
    points = {
        name: Point(
            **{key: x.value for key, x in layer.settings.items()},
            basis=_basis(dram, nominal, layer.settings, scale),
            latency=layer.latency,
        )
        for name, layer in layers.items()
    }
    try:
        geometry = Geometry.from_config(dram)
        division = resolve_partitions(geometry, partitions)
        problems += _disagreements(division, points) + _two_ways_of_supply(division, points)
        problems += _unsafe_chips(division, points)
        shared = {key: getattr(points[REMAINDER], key) for key in (*LATENCIES, "latency")}
        points |= {name: replace(points[name], **shared) for name in division.of_chips}
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(problems)
    arrays = {key: _per_bank(division, [getattr(point, key) for point in points.values()]) for key in UNITS}
    return OperatingState(nominal, division, points, **arrays, tREFI_scale=scale)


def nominal_values(dram: Dram) -> Nominal:
    """Data-sheet values: from `timing_ck` and the clock if given (parity presets), else from `timing`.

    Raises
    ------
    ConfigError
        If tRCD, tRAS or tRP is missing, or rails of different voltages follow VDD.
    """
    if dram.timing_ck is not None:
        period_ns = dram.clock_ps / 1000 if dram.clock_ps else 2000 / dram.data_rate_mt_s
        times = {name: dram.timing_ck.get(f"n{name}") for name in ("RCD", "RAS", "RP", "RC")}
        found = {f"t{name}_ns": None if ck is None else ck * period_ns for name, ck in times.items()}
        table = "dram.timing_ck"
    else:
        found = {name: getattr(dram.timing, name) for name in ("tRCD_ns", "tRAS_ns", "tRP_ns", "tRC_ns")}
        table = "dram.timing"
    t_rcd, t_ras, t_rp, t_rc = found.values()
    if t_rcd is None or t_ras is None or t_rp is None:
        missing = [name for name, value in found.items() if value is None and name != "tRC_ns"]
        raise ConfigError(f"{table} has no {', '.join(missing)}")
    return Nominal(_nominal_vdd(dram), t_rcd, t_ras, t_rp, t_ras + t_rp if t_rc is None else t_rc)


def _nominal_vdd(dram: Dram) -> float:
    rails = dram.power.rails if dram.power else {}
    voltages = {rail.voltage_v for rail in rails.values() if rail.follows_vdd}
    if len(voltages) > 1:
        raise ConfigError(f"dram.power.rails: rails of {sorted(voltages)} V follow VDD; give them one voltage")
    return voltages.pop() if voltages else 0.0


def _override(
    below: _Layer, point: OperatingPoint, nominal: Nominal, where: str, place: str, problems: list[str]
) -> _Layer:
    """Lay one table over the layer below it. `place` is its dotted key, `where` what messages call it."""
    given: dict[str, _Setting] = {}
    for key, unit in UNITS.items():
        value, name = getattr(point, key), key
        carried_from = None
        if key in DELTAS:
            delta, mode, reference = (getattr(point, x) for x in DELTAS[key])
            if value is not None and delta is not None:
                both = (f"{place}.{DELTAS[key][0]}", f"{place}.{key}")
                problems.append(Problem(f"{where}: {key} and {DELTAS[key][0]} are both given; give one of them", *both))
                continue
            if delta is not None:
                name = DELTAS[key][0]
                start = getattr(nominal, key)
                value = start * (1 + delta / reference) if mode == "relative" else start + delta
                carried_from = reference if mode == "relative" else None
        if value is None:
            continue
        if point.latency == LOWEST_SAFE and key in LATENCIES:
            text = (
                f'{where}: {name} is given beside latency = "lowest_safe", which says how long it is; give one of them'
            )
            problems.append(Problem(text, f"{place}.{name}", f"{place}.latency"))
        problem = _impossible_vdd(value, nominal.vdd) if key == "vdd" else _impossible_time(value)
        if problem:
            keys = (name,) if name == key else DELTAS[key]
            read = [*(f"{place}.{x}" for x in keys), *(SUPPLY_FROM if key == "vdd" else TIMES_FROM)]
            problems.append(Problem(f"{where}: {name} gives {value:g} {unit}, {problem}", *read))
        given[key] = _Setting(value, carried_from)
    latency = point.latency or below.latency
    settings = below.settings | {key: x for key, x in given.items() if key == "vdd"}
    if latency == LOWEST_SAFE:
        settings |= _safe_times(settings["vdd"].value, nominal, where, place, problems)
    elif below.latency == LOWEST_SAFE:
        settings |= {key: _Setting(getattr(nominal, key)) for key in LATENCIES}
    return _Layer(settings | given, latency)


def _safe_times(vdd: float, nominal: Nominal, where: str, place: str, problems: list[str]) -> dict[str, _Setting]:
    """The lowest safe times at a voltage; none where that is refused, as it is elsewhere for an impossible voltage."""
    if nominal.vdd and _impossible_vdd(vdd, nominal.vdd):
        return {}
    try:
        safe = lowest_safe_latency(vdd, nominal)
    except ConfigError as error:
        read = [f"{place}.{x}" for x in ("latency", "vdd", *DELTAS["vdd"])]
        read += ["operating_point", "compare", *SUPPLY_FROM, *TIMES_FROM]
        problems += [Problem(f'{where}: latency = "lowest_safe": {text}', *read) for text in error.problems]
        return {}
    return {key: _Setting(getattr(safe, key)) for key in LATENCIES}


def _impossible_vdd(value: float, nominal: float) -> str:
    limit = round(VDD_LIMIT * nominal, 9)
    if value == nominal or 0 < value <= limit:
        return ""
    if nominal == 0:
        return "but the memory has no power table with a rail that follows VDD, so VDD cannot be set"
    hint = perhaps(f"{value / 1000:g} V") if nominal / 2 <= value / 1000 <= limit else ""
    return f"but VDD must be above 0 and at most {limit:g} V (1.2 x nominal {nominal:g} V){hint}"


def _impossible_time(value: float) -> str:
    return "" if value >= 0 else "but a time cannot be negative"


def _basis(dram: Dram, nominal: Nominal, settings: dict[str, _Setting], scale: float) -> str:
    """Basis by the rules of the module docstring."""
    changed = {key for key, setting in settings.items() if setting.value != getattr(nominal, key)}
    carried = [(settings[key].reference, getattr(nominal, key)) for key in changed]
    if scale != 1:
        return "extrapolated"
    if not changed:
        return "nominal"
    if all(reference is not None for reference, _ in carried) and any(reference != own for reference, own in carried):
        return "scaled"
    if changed == {"vdd"} and _in_undervolting_study(dram, nominal, settings["vdd"].value):
        return "measured"
    return "extrapolated"


def _in_undervolting_study(dram: Dram, nominal: Nominal, vdd: float) -> bool:
    is_ddr3l = dram.standard.upper().startswith("DDR3") and nominal.vdd == MEASURED_NOMINAL_V
    return is_ddr3l and MEASURED_LOWEST_V <= vdd <= MEASURED_NOMINAL_V


def _disagreements(division: PartitionMap, points: dict[str, Point]) -> list[str]:
    """Partitions that share a bank but not a supply."""
    owner = division.owner.reshape(-1, division.owner.shape[2])
    found = set()
    for bank in owner[(owner != owner[:, :1]).any(1)]:
        first, *others = np.unique(bank)
        a = division.names[first]
        found |= {(a, division.names[k]) for k in others if points[a].vdd != points[division.names[k]].vdd}
    return [
        f"partitions {a!r} and {b!r} share a bank, but {a!r} runs at {points[a].vdd:g} V and {b!r} at "
        f"{points[b].vdd:g} V; a bank has one supply, so of partitions by subarray only tRCD, tRAS and tRP may differ"
        for a, b in sorted(found)
    ]


def _two_ways_of_supply(division: PartitionMap, points: dict[str, Point]) -> list[str]:
    """Ranks in which some chips have their own VDD and the others one by bank."""
    geometry = division.geometry
    values = np.array([point.vdd for point in points.values()])
    vdd = values[division.owner[:, :, 0]].reshape(geometry.channels, geometry.ranks_per_channel, -1)
    mixed = (vdd != vdd[:, :, :1]).any(2) & division.chip_owner.any(2)
    problems = []
    for channel, rank in np.argwhere(mixed)[:1]:
        chips = sorted({division.names[k] for k in division.chip_owner[channel, rank] if k})
        found = " and ".join(f"{v:g} V" for v in np.unique(vdd[channel, rank]))
        problems.append(
            f"[[partition]] {' and '.join(map(repr, chips))} gives chips of channel {channel}, rank {rank} a supply of "
            f"their own, but its banks have {found} by other partitions; a chip is fed by its own pins or bank by "
            "bank, not both. Expected one VDD for all banks of a rank with partitions of chips"
        )
    return problems


def _unsafe_chips(division: PartitionMap, points: dict[str, Point]) -> list[str]:
    """Chips whose own supply is below the one their rank's latencies are safe at."""
    names, ranks = division.names, division.chip_owner.shape[:2]
    owner = division.owner.reshape(*ranks, -1)
    found = {
        (names[chip], names[bank])
        for channel, rank in np.ndindex(ranks)
        for chip in np.unique(division.chip_owner[channel, rank])
        for bank in np.unique(owner[channel, rank])
        if chip and points[names[bank]].latency == LOWEST_SAFE and points[names[chip]].vdd < points[names[bank]].vdd
    }
    return [
        f"[[partition]] {chip!r}: its chips run at {points[chip].vdd:g} V, but share the latencies of {bank!r}, which "
        f'are the lowest safe ones at {points[bank].vdd:g} V (latency = "lowest_safe"). Expected at least that supply, '
        "or tRCD_ns, tRAS_ns and tRP_ns of the rank instead of latency"
        for chip, bank in sorted(found)
    ]


def _per_bank(division: PartitionMap, values: list[float]) -> Floats:
    """The least of every bank's subarrays."""
    array: Floats = np.array(values, np.float64)[division.owner].min(axis=2)
    array.flags.writeable = False
    return array
