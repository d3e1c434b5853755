"""The mapping that saves most, as a mixed-integer program, to show how far the greedy one is off.

Choose for every part one point (y), for every tensor one part at one point (z), and for every group of parts the
highest energy in it (u), so that no tensor meets a higher bit error rate than it tolerates, no part overflows, and
parts of a bank run at one VDD; maximise the saving of `mapping`. Solved by HiGHS through `scipy.optimize.milp`; if time
runs out, the best mapping so far comes with the bound that is proven.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edensim.eden.mapping import Assignment, Item, Room, Weights, finish, groups_of
from edensim.errors import ConfigError, MissingExtraError


def optimal_mapping(
    items: Sequence[Item],
    rooms: Sequence[Room],
    weights: Weights | None = None,
    idle: str = "lowest",
    seconds: float = 20.0,
) -> Assignment:
    """Solve for the mapping that saves most.

    Parameters
    ----------
    items, rooms, weights, idle
        As `greedy_mapping` takes them.
    seconds : float
        Time the solver may take.

    Raises
    ------
    ConfigError
        If there is no mapping, or none was found in time.
    MissingExtraError
        If scipy is not installed.
    """
    weights = weights or Weights()
    program = _Program(items, rooms)
    program.one_place_each()
    program.one_point_each(idle)
    program.one_level_each()
    program.one_supply_each()
    gain = program.gain(weights)
    solved = _solve(program, gain, seconds)
    if solved.x is None:
        raise ConfigError(f"no mapping found: {solved.message}")
    places, settings = {}, {}
    for k, (i, r, c) in enumerate(program.triples, len(program.options)):
        if solved.x[k] > 0.5:
            places[items[i].name] = rooms[r].name
            settings[rooms[r].name] = rooms[r].choices[c]
    proven = getattr(solved, "mip_dual_bound", None)
    bound = float(gain @ solved.x) if proven is None else -float(proven)
    return finish(items, rooms, places, settings, weights, idle, "optimal", bound)


@dataclass
class _Program:
    """Columns: y of every (part, point), z of every (tensor, part, point) it tolerates, u of every (group, energy)."""

    items: Sequence[Item]
    rooms: Sequence[Room]
    entries: list[tuple[int, int, float]] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.options = [(r, c) for r, room in enumerate(self.rooms) for c in range(len(room.choices))]
        self.column = {option: k for k, option in enumerate(self.options)}
        self.triples = [
            (i, r, c)
            for i, item in enumerate(self.items)
            for r, c in self.options
            if self.rooms[r].choices[c].ber <= item.tolerable
        ]
        self.groups = list(groups_of(self.rooms).values())
        self.levels = [
            (g, level)
            for g, members in enumerate(self.groups)
            for level in sorted({choice.energy for room in members for choice in room.choices})
        ]
        self.of_item: dict[int, list[int]] = defaultdict(list)
        self.of_option: dict[tuple[int, int], list[int]] = defaultdict(list)
        for k, (i, r, c) in enumerate(self.triples, len(self.options)):
            self.of_item[i].append(k)
            self.of_option[r, c].append(k)

    def row(self, terms: list[tuple[int, float]], least: float, most: float) -> None:
        """Add: least <= sum of terms <= most."""
        self.entries.extend((len(self.low), k, value) for k, value in terms)
        self.low.append(least)
        self.high.append(most)

    def one_place_each(self) -> None:
        """Every tensor lies in one part, at the point which that part has, and parts hold no more than fits."""
        for k, (_, r, c) in enumerate(self.triples, len(self.options)):
            self.row([(k, 1.0), (self.column[r, c], -1.0)], -np.inf, 0.0)
        for i, item in enumerate(self.items):
            if i not in self.of_item:
                raise ConfigError(
                    f"tensor {item.name!r} tolerates a bit error rate of {item.tolerable:.3g}; no point on offer is "
                    "within"
                )
            self.row([(k, 1.0) for k in self.of_item[i]], 1.0, 1.0)
        first = len(self.options)
        for r, room in enumerate(self.rooms):
            inside = [k for c in range(len(room.choices)) for k in self.of_option[r, c]]
            if inside:
                sizes = [(k, float(self.items[self.triples[k - first][0]].size_bytes)) for k in inside]
                self.row(sizes, 0.0, float(room.free_bytes))

    def one_point_each(self, idle: str) -> None:
        """Every part has one point; if idle parts are to be nominal, another one needs a tensor in the same supply."""
        for r, room in enumerate(self.rooms):
            self.row([(self.column[r, c], 1.0) for c in range(len(room.choices))], 1.0, 1.0)
            for c in range(1, len(room.choices) if idle == "nominal" else 1):
                near = [o for o in self.options if room.supply and self.rooms[o[0]].supply == room.supply] or [(r, c)]
                there = [(k, -1.0) for option in near for k in self.of_option[option]]
                self.row([(self.column[r, c], 1.0), *there], -np.inf, 0.0)

    def one_supply_each(self) -> None:
        """Parts of one supply run at one VDD."""
        first: dict[str, int] = {}
        for r, room in enumerate(self.rooms):
            known = first.setdefault(room.supply, r) if room.supply else r
            for vdd in {choice.vdd for choice in room.choices} if known != r else ():
                ways = ((k, c, choice.vdd) for k in (known, r) for c, choice in enumerate(self.rooms[k].choices))
                terms = [(self.column[k, c], 1.0 if k == r else -1.0) for k, c, own in ways if own == vdd]
                self.row(terms, 0.0, 0.0)

    def one_level_each(self) -> None:
        """Every group has one level, and no part of it a point above."""
        first = len(self.options) + len(self.triples)
        index = {room.name: r for r, room in enumerate(self.rooms)}
        for g, members in enumerate(self.groups):
            own = [(k, level) for k, (group, level) in enumerate(self.levels, first) if group == g]
            self.row([(k, 1.0) for k, _ in own], 1.0, 1.0)
            for room in members:
                for k, level in own:
                    above = [c for c, choice in enumerate(room.choices) if choice.energy > level]
                    if above:
                        points = [(self.column[index[room.name], c], 1.0) for c in above]
                        self.row([(k, 1.0), *points], -np.inf, 1.0)

    def gain(self, weights: Weights) -> Any:
        """What every column saves."""
        moved = sum(item.moved_bytes for item in self.items) or 1.0
        saves = {(r, c): 1 - self.rooms[r].choices[c].energy for r, c in self.options}
        of_items = [weights.moved * self.items[i].moved_bytes / moved * saves[r, c] for i, r, c in self.triples]
        shares = [sum(room.share for room in members) for members in self.groups]
        of_groups = [weights.background * shares[g] * (1 - level) for g, level in self.levels]
        return np.array([0.0] * len(self.options) + of_items + of_groups)


def _solve(program: _Program, gain: Any, seconds: float) -> Any:
    try:
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import coo_array
    except ImportError:
        raise MissingExtraError("scipy", "dnn", "the optimal mapping") from None
    where, which, values = zip(*program.entries, strict=True)
    matrix = coo_array((values, (where, which)), shape=(len(program.low), len(gain))).tocsr()
    return milp(
        -gain,
        constraints=LinearConstraint(matrix, program.low, program.high),
        integrality=np.ones(len(gain)),
        bounds=Bounds(0, 1),
        options={"time_limit": seconds},
    )
