"""Streams behind caches: on disk without loss, damage noticed; sampled loops against whole ones; what joins layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.machines.cpu import code, joins
from edensim.machines.cpu.cache import CacheLevel, Caches, Words
from edensim.machines.cpu.nest import Repeat, Unit
from edensim.machines.cpu.nest_kernel import span
from edensim.machines.cpu.stream_file import DamagedError, StreamReader, StreamWriter, decode, encode
from edensim.machines.cpu.stretch import Sampling, Stretch, stretches
from edensim.workloads import load_network
from edensim.workloads.layer import Layer


def layers_of(path: Path, count: int) -> list[list[tuple[list[int], int, bool]]]:
    """What a file holds: records, weight and likeness of every stretch of every layer."""
    reader = StreamReader(path)
    found = []
    for _ in range(count):
        found.append([])
        for stretch in reader.stretches():
            words = [int(w) for piece in stretch.records for w in piece]
            found[-1].append((words, stretch.weight, stretch.alike))
    reader.close()
    return found


def write(path: Path, layers: list[list[tuple[list[int], int, bool]]], limit: int = 1 << 30) -> None:
    """Write such layers."""
    writer = StreamWriter(path, limit)
    for layer in layers:
        made = (Stretch(iter([np.array(w, np.uint64)]), weight, alike) for w, weight, alike in layer)
        for stretch in writer.copied(made):
            for _ in stretch.records:
                pass
    writer.finish()


WORDS = st.lists(st.integers(0, 2**64 - 1), max_size=40)
STRETCHES = st.lists(st.tuples(WORDS, st.integers(1, 1000), st.booleans()), max_size=4)


@settings(max_examples=40, deadline=None)
@given(st.lists(STRETCHES, max_size=3))
def test_what_was_written_is_read(tmp_path_factory: pytest.TempPathFactory, layers: list) -> None:
    """Any records, weights and layers come back as they were, empty ones too."""
    path = tmp_path_factory.mktemp("s") / "a.stream"
    write(path, layers)
    assert layers_of(path, len(layers)) == layers
    assert list(path.parent.iterdir()) == [path]


def test_planes_are_undone() -> None:
    """Words beyond one chunk, with all their bits in use."""
    words = np.random.default_rng(1).integers(0, 2**64 - 1, 100_000, np.uint64)
    assert np.array_equal(decode(encode(words), len(words)), words)


def test_damage_is_noticed(tmp_path: Path) -> None:
    """A changed byte anywhere, a missing end, more behind the end: nothing of the file is used."""
    path = tmp_path / "a.stream"
    write(path, [[([1, 2, 3 << 40], 5, True)], [([7], 1, False)]])
    whole = path.read_bytes()
    for k in range(len(whole)):
        path.write_bytes(whole[:k] + bytes([whole[k] ^ 1]) + whole[k + 1 :])
        with pytest.raises(DamagedError):
            StreamReader(path)
    for torn in (whole[:-1], whole[:30], b"", whole + b"x"):
        path.write_bytes(torn)
        with pytest.raises(DamagedError):
            StreamReader(path)


def test_a_stream_that_is_too_long_is_not_kept(tmp_path: Path) -> None:
    """Beyond the limit nothing is left, and the records still pass."""
    words = [int(x) for x in np.random.default_rng(2).integers(0, 2**64 - 1, 3000, np.uint64)]
    write(tmp_path / "a.stream", [[(words, 1, False)]], limit=1000)
    assert list(tmp_path.iterdir()) == []


def conv(c: int, size: int, k: int) -> Layer:
    """A 3 x 3 convolution that keeps the size of its map."""
    return Layer("conv", "conv", c, size, size, k, 3, 3, size, size, pad=(1,) * 4)


def traffic(layer: Layer, sampling: Sampling | None) -> tuple[dict[str, int], int]:
    """Reads of memory and write-backs with what stretches stand for, and touches made."""
    caches = Caches([CacheLevel(8 << 10, 8), CacheLevel(32 << 10, 8), CacheLevel(256 << 10, 16)])
    base = 1 << 24
    scratch = code.scratch_at(base + (3 << 22), layer, "darknet", 4)
    parts = code.layer_parts(layer, code.Arrays(base, base + (1 << 22), base + (2 << 22), scratch), "darknet", 4)
    total = {"reads": 0, "writes": 0, "instructions": 0}
    for stretch in stretches(caches, parts, sampling):
        pieces: list[Words] = [words.copy() for words in stretch.records]
        words = np.concatenate([np.zeros(0, np.uint64), *pieces])
        writes = int((words & np.uint64(1)).sum())
        total["writes"] += writes * stretch.weight
        total["reads"] += (len(words) - writes) * stretch.weight
        total["instructions"] += int(((words >> np.uint64(11)) & np.uint64((1 << 23) - 1)).sum()) * stretch.weight
    total["instructions"] += caches.pending_instructions
    return total, caches.counts()[0]["reads"]


@pytest.mark.parametrize(
    ("layer", "spills"), [(conv(16, 32, 96), True), (conv(8, 24, 96), False), (conv(12, 26, 64), True)]
)
def test_sampled_loops_stand_for_whole_ones(layer: Layer, spills: bool) -> None:
    """Reads, write-backs, instructions within 2 %, for less than half of the touches; maps that spill and that fit."""
    whole, touches = traffic(layer, None)
    sampled, fewer = traffic(layer, Sampling())
    assert fewer < 0.5 * touches
    assert (whole["reads"] > 4 * layer.macs // layer.K // 16) == spills
    for name, count in whole.items():
        assert sampled[name] == pytest.approx(count, rel=0.02, abs=100), name


def test_short_loops_are_not_sampled() -> None:
    """A loop that could spare nothing is run as it is."""
    assert traffic(conv(8, 24, 4), Sampling()) == traffic(conv(8, 24, 4), None)


@pytest.mark.parametrize(
    ("inner", "last", "iterations", "weights"),
    [
        (8, 64, [1, 1, 1, 1, 1, 1], [1, 1, 32, 32, 33, 1]),
        (8, 1024, [1, 1, 1, 1], [1, 1, 1, 1]),
        (128, 1024, [1, 2, 2, 1], [1, 1, 1, 1]),
    ],
)
def test_blocks_are_as_long_as_they_must_be(inner: int, last: int, iterations: list[int], weights: list[int]) -> None:
    """An iteration reads 80 KiB: it renews 8 KiB of inner caches, two renew 128 KiB. Those that spill share the rest.

    Iterations of each stretch, of caches of so many KiB, and what it stands for: 100 iterations in all.
    """
    lines = 80 << 4
    caches = Caches([CacheLevel(inner << 10, 8), CacheLevel(last << 10, 16)])
    every = Unit(span, (1 << 20, 80 << 10, 0, 0, 1), lines)
    loop = Repeat(100, lambda i: [every], lambda a, b: [], 1, lines)
    found, stands_for = [0], []
    for stretch in stretches(caches, [loop], Sampling()):
        for _ in stretch.records:
            pass
        found.append(caches.counts()[0]["reads"])
        stands_for.append(stretch.weight)
    assert [(b - a) / lines for a, b in zip(found, found[1:], strict=False)] == iterations
    assert stands_for == weights


def test_steps_between_layers_of_known_networks() -> None:
    """ResNet-18 pools twice and adds eight times, each sum once; YOLOv3 joins twice; AlexNet pools three times."""
    network = load_network("resnet18", Path())
    steps = [step for some in joins.steps_before(network).values() for step in some]
    sums = [step for step in steps if len(step.reads) == 2]
    assert len(sums) == 8
    assert all(step.writes == (step.reads[-1],) for step in sums)
    assert len([step for step in steps if len(step.reads) == 1]) == 2
    assert [len(joins.steps_after(layer, network)) for layer in network.layers[-2:]] == [0, 3]
    alexnet = load_network("alexnet", Path())
    assert sum(map(len, joins.steps_before(alexnet).values())) == 3
    yolo = load_network("yolov3", Path())
    visits = [s.visits for layer in yolo.layers for s in joins.steps_after(layer, yolo) if s.visits]
    assert visits == [80, 80, 80]
