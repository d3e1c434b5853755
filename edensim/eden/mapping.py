"""Mapping: which tensor goes into which part of the memory, and at which operating point each part runs.

`coarse_mapping`: one point for the whole memory (Koppula et al., MICRO 2019, section 3.4). `greedy_mapping`: the
paper's Algorithm 1, with its gaps closed, which are:

- the order of the data is not stated: both directions are tried, the one that saves more is kept;
- "best so far" is not reset between data, and the size of a rejected partition stays subtracted: here it is reset, and
  only the chosen partition loses space;
- a partition that already holds data has one setting for all of it: here the first tensor sets it, and later ones
  only join where they tolerate it;
- a part opened for one tensor that tolerates much, or little, costs background: mappings that treat no tensor as
  tolerating more than a limit are tried, for every limit that matters; the lowest is one rate for all;
- nothing is said about data that fit nowhere: they go where the operating point is nominal, and if that is full, the
  mapping is refused.

A saving is that of the energy which follows the part a tensor lies in, plus that of what parts of a rank have in common
(background, and for parts of one rank reads and writes), which follows the highest of them. Parts that hold no tensor
run at the lowest point on offer unless `idle` is "nominal". Parts are any with addresses of their own: the
module, ranks, banks, subarrays; those that share a bank share its VDD, and differ in timings. Chips of a rank hold a
slice of every burst and no addresses: a coarse mapping chooses their supplies, see `chips`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edensim.eden.chips import ChipSettings
from edensim.eden.points import Choice
from edensim.errors import ConfigError

VOLTAGE_BITS, TIMING_BITS = 8, 4
"""What a controller keeps for each part: VDD and tRCD (Koppula et al., section 5); tRP takes as many bits as tRCD."""


@dataclass(frozen=True)
class Item:
    """A tensor to place: bytes it occupies, bytes the workload moves of it, bit error rate it tolerates."""

    name: str
    size_bytes: int
    moved_bytes: float
    tolerable: float


@dataclass(frozen=True)
class Room:
    """A part of the memory: space in it, its share of the whole, and the points it may run at, nominal first.

    What parts of one `group` have in common follows the highest energy among them ("": a group of its own). Parts of
    one `supply` have subarrays of the same bank, whose VDD is one for all of them ("": a supply of its own).
    """

    name: str
    free_bytes: int
    share: float
    choices: tuple[Choice, ...]
    group: str = ""
    supply: str = ""

    def allowed(self, vdd: Mapping[str, float]) -> tuple[Choice, ...]:
        """Its points at the VDD of its supply, if that has one already."""
        return tuple(c for c in self.choices if c.vdd == vdd.get(self.supply, c.vdd))


@dataclass(frozen=True)
class Weights:
    """How much of the energy follows the tensors (`moved`) and how much groups of parts (`background`); sum 1."""

    moved: float = 1.0
    background: float = 0.0


@dataclass(frozen=True)
class Assignment:
    """A mapping.

    Attributes
    ----------
    places : dict of str to str
        Tensor -> part.
    settings : dict of str to Choice
        Part -> operating point.
    saving : float
        Share of DRAM energy saved, by the weights it was made with (an estimate; runs measure it).
    method : str
        "coarse", "greedy" or "optimal".
    bound : float
        No mapping saves more than this (optimal; NaN: not known).
    """

    places: dict[str, str]
    settings: dict[str, Choice]
    saving: float
    method: str
    bound: float = float("nan")


def coarse_mapping(items: Sequence[Item], room: Room, best: ChipSettings) -> Assignment:
    """Everything into one part that runs at one point; chips of it may have supplies of their own."""
    _check_space(sum(item.size_bytes for item in items), room.free_bytes, room.name)
    return Assignment({item.name: room.name for item in items}, dict(best.points), 1 - best.energy, "coarse")


def greedy_mapping(
    items: Sequence[Item], rooms: Sequence[Room], weights: Weights | None = None, idle: str = "lowest"
) -> Assignment:
    """The paper's Algorithm 1 with its gaps closed.

    Raises
    ------
    ConfigError
        If the tensors do not fit, or one tolerates less than every part with space has.
    """
    found, problems = [], []
    for limit in _limits(items, rooms):
        limited = [replace(item, tolerable=min(item.tolerable, limit)) for item in items]
        for most_tolerant_first in (True, False):
            try:
                found.append(_greedy(limited, rooms, weights or Weights(), idle, most_tolerant_first))
            except ConfigError as error:
                problems += error.problems
    if not found:
        raise ConfigError(problems[:1])
    return max(found, key=lambda a: a.saving)


def _limits(items: Sequence[Item], rooms: Sequence[Room]) -> list[float]:
    """No limit, and for every tensor the highest bit error rate on offer that it tolerates."""
    offered = {choice.ber for room in rooms for choice in room.choices}
    highest = {max((ber for ber in offered if ber <= item.tolerable), default=0.0) for item in items}
    return [math.inf, *sorted(highest, reverse=True)[1:]]


def _greedy(
    items: Sequence[Item], rooms: Sequence[Room], weights: Weights, idle: str, most_tolerant_first: bool
) -> Assignment:
    free = {room.name: room.free_bytes for room in rooms}
    settings: dict[str, Choice] = {}
    places: dict[str, str] = {}
    vdd: dict[str, float] = {}
    sign = -1 if most_tolerant_first else 1
    for item in sorted(items, key=lambda x: (sign * x.tolerable, -x.size_bytes, x.name)):
        best: tuple[float, float, str, Choice, Room] | None = None
        for room in rooms:
            if item.size_bytes > free[room.name]:
                continue
            on_offer = (settings[room.name],) if room.name in settings else room.allowed(vdd)
            for choice in on_offer:
                if choice.ber <= item.tolerable:
                    # Among equals the fuller part, which leaves the others to be set anew.
                    rank = (choice.energy, free[room.name] - item.size_bytes, room.name, choice, room)
                    best = rank if best is None or rank[:3] < best[:3] else best
        if best is None:
            raise ConfigError(_nowhere(item, rooms, free))
        _, _, name, choice, room = best
        places[item.name], settings[name] = name, choice
        free[name] -= item.size_bytes
        if room.supply:
            vdd[room.supply] = choice.vdd
    return finish(items, rooms, places, settings, weights, idle, "greedy")


def finish(
    items: Sequence[Item],
    rooms: Sequence[Room],
    places: dict[str, str],
    settings: dict[str, Choice],
    weights: Weights,
    idle: str,
    method: str,
    bound: float = float("nan"),
) -> Assignment:
    """Set the parts without tensors, and price the whole."""
    if idle not in ("lowest", "nominal"):
        raise ConfigError(f"idle = {idle!r}: expected lowest or nominal")
    vdd = {room.supply: settings[room.name].vdd for room in rooms if room.supply and room.name in settings}
    whole = {
        room.name: settings.get(room.name)
        or (min(room.allowed(vdd), key=lambda c: c.energy) if idle == "lowest" else room.allowed(vdd)[0])
        for room in rooms
    }
    moved = sum(item.moved_bytes for item in items) or 1.0
    saving = weights.moved * sum(i.moved_bytes / moved * (1 - whole[places[i.name]].energy) for i in items)
    for members in groups_of(rooms).values():
        highest = max(whole[room.name].energy for room in members)
        saving += weights.background * sum(room.share for room in members) * (1 - highest)
    return Assignment({item.name: places[item.name] for item in items}, whole, saving, method, bound)


def groups_of(rooms: Sequence[Room]) -> dict[str, list[Room]]:
    """Parts by their group; those without are alone."""
    found: dict[str, list[Room]] = {}
    for room in rooms:
        found.setdefault(f"group {room.group}" if room.group else f"part {room.name}", []).append(room)
    return found


def metadata_bytes(parts: int, supplies: int | None = None, tRP: bool = False) -> int:
    """Bytes a controller keeps: 8 bits of VDD and 4 of tRCD for each part (the paper's section 5).

    With supplies of single chips there are other `supplies` than parts; where tRP is on offer, each part has 4 bits of
    it.
    """
    voltages = parts if supplies is None else supplies
    return -(-(voltages * VOLTAGE_BITS + parts * TIMING_BITS * (1 + tRP)) // 8)


def _check_space(needed: int, there: int, name: str) -> None:
    if needed > there:
        raise ConfigError(f"the tensors need {needed:,} bytes; {name} has {there:,}: take a larger memory")


def _nowhere(item: Item, rooms: Sequence[Room], free: Mapping[str, int]) -> str:
    space = sum(room.free_bytes for room in rooms)
    if item.size_bytes > max(room.free_bytes for room in rooms):
        return (
            f"tensor {item.name!r} has {item.size_bytes:,} bytes; the largest of {len(rooms)} parts of the memory has "
            f"{max(room.free_bytes for room in rooms):,} of {space:,}: take a larger memory or fewer parts"
        )
    return (
        f"tensor {item.name!r} ({item.size_bytes:,} bytes, tolerates a bit error rate of {item.tolerable:.3g}) fits no "
        f"part of the memory: {max(free.values()):,} bytes are free in the emptiest of {len(rooms)}. Take a larger "
        "memory, or leave a part at the nominal point"
    )
