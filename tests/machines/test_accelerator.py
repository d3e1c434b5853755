"""Plans of the shipped machines: traffic, cycles, programs, and what cannot run."""

from __future__ import annotations

import numpy as np
import pytest

from edensim.errors import ConfigError
from edensim.machines import LayerTensors, build_machine
from edensim.machines.program import MAX_TILES
from edensim.machines.scalesim import scalesim_counts
from edensim.workloads import load_network
from edensim.workloads.layer import Layer

TENSORS = LayerTensors(0, 1 << 28, 1 << 29, 5, 6, 7, 1 << 30, 8)
CONV = Layer("conv3", "conv", 192, 13, 13, 384, 3, 3, 13, 13, (1, 1), (1, 1, 1, 1), inputs=("conv2",))
MIB = 1 << 20


@pytest.mark.parametrize(("name", "bits"), [("eyeriss-eden", 8), ("eyeriss-chip", 16), ("tpu-eden", 8), ("tpu-v1", 8)])
@pytest.mark.parametrize("network", ["alexnet-grouped", "mobilenetv2", "yolov3-tiny"])
def test_plans_of_whole_networks_hold_together(preset, name: str, bits: int, network: str) -> None:
    """Programs add up to their plan's tiles, cycles and traffic; plain traffic respects the bound; use is at most 1."""
    accelerator = build_machine(preset(name))
    for layer in load_network(network).layers:
        plan = accelerator.plan(layer, TENSORS, bits)
        tiles, runs = plan.tiles, plan.runs
        assert len(tiles) == plan.tile_count and tiles["compute_cycles"].sum() == plan.compute_cycles
        assert 0 < plan.utilization <= 1 and plan.macs == layer.macs
        assert tiles["load_begin"][0] == 0 and tiles["load_end"].max() <= len(runs)
        assert (runs["count"] > 0).all() and set(runs["tensor"]) <= {5, 6, 7, 8}
        moved = runs["count"].sum() * 64
        useful = sum(plan.traffic_bytes.values())
        assert moved >= useful - 3  # traffic is rounded up to bytes per kind
        if accelerator.machine.compression == "none":
            assert useful >= plan.lower_bound_bytes


@pytest.mark.parametrize(
    ("name", "network", "mib"), [("tpu-eden", "alexnet", 59.07), ("tpu-eden", "yolov3-tiny", 16.914)]
)
def test_a_large_buffer_reaches_compulsory_traffic(preset, name: str, network: str, mib: float) -> None:
    """With 24 MiB the tiles move compulsory traffic if that is the only goal, else within 1 %."""
    for goal, tolerance in (("traffic_time", 0.01), ("traffic", 1e-4)):
        accelerator = build_machine(preset(name, tile_goal=goal))
        total = sum(sum(accelerator.plan(x, TENSORS, 8).traffic_bytes.values()) for x in load_network(network).layers)
        assert total / MIB == pytest.approx(mib, rel=tolerance)


@pytest.mark.parametrize("psum_bytes", [1, 2, 4])
def test_spilled_sums_move_at_their_own_width(preset, psum_bytes: int) -> None:
    """A layer that must spill moves each partial sum out and in at `machine.psum_bytes`, the output at the data's.

    Plan, program and scratch tensor agree; the bound, which counts sums at the data's width, still holds.
    """
    layer = Layer("fc", "fc", 4096, 1, 1, 1000, 1, 1, 1, 1)
    accelerator = build_machine(preset("eyeriss-eden", buffer_bytes=4096, psum_bytes=psum_bytes, tile_goal="traffic"))
    plan = accelerator.plan(layer, TENSORS, 8)
    assert "partial sums spill" in plan.note and accelerator.spilled_bytes(layer, 8) == 1000 * psum_bytes
    spills = -(-4096 // plan.tiling.c) - 1
    assert plan.traffic_bytes["ofm"] == 1000 + 2 * spills * 1000 * psum_bytes
    runs = plan.runs[plan.runs["tensor"] == 8]
    assert set(runs["kind"]) == {2} and (runs["line"] >= (1 << 30) // 64).all()
    pieces = 2 * spills * -(-1000 // plan.tiling.k)
    moved = runs["count"].sum() * 64 - 2 * spills * 1000 * psum_bytes
    assert 0 <= moved <= pieces * 2 * 63  # whole lines at both ends of a run
    assert sum(plan.traffic_bytes.values()) >= plan.lower_bound_bytes


def test_goals_do_what_they_say(preset) -> None:
    """Least traffic moves least; least time computes fastest; the product lies between."""
    layer = next(x for x in load_network("vgg16").layers if x.name == "conv3_2")
    plans = {
        g: build_machine(preset("eyeriss-eden", tile_goal=g)).plan(layer, TENSORS, 8)
        for g in ("traffic", "time", "traffic_time")
    }
    moved = {g: sum(p.traffic_bytes.values()) for g, p in plans.items()}
    assert moved["traffic"] <= moved["traffic_time"] <= moved["time"] * 1.02
    assert plans["time"].compute_cycles <= plans["traffic_time"].compute_cycles * 1.02 < plans["traffic"].compute_cycles


def test_scalesim_compat_reports_scalesim_cycles(preset) -> None:
    """The layer's cycles are SCALE-Sim's to the cycle, spread over the tiles by their work; batches repeat them."""
    machine = preset("eyeriss-eden", compute_model="scalesim_compat", dataflow="weight_stationary")
    expected = scalesim_counts(169, 192 * 9, 384, 12, 14, "weight_stationary").cycles
    for batch in (1, 3):
        plan = build_machine(machine).plan(CONV, TENSORS, 8, batch)
        assert plan.compute_cycles == batch * expected == plan.tiles["compute_cycles"].sum()


def test_tpu_v1_streams_weight_tiles(preset) -> None:
    """One tile per weight tile of the array, weights only, again for each block of rows the accumulators hold."""
    accelerator = build_machine(preset("tpu-v1"))
    plan = accelerator.plan(Layer("fc", "fc", 600, 1, 1, 600, 1, 1, 1, 1), TENSORS, 8, batch=200)
    assert accelerator.depth == 4 and plan.tile_count == 9 and plan.compute_cycles == 9 * 256
    assert plan.traffic_bytes == {"weights": 360_000, "ifm": 0, "ofm": 0}
    assert set(plan.runs["kind"]) == {0}
    conv = Layer("conv", "conv", 64, 58, 58, 256, 3, 3, 56, 56)
    assert accelerator.plan(conv, TENSORS, 8).traffic_bytes["weights"] == 2 * conv.weight_count  # 3136 rows, 2 blocks


def test_eyeriss_chip_obeys_the_published_buffer_formula(preset) -> None:
    """Tiles of the chip fit 100 KiB by the published formula, re-read inputs per m, filters per strip."""
    accelerator = build_machine(preset("eyeriss-chip", compression="none"))
    plan = accelerator.plan(CONV, TENSORS, 16, batch=4)
    t = plan.tiling
    assert t.n * t.c * (t.p + 2) * 15 + t.n * t.k * t.p * 13 <= 51_200
    strips, images, m = -(-13 // t.p), -(-4 // t.n), -(-384 // t.k)
    rows = 13 if strips == 1 else sum(min(13, s + t.p + 1) - max(0, s - 1) for s in range(0, 13, t.p))
    assert plan.traffic_bytes["ifm"] == 2 * 4 * 192 * rows * 13 * m
    assert plan.traffic_bytes["weights"] == 2 * CONV.weight_count * strips * images
    assert accelerator.depth == 1


def test_coding_shrinks_inner_maps_but_not_the_input(preset) -> None:
    """The network's input is never coded; inner maps shrink to the coded share."""
    first = Layer("conv3", "conv", 192, 13, 13, 384, 3, 3, 13, 13, (1, 1), (1, 1, 1, 1), inputs=("input",))
    coded, plain = (build_machine(preset("eyeriss-chip", compression=c, zero_fraction=0.7)) for c in ("rlc", "none"))
    share = 64 / 3 / 16 * 0.3
    for layer, factor in ((first, 1.0), (CONV, share)):
        a, b = coded.plan(layer, TENSORS, 16), plain.plan(layer, TENSORS, 16)
        if a.tiling == b.tiling:
            assert a.traffic_bytes["ifm"] == pytest.approx(b.traffic_bytes["ifm"] * factor, abs=1)
        assert a.traffic_bytes["ofm"] == pytest.approx(b.traffic_bytes["ofm"] * share, abs=1)


def test_int4_halves_traffic(preset) -> None:
    """Two elements per byte: with room for everything, int4 moves half of int8."""
    accelerator = build_machine(preset("tpu-eden", tile_goal="traffic"))
    int8, int4 = (sum(accelerator.plan(CONV, TENSORS, bits).traffic_bytes.values()) for bits in (8, 4))
    assert int8 == 2 * int4


def test_many_tiles_come_in_chunks(preset) -> None:
    """A tiny buffer makes more tiles than one chunk holds; the chunks still add up."""
    accelerator = build_machine(preset("eyeriss-eden", buffer_bytes=1024))
    plan = accelerator.plan(Layer("c", "conv", 64, 66, 66, 96, 3, 3, 64, 64), TENSORS, 8)
    sizes = [(len(tiles), int(tiles["compute_cycles"].sum())) for tiles, _ in plan.programs()]
    assert plan.tile_count > 50_000 and max(count for count, _ in sizes) <= MAX_TILES
    assert np.sum(sizes, axis=0).tolist() == [plan.tile_count, plan.compute_cycles]


@pytest.mark.parametrize(("name", "changes", "words"), [
    ("eyeriss-eden", {"dataflow": "weight_stationary"}, ["machine.dataflow", "weight_stationary", "row_stationary"]),
    ("tpu-eden", {"dataflow": "row_stationary"}, ["machine.dataflow", "weight_stationary"]),
    ("tpu-eden", {"tiling": "row_stationary"}, ["machine.tiling", "search"]),
    ("eyeriss-chip", {"buffer_bytes": 4096}, ["machine.buffer_bytes", "8192"]),
    ("eyeriss-eden", {"compute_model": "scalesim_compat"}, ["machine.dataflow", "input_stationary"]),
])  # fmt: skip
def test_contradictions_are_refused(preset, name: str, changes: dict[str, object], words: list[str]) -> None:
    """Keys that do not go together are one clear paragraph naming both."""
    with pytest.raises(ConfigError) as error:
        build_machine(preset(name, **changes))
    assert all(word in str(error.value) for word in words)


def test_a_layer_that_does_not_fit_is_refused(preset) -> None:
    """Too small a buffer, and feature maps too large to stay on chip, name the layer, the need and the key."""
    wide = Layer("stem", "conv", 3, 100, 100, 8, 40, 40, 61, 61)
    with pytest.raises(ConfigError, match=r"machine.buffer_bytes: found 1024 byte.*'stem'"):
        build_machine(preset("eyeriss-eden", buffer_bytes=1024)).plan(wide, TENSORS, 8)
    with pytest.raises(ConfigError, match=r"fmaps_in_dram.*'conv3'.*batch of 4096"):
        build_machine(preset("tpu-v1")).plan(CONV, TENSORS, 8, batch=4096)


def test_eyeriss_can_keep_feature_maps_on_chip(preset) -> None:
    """`fmaps_in_dram = false` on Eyeriss: weights move once, nothing else."""
    plan = build_machine(preset("eyeriss-eden", fmaps_in_dram=False)).plan(CONV, TENSORS, 8)
    assert plan.traffic_bytes == {"weights": CONV.weight_count, "ifm": 0, "ofm": 0} and plan.tile_count > 1
