"""Mappings against all mappings there are."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.eden import (
    ChipSettings,
    Choice,
    Item,
    Room,
    Weights,
    Worth,
    coarse_mapping,
    greedy_mapping,
    metadata_bytes,
    optimal_mapping,
)
from edensim.errors import ConfigError

NOMINAL = Choice(1.35, 12.5, 12.5, 0.0, "nominal")
MIDDLE = Choice(1.25, 12.5, 12.5, 1e-3, "measured", energy=0.86)
LOW = Choice(1.05, 12.5, 12.5, 3e-2, "measured", energy=0.6)
CHOICES = (NOMINAL, MIDDLE, LOW)

tolerances = st.sampled_from([0.0, 5e-4, 1e-3, 1e-2, 5e-2])
item_lists = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 9), tolerances), min_size=1, max_size=4)


def make(sizes):
    return [Item(f"t{k}", size, moved, tolerable) for k, (size, moved, tolerable) in enumerate(sizes)]


def best_of_all(items, rooms, weights):
    """Saving of the best mapping by trying every point of every part and every place of every tensor."""
    best = None
    moved = sum(item.moved_bytes for item in items) or 1
    for points in itertools.product(rooms[0].choices, repeat=len(rooms)):
        supplies = {(room.supply or room.name, point.vdd) for room, point in zip(rooms, points, strict=True)}
        if len(supplies) > len({supply for supply, _ in supplies}):
            continue
        for places in itertools.product(range(len(rooms)), repeat=len(items)):
            used = [sum(i.size_bytes for i, p in zip(items, places, strict=True) if p == r) for r in range(len(rooms))]
            if any(u > room.free_bytes for u, room in zip(used, rooms, strict=True)):
                continue
            if any(points[p].ber > item.tolerable for item, p in zip(items, places, strict=True)):
                continue
            saving = weights.moved * sum(
                i.moved_bytes / moved * (1 - points[p].energy) for i, p in zip(items, places, strict=True)
            )
            for group in {room.group for room in rooms}:
                inside = [(r.share, c.energy) for r, c in zip(rooms, points, strict=True) if r.group == group]
                saving += weights.background * sum(x for x, _ in inside) * (1 - max(e for _, e in inside))
            best = saving if best is None else max(best, saving)
    return best


@settings(max_examples=40, deadline=None)
@given(
    item_lists,
    st.sampled_from([(1.0, 0.0), (0.3, 0.7)]),
    st.lists(st.tuples(st.integers(4, 14), st.sampled_from("ab")), min_size=1, max_size=3),
)
def test_mappings_keep_their_promises_and_the_optimum_is_the_best_of_all(sizes, split, space):
    """Nobody overflows or meets more errors than tolerated; greedy <= optimal = best of all mappings."""
    pytest.importorskip("scipy")
    items, weights = make(sizes), Weights(*split)
    rooms = [Room(f"r{k}", free, 1 / len(space), CHOICES, group) for k, (free, group) in enumerate(space)]
    best = best_of_all(items, rooms, weights)
    try:
        greedy = greedy_mapping(items, rooms, weights)
    except ConfigError:
        greedy = None
    if best is None:
        assert greedy is None
        with pytest.raises(ConfigError):
            optimal_mapping(items, rooms, weights)
        return
    optimal = optimal_mapping(items, rooms, weights)
    assert optimal.saving == pytest.approx(best)
    assert optimal.bound == pytest.approx(best, abs=1e-4)
    for found in filter(None, (greedy, optimal)):
        assert found.saving <= best + 1e-9
        for room in rooms:
            inside = [item for item in items if found.places[item.name] == room.name]
            assert sum(item.size_bytes for item in inside) <= room.free_bytes
            assert all(found.settings[room.name].ber <= item.tolerable for item in inside)


@settings(max_examples=40, deadline=None)
@given(
    item_lists,
    st.lists(st.tuples(st.integers(4, 14), st.sampled_from(["", "x", "y"])), min_size=2, max_size=3),
    st.sampled_from(["lowest", "nominal"]),
)
def test_parts_of_one_bank_have_one_voltage(sizes, space, idle):
    """Timings differ between subarrays of a bank, VDD does not; the optimum is the best of all such mappings."""
    pytest.importorskip("scipy")
    choices = (*CHOICES, Choice(1.25, 10.0, 12.5, 1e-2, "measured", energy=0.8))
    items, weights = make(sizes), Weights(0.5, 0.5)
    rooms = [Room(f"r{k}", free, 1 / len(space), choices, f"g{k}", own) for k, (free, own) in enumerate(space)]
    best = best_of_all(items, rooms, weights)
    for mapping in (greedy_mapping, optimal_mapping):
        try:
            found = mapping(items, rooms, weights, idle)
        except ConfigError:
            assert best is None or mapping is greedy_mapping
            continue
        for supply in {room.supply for room in rooms} - {""}:
            assert len({found.settings[room.name].vdd for room in rooms if room.supply == supply}) == 1
        assert all(found.settings[found.places[item.name]].ber <= item.tolerable for item in items)
        assert found.saving <= best + 1e-9
        if mapping is optimal_mapping and idle == "lowest":
            assert found.saving == pytest.approx(best)


def test_algorithm_1_packs_by_tolerance_and_keeps_the_rest_at_nominal():
    """Three tensors, three parts: each gets the lowest point it tolerates; the intolerant one stays nominal."""
    items = make([(10, 1, 5e-2), (10, 1, 1e-3), (10, 1, 0.0)])
    rooms = [Room(name, 10, 1 / 3, CHOICES) for name in "abc"]
    found = greedy_mapping(items, rooms)
    assert [found.settings[found.places[item.name]] for item in items] == [LOW, MIDDLE, NOMINAL]
    assert found.saving == pytest.approx((0.4 + 0.14 + 0) / 3)


@settings(max_examples=60, deadline=None)
@given(item_lists, st.sampled_from([(1.0, 0.0), (0.3, 0.7)]), st.sampled_from(["", "rank"]))
def test_greedy_saves_no_less_than_one_rate_for_all(sizes, split, group):
    """Tensors that tolerate more never cost energy: the mapping at the least of all tolerances is among those tried."""
    rooms = [Room(f"r{k}", 24, 0.25, CHOICES, group) for k in range(4)]
    items = make(sizes)
    least = min(item.tolerable for item in items)
    alike = [Item(item.name, item.size_bytes, item.moved_bytes, least) for item in items]
    found, plain = (greedy_mapping(x, rooms, Weights(*split)).saving for x in (items, alike))
    assert found >= plain - 1e-12
    # The fine search takes as much, but for a constant: the background of parts that all run at the lowest point.
    moved = sum(item.moved_bytes for item in items) or 1
    shares = {item.name: split[0] * item.moved_bytes / moved for item in items}
    levels = {choice.ber: 1 - choice.energy for choice in CHOICES}
    worth = Worth(shares, split[1], levels) if group else Worth(shares, 0.0, levels, split[1] / 4)
    constant = 0.0 if group else split[1] * (1 - LOW.energy)
    assert plain == pytest.approx(constant + worth.of({item.name: least for item in items}))


def test_idle_parts_run_as_asked():
    """A part without tensors runs at the lowest point on offer, or stays nominal."""
    items = make([(5, 1, 0.0)])
    rooms = [Room(name, 10, 0.5, CHOICES) for name in "ab"]
    for idle, saved in (("lowest", 0.2), ("nominal", 0.0)):
        assert greedy_mapping(items, rooms, Weights(0.0, 1.0), idle).saving == pytest.approx(saved)


def test_what_parts_share_follows_the_highest_of_them():
    """Half of the energy is shared: a tensor that tolerates nothing keeps that half nominal in its rank only."""
    items = make([(5, 1, 5e-2), (5, 1, 0.0)])
    for groups, saved in ((("x", "x"), 0.0), (("x", "y"), 0.2), (("", ""), 0.2)):
        rooms = [Room(name, 5, 0.5, CHOICES, group) for name, group in zip("ab", groups, strict=True)]
        assert greedy_mapping(items, rooms, Weights(0.5, 0.5)).saving == pytest.approx(0.5 * 0.2 + 0.5 * saved)


def test_coarse_mapping_saves_what_its_point_saves():
    """One point for all of the memory."""
    items = make([(5, 1, 1e-2), (5, 3, 1e-2)])
    found = coarse_mapping(items, Room("module", 10, 1.0, CHOICES), ChipSettings({"module": MIDDLE}, 1e-3, 0.86, 1.0))
    assert found.saving == pytest.approx(0.14)
    assert set(found.places.values()) == {"module"}


def test_metadata_of_the_paper():
    """16 banks take 24 bytes, within the 32 that the paper states for voltages and timings of banks."""
    assert metadata_bytes(16) == 24
    assert metadata_bytes(16, tRP=True) == 32
    assert metadata_bytes(1, supplies=8) == 9


def test_bad_input():
    """A memory that is too small or too unreliable is refused with the tensor's name and numbers."""
    rooms = [Room("a", 10, 1.0, (MIDDLE,))]
    with pytest.raises(ConfigError, match=r"tensor 't0' has 11 bytes; the largest of 1 parts"):
        greedy_mapping(make([(11, 1, 1.0)]), rooms)
    with pytest.raises(ConfigError, match=r"tensor 't0' \(5 bytes, tolerates a bit error rate of 0\) fits no part"):
        greedy_mapping(make([(5, 1, 0.0)]), rooms)
    with pytest.raises(ConfigError, match="the tensors need 11 bytes; a has 10"):
        coarse_mapping(make([(11, 1, 1.0)]), rooms[0], MIDDLE)
    with pytest.raises(ConfigError, match="idle = 'off'"):
        greedy_mapping(make([(5, 1, 1.0)]), rooms, idle="off")
