"""Placement: tensors never overlap, stay in their partitions, share storage where they should, and must fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.config.schema import Partition
from edensim.config.schema import Placement as PlacementConfig
from edensim.errors import ConfigError
from edensim.memory import AddressMap, Geometry, TensorRequest, place, resolve_partitions
from edensim.memory.placement import partition_page_lines

WIDTHS = {"device_width_bits": 8, "channel_width_bits": 64, "burst_length": 8}
ORDERS = (
    "RoBaRaCoCh",
    "BaRaBgRoCoCh",
    "RaRoCoHBaCoL2Ch",
    "CoRaBaRoCh",
    "MOP4CLXOR",
    "RoBaRaCoCh bank",
    "RoBaCoRaCh BaRa^CoRo",
)
"""Order and, after a space, address hash."""
DDR4 = Geometry(1, 1, 4, 4, 65536, 128, **WIDTHS)
NETWORK = [
    TensorRequest("conv1.weights", "weights", 1000),
    TensorRequest("conv1.ifm", "ifm", 3000),
    TensorRequest("conv1.ofm", "ofm", 5000, alias="conv1"),
    TensorRequest("fc.ifm", "ifm", 5000, alias="conv1"),
    TensorRequest("fc.weights", "weights", 20_000),
    TensorRequest("fc.ofm", "ofm", 10, alias="fc"),
]


def lines_of(placement, tensor, burst_bytes):
    """Physical lines of a tensor."""
    first, last = tensor.base // burst_bytes, (tensor.base + tensor.bytes - 1) // burst_bytes
    return placement.physical_lines(np.arange(first, last + 1))


def run(geometry, order="RoBaRaCoCh", partitions=(), requests=NETWORK, **config):
    """Place tensors; returns address map, partitions and placement."""
    address_map = AddressMap(geometry, *order.split())
    division = resolve_partitions(geometry, partitions)
    return address_map, division, place(requests, geometry, address_map, division, PlacementConfig(**config))


def test_identity_without_placement():
    """No [placement]: virtual = physical, no page table, every tensor starts at a row of all channels."""
    g = Geometry(3, 1, 4, 4, 65536, 128, **WIDTHS)
    for partitions, name in (((), "module"), ([Partition(name="all")], "")):
        _, _, p = run(g, partitions=partitions)
        assert len(p.page_table) == 0
        assert [t.base for t in p.tensors.values()] == [24576 * k for k in (0, 1, 2, 2, 3, 4)]
        assert p.total_bytes == 5 * 24576
        assert {t.partition for t in p.tensors.values()} == {name}
        assert p.physical_lines(77) == 77


def test_aliases():
    """An output map and the equally large input map of its consumer are one tensor; others are not."""
    _, _, p = run(DDR4)
    assert list(p.tensors) == [r.name for r in NETWORK]
    assert [t.index for t in p.tensors.values()] == list(range(6))
    assert [t.alias_of for t in p.tensors.values()] == ["", "", "", "conv1.ofm", "", ""]
    assert p.tensors["fc.ifm"].base == p.tensors["conv1.ofm"].base
    assert (p.tensors["fc.ifm"].kind, p.tensors["conv1.ofm"].kind) == ("ifm", "ofm")
    pooled = [TensorRequest("a.ofm", "ofm", 400, "a"), TensorRequest("b.ifm", "ifm", 100, "a")]
    _, _, p = run(DDR4, requests=pooled)
    assert p.tensors["b.ifm"].alias_of == ""
    assert p.tensors["b.ifm"].base != p.tensors["a.ofm"].base


@st.composite
def cases(draw):
    """A random small memory in random partitions, and random tensors in them."""
    subarray_rows = draw(st.sampled_from([4, 6, 16]))
    geometry = Geometry(draw(st.integers(1, 4)), 2, 2, 2, 16, 8, **WIDTHS, subarray_rows=subarray_rows)
    order = draw(st.sampled_from(ORDERS))
    axis, size = draw(
        st.sampled_from([("channel", geometry.channels), ("rank", 2), ("banks", 4), ("subarrays", geometry.subarrays)])
    )
    colours = draw(st.lists(st.integers(0, 2), min_size=size, max_size=size))
    groups = {k: [i for i, c in enumerate(colours) if c == k] for k in (1, 2)}
    partitions = [Partition(name=f"p{k}", **{axis: group}) for k, group in groups.items() if group]
    names = ["module", *(p.name for p in partitions)]
    sizes = draw(st.lists(st.integers(0, 3000), min_size=1, max_size=6))
    requests = [TensorRequest(f"t{k}", "weights", n) for k, n in enumerate(sizes)]
    tensors = {f"t{k}": draw(st.sampled_from(names)) for k in range(len(sizes))}
    return geometry, order, partitions, requests, tensors


@given(cases())
@settings(max_examples=150, deadline=None)
def test_no_overlap_and_inside_the_partition(case):
    """The page table is an injection, no two tensors share a line, every line is in its partition; or it cannot fit."""
    geometry, order, partitions, requests, tensors = case
    capacity = resolve_partitions(geometry, partitions).capacity_bytes()
    try:
        address_map, division, p = run(geometry, order, partitions, requests, tensors=tensors)
    except ConfigError as error:
        page = partition_page_lines(AddressMap(geometry, *order.split()), resolve_partitions(geometry, partitions)) * 64
        needed = {
            name: sum(-(-r.bytes // page) * page for r in requests if tensors[r.name] == name) for name in capacity
        }
        assert any(needed[name] > capacity[name] for name in capacity), error
        return
    assert len(np.unique(p.page_table)) == len(p.page_table) == p.total_bytes // (p.page_lines * 64)
    used = np.zeros(geometry.lines, np.int64)
    for tensor in p.tensors.values():
        lines = lines_of(p, tensor, 64)
        used[lines] += 1
        channel, bank, row, _ = address_map.decode(lines)
        assert {division.names[k] for k in division.at(channel, bank, row)} <= {tensors[tensor.name]}
    assert used.max(initial=0) <= 1


@given(cases())
@settings(max_examples=100, deadline=None)
def test_page_is_the_longest_run(case):
    """Every page lies in one partition, and twice the page would not (or would exceed a row of every channel)."""
    geometry, order, partitions, _, _ = case
    address_map, division = AddressMap(geometry, *order.split()), resolve_partitions(geometry, partitions)
    page = partition_page_lines(address_map, division)
    owner = division.at(*address_map.decode(np.arange(geometry.lines))[:3])
    runs = owner.reshape(-1, page)
    assert (runs == runs[:, :1]).all()
    if 2 * page <= geometry.columns * geometry.channels:
        wider = owner[: len(owner) // (2 * page) * 2 * page].reshape(-1, 2 * page)
        assert (wider != wider[:, :1]).any()


@pytest.mark.parametrize(("order", "page"), [("RoBaRaCoCh", 128), ("RoRaCoBaCh", 1), ("MOP4CLXOR", 1)])
def test_pages_of_bank_partitions(order, page):
    """Banks have pages of a row if the column is lowest, of a burst if the bank is or takes a hash of the column."""
    division = resolve_partitions(DDR4, [Partition(name="p", banks=[1, 2, 7])])
    assert partition_page_lines(AddressMap(DDR4, order), division) == page


def test_lowest_pages_in_ascending_order():
    """Tensors of a partition take its lowest pages one after the other: banks 1 and 3 of RoBaRaCoCh."""
    requests = [TensorRequest("a.weights", "weights", 3 * 8192), TensorRequest("b.weights", "weights", 1)]
    _, _, p = run(DDR4, partitions=[Partition(name="p", banks=[4, 12])], requests=requests, weights="p")
    # Lowest address bits above the row: bank group, then bank; bank 4 is group 1 bank 0, bank 12 group 3 bank 0.
    assert p.page_table.tolist() == [1, 3, 17, 19]
    assert p.tensors["b.weights"].base == 3 * 8192


def test_partition_of_each_kind():
    """Own entry before kind; an output map that is somebody's input counts as ifm; what is left goes to the module."""
    partitions = [Partition(name=name, banks=[k]) for k, name in enumerate("wio")]
    config = {"weights": "w", "ifm": "i", "ofm": "o", "tensors": {"fc.weights": "module"}}
    _, _, p = run(DDR4, partitions=partitions, **config)
    assert [t.partition for t in p.tensors.values()] == ["w", "i", "i", "i", "module", "o"]
    _, _, p = run(DDR4, partitions=partitions, ofm="o")
    assert [t.partition for t in p.tensors.values()] == ["module"] * 5 + ["o"]
    _, _, p = run(DDR4, partitions=partitions, tensors={"fc.ifm": "w"})
    assert p.tensors["conv1.ofm"].partition == "w"


def test_too_small():
    """Needed and available bytes, for the memory and for every partition that is too small."""
    g = Geometry(1, 1, 1, 2, 2, 128, **WIDTHS, subarray_rows=1)
    with pytest.raises(ConfigError) as caught:
        run(g)
    assert str(caught.value) == "the memory is too small: the tensors need 57344 bytes, it has 32768"
    with pytest.raises(ConfigError) as caught:
        run(g, partitions=[Partition(name="p", banks=[0])], weights="p")
    assert caught.value.problems == [
        "partition 'module' is too small: the tensors need 24576 bytes, it has 16384",
        "partition 'p' is too small: the tensors need 32768 bytes, it has 16384",
    ]


def test_full_partition_fits_exactly():
    """A tensor as large as its partition fits; one byte more does not."""
    partitions = [Partition(name="p", banks=[5])]
    size = 65536 * 8192
    _, _, p = run(DDR4, partitions=partitions, requests=[TensorRequest("x", "ifm", size)], ifm="p")
    assert len(p.page_table) == 65536
    with pytest.raises(ConfigError, match=f"need {size + 8192} bytes, it has {size}"):
        run(DDR4, partitions=partitions, requests=[TensorRequest("x", "ifm", size + 1)], ifm="p")


def test_unknown_names():
    """Unknown partitions and tensors are named together, with the nearest known name."""
    with pytest.raises(ConfigError) as caught:
        run(DDR4, partitions=[Partition(name="safe")], weights="saef", tensors={"conv1.weight": "safe", "fc.ofm": "x"})
    assert caught.value.problems == [
        "placement.weights = 'saef' is no partition; did you mean 'safe'?",
        "placement.tensors.'fc.ofm' = 'x' is no partition; there are 'module', 'safe'",
        "placement.tensors: there is no tensor 'conv1.weight'; did you mean 'conv1.weights'?",
    ]


def test_contradictions():
    """Two entries for one shared tensor, and two tensors of one name."""
    with pytest.raises(ConfigError, match="are one tensor but have different partitions"):
        run(DDR4, partitions=[Partition(name="p", banks=[0])], tensors={"fc.ifm": "p", "conv1.ofm": "module"})
    with pytest.raises(ConfigError, match="'x' exists twice"):
        run(DDR4, requests=[TensorRequest("x", "ifm", 1), TensorRequest("x", "ofm", 1)])
    with pytest.raises(ValueError, match="kind"):
        TensorRequest("x", "maps", 1)


def test_no_tensor_in_chips():
    """A partition of chips has no addresses: kinds and single tensors are refused there, and said why."""
    chips = [Partition(name="low", chips=[0], vdd=1.0), Partition(name="safe", banks=[0])]
    with pytest.raises(ConfigError) as caught:
        run(DDR4, partitions=chips, weights="low", tensors={"fc.ofm": "low", "conv1.ifm": "safe"})
    assert len(caught.value.problems) == 2
    assert caught.value.problems[0] == (
        "placement.weights = 'low' is a partition of chips, which holds a slice of every line and no addresses: each "
        "burst spans all 8 chips of its rank. Expected a partition by channel, rank, banks or subarrays: 'module', "
        "'safe'"
    )
    _, _, placed = run(DDR4, partitions=chips[:1])
    assert len(placed.page_table) == 0
