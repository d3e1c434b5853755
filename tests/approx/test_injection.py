"""The injector against the reference, and that nothing but device, place and access decides what flips."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.approx import Bitline, CellLaw, DataDependent, Device, Injector, Lines, Region, Uniform, inject, injection
from edensim.approx.element import ELEMENTS
from edensim.approx.model import simple_law
from edensim.approx.region import PLAIN
from edensim.errors import InputError
from edensim.jit import JIT_DISABLED
from edensim.memory import AddressMap, Geometry
from tests.approx.reference import Reader
from tests.approx.strategies import laws, scenarios


@settings(max_examples=150)
@given(scenarios(), st.randoms(use_true_random=False), st.booleans())
def test_every_bit_is_as_the_definitions_say(scenario, random, in_place):
    """Any laws, partitions, address map and place: copies and arrays changed in place equal the slow reference."""
    data = np.frombuffer(random.randbytes(scenario.region.size_bytes), np.uint8).copy()
    reader = Reader(scenario.region.address_map, scenario.groups, scenario.owner, scenario.device.seed, scenario.access)
    expected = reader.read(data.tobytes(), scenario.addresses)
    injector = Injector(scenario.device, scenario.region, ELEMENTS["uint8"])
    out = data.copy() if in_place else np.full_like(data, 0xAA)
    report = injector.run(out, scenario.access) if in_place else injector.run(data, scenario.access, out)
    assert out.tobytes() == expected
    wrong = np.unpackbits(data ^ out, bitorder="little").reshape(-1, 8)
    assert report.flips == wrong.sum() == report.by_bank.sum()
    assert report.by_bit.tolist() == wrong.sum(0).tolist()
    assert injector.run(data, scenario.access, out, details=False).flips == report.flips


LONG_ROWS = AddressMap(Geometry(1, 1, 2, 2, 16, 64, 8, 8, 8, 3), "RoBaRaCoCh")  # of 512 bytes, in one piece
IN_TURN = [AddressMap(Geometry(n, 1, 2, 2, 16, 8, 8, 64, 8, 3), "RoBaRaCoCh") for n in (2, 3)]  # of 512, units of more
PLAIN_RATES = [simple_law([1.0], rate) for rate in (0.001, 0.01, 0.06, 0.3)]


@settings(max_examples=60)
@given(st.data(), st.sampled_from([LONG_ROWS, *IN_TURN]), st.booleans(), st.booleans(), st.booleans())
def test_whole_rows_are_as_the_definitions_say(data, address_map, streams, in_place, details):
    """Rows and units written at once, past the caches or not, wherever the copy lies in its lines: as the reference."""
    laws_of_long_rows = st.one_of(st.sampled_from(PLAIN_RATES), laws(12))
    groups = [data.draw(st.lists(laws_of_long_rows, max_size=2))]
    device = Device(groups, address_map, seed=data.draw(st.integers(0, 3)))
    element = ELEMENTS[data.draw(st.sampled_from(["uint8", "fp16"]))]
    step = element.bits // 8
    size, address = step * data.draw(st.integers(1, 2500)), step * data.draw(st.sampled_from([0, 8, 512, 523, 8000]))
    shift = data.draw(st.integers(0, 63))
    source = np.random.default_rng(size).integers(0, 256, size, dtype=np.uint8)
    room = np.full(size + 72, 0xAA, np.uint8)
    out = room[8 + shift : 8 + shift + size]
    expected = Reader(address_map, groups, None, device.seed, 1).read(source.tobytes(), range(address, address + size))
    injector = Injector(device, Region(address_map, size, address), element, threads=1)
    with mock.patch.object(injection, "STREAMED_BYTES", 0 if streams else 1 << 60):
        if in_place:
            out[:] = source
            report = injector.run(out, 1, details=details)
        else:
            report = injector.run(source, 1, out, details=details)
    assert out.tobytes() == expected
    wrong = np.unpackbits(source ^ out, bitorder="little").reshape(-1, element.bits)
    assert report.flips == wrong.sum() == report.by_bank.sum()
    assert report.by_bit is None if not details else report.by_bit.tolist() == wrong.sum(0).tolist()
    assert (np.delete(room, np.s_[8 + shift : 8 + shift + size]) == 0xAA).all()


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("address_map", [LONG_ROWS, *IN_TURN], ids=["1", "2", "3"])
@pytest.mark.parametrize("rate", [2e-4, 3e-3, 0.02, 0.06, 0.3])
def test_whole_units_are_as_their_pieces(rate, address_map, streams):
    """Rows and units written at once get the errors, and the counts, of pieces too small for any whole row."""
    device, size = Device([[simple_law([1.0], rate)]], address_map, seed=2), 9001
    source = np.random.default_rng(5).integers(0, 256, size, dtype=np.uint8)
    pieces, found = source.copy(), []
    for begin in range(0, size, 400):
        part = pieces[begin : begin + 400]
        place = Region(address_map, part.size, 100 + begin)
        found.append(Injector(device, place, ELEMENTS["uint8"], threads=1).run(part, 3))
    flips = sum(found[1:], found[0])
    room = np.full(size + 128, 0xAA, np.uint8)
    out = room[29 : 29 + size]
    injector = Injector(device, Region(address_map, size, 100), ELEMENTS["uint8"], threads=1)
    with mock.patch.object(injection, "STREAMED_BYTES", 0 if streams else 1 << 60):
        report = injector.run(source, 3, out)
    assert (out == pieces).all()
    assert (room[:29] == 0xAA).all() and (room[29 + size :] == 0xAA).all()
    assert report.by_bank.tolist() == flips.by_bank.tolist()
    assert report.by_bit.tolist() == flips.by_bit.tolist()
    changed = source.copy()
    assert injector.run(changed, 3, details=False).flips == report.flips
    assert (changed == out).all()


MODELS = [
    *(Uniform(p) for p in (0.0, 1e-5, 1e-3, 1e-2, 0.05, 0.1, 0.7, 1.0)),
    Uniform(0.5, 1e-3),
    Uniform(0.5, 0.03),
    Bitline(Lines.lognormal(0.02, 0.5)),
    DataDependent(0.02, 0.7, 0.1, anti_cell_rows=1),
]


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_threads_slices_and_copies_change_nothing(model, streams):
    """One or three threads, in place or copied, whole or in unaligned pieces: the same bits flip."""
    rng = np.random.default_rng(3)
    data = rng.integers(0, 256, 40 * 8192 + 1001, dtype=np.uint8)
    out, again = np.empty_like(data), data.copy()
    with mock.patch.object(injection, "STREAMED_BYTES", 0 if streams else 1 << 60):
        report = inject(data, model=model, seed=9, access=4, out=out, threads=1 + 2 * streams)
    wrong = np.unpackbits(data ^ out, bitorder="little").reshape(-1, 8).sum(0)
    changed = inject(again, model=model, seed=9, access=4, threads=3)
    assert changed.flips == report.flips == wrong.sum()
    assert changed.by_bit.tolist() == report.by_bit.tolist() == wrong.tolist()
    assert (again == out).all()
    pieces, flips = data.copy(), 0
    for begin, end in ((0, 8192), (8192, 20001), (20001, 20003), (20003, 250000), (250000, len(data))):
        flips += inject(pieces[begin:end], model=model, seed=9, access=4, address=begin).flips
    assert flips == report.flips
    assert (pieces == out).all()


@pytest.mark.parametrize("phase", [0, 16, 63])
def test_flips_by_bit_are_counted_to_the_last_line(phase):
    """When a line written byte by byte makes the counters of its places run over (256 lines), nothing is lost."""
    source, room = np.zeros(2 * 8192, np.uint8), np.zeros(2 * 8192 + 128, np.uint8)
    begin = (phase - room.ctypes.data) % 64
    out = room[begin : begin + source.size]
    with mock.patch.object(injection, "STREAMED_BYTES", 0):
        report = inject(source, ber=1.0, out=out, threads=1)
    assert (out == 255).all()
    assert report.by_bit.tolist() == [source.size] * 8


def test_another_seed_or_access_is_another_draw():
    """Plain errors differ between accesses and devices; weak cells stay where they are in every access of a device."""
    zeros = np.zeros(1 << 18, np.uint8)

    def read(model, seed, access):
        out = np.empty_like(zeros)
        inject(zeros, model=model, seed=seed, access=access, out=out)
        return np.flatnonzero(np.unpackbits(out, bitorder="little"))

    fresh = [read(Uniform(1e-3), s, a) for s, a in ((1, 0), (1, 1), (2, 0))]
    assert all(len(np.intersect1d(fresh[a], fresh[b])) < 20 for a, b in ((0, 1), (0, 2), (1, 2)))
    sure = [read(Uniform(1.0, 1e-3), 1, access) for access in (0, 1)]
    assert sure[0].tolist() == sure[1].tolist()
    half = [read(Uniform(0.5, 1e-3), 1, access) for access in (0, 1)]
    assert set(half[0]) | set(half[1]) <= set(sure[0])
    assert half[0].tolist() != half[1].tolist()


@pytest.mark.parametrize("lines", [False, True])
def test_a_larger_share_adds_weak_cells_and_heals_none(lines):
    """Weak cells at one share are weak at every larger one (Lemma of `law`: one number per row decides their count)."""
    zeros, before = np.zeros(1 << 16, np.uint8), np.zeros(1 << 16, np.uint8)
    for share in (1e-4, 1e-3, 3e-3, 0.02, 0.3, 0.9):
        model = Bitline(Lines.lognormal(share, 1.0)) if lines else Uniform(1.0, share)
        now = np.empty_like(zeros)
        inject(zeros, model=model, seed=5, out=now)
        assert (before & ~now == 0).all()
        before = now


PROGRAM = """
import hashlib, sys
import numpy as np
from tests.approx.test_injection import MODELS
from edensim.approx import inject, injection
data = np.random.default_rng(1).integers(0, 256, 3 * 8192 + 40, dtype=np.uint8)
for model in MODELS:
    if model.name != "uniform" or model.flip_probability() < 0.3:
        inject(data, model=model, seed=5, address=4096, access=2, bounds=(3, 250))
injection.STREAMED_BYTES = 0
for model in MODELS[1:4]:
    out = np.empty_like(data)
    inject(data, model=model, seed=6, out=out)
    data = out
print(hashlib.sha256(data).hexdigest())
"""


def test_plain_python_kernels_agree():
    """With NUMBA_DISABLE_JIT=1 the same bits flip and the same values are corrected."""
    digests = set()
    for disabled in ("0", "1"):
        env = dict(os.environ, NUMBA_DISABLE_JIT=disabled, PYTHONPATH=str(Path(__file__).parents[2]))
        command = [sys.executable, "-W", "error", "-c", PROGRAM]
        digests.add(subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout)
    assert len(digests) == 1
    assert len(digests.pop()) == len(hashlib.sha256().hexdigest()) + 1


def test_a_long_tensor_walks_through_every_bank():
    """Bytes of a plain array lie in banks one after the other, and errors are counted where they lie."""
    data = np.zeros(16 * 8192, np.uint8)
    report = Injector(Device([[Uniform(1.0).law(PLAIN.geometry)]]), Region(PLAIN, data.size), ELEMENTS["uint8"]).run(
        data
    )
    assert report.by_bank.tolist() == [[65536] * 16]
    assert report.ber == 1
    assert (data == 255).all()


@pytest.mark.skipif(JIT_DISABLED, reason="slow as plain Python")
def test_rows_longer_than_a_block_of_random_numbers():
    """Rows of 4 MiB, whose points come from several blocks, keep the rate (6 sigma: false alarms below 1e-8)."""
    address_map = AddressMap(Geometry(1, 1, 1, 2, 2, 1 << 16, 64, 64, 8), "RoBaRaCoCh")
    for rate in (1e-3, 0.03):
        data = np.zeros(1 << 23, np.uint8)
        flips = inject(data, device=Device([[Uniform(rate).law(address_map.geometry)]], address_map), threads=1).flips
        assert flips == np.bitwise_count(data).sum()
        assert abs(flips - rate * 2**26) < 6 * (rate * 2**26) ** 0.5


def test_every_span_is_taken_once_and_an_error_of_one_thread_ends_the_others():
    """Threads share spans without gaps; after an error the caller gets it, and what nobody began stays undone."""
    spans = injection._spread(lambda a, b: (a, b), 10, 35, 3)
    assert sorted(spans) == [(0, 10), (10, 20), (20, 30), (30, 35)]
    begun = []

    def fails(first, _):
        begun.append(first)
        raise InputError("no")

    with pytest.raises(InputError):
        injection._spread(fails, 1, 100, 2)
    assert len(begun) <= 2


def test_no_thread_waits_for_one_that_never_came():
    """Where all helpers are busy with something else, the caller does all of the work and returns."""
    entered, leave = threading.Event(), threading.Event()
    pool = injection._pool(os.getpid(), 1)
    busy = pool.submit(lambda: (entered.set(), leave.wait(60)))
    assert entered.wait(60)
    data = np.zeros(1 << 14, np.uint8)
    report = inject(data, ber=1.0, threads=2)
    assert not busy.done()
    leave.set()
    assert (data == 255).all()
    assert report.flips == 8 * data.size


def test_threads_take_turns_that_meet_anywhere_in_a_line():
    """Turns of one row, two threads, a copy past the caches that begins anywhere in a line: the bits of one thread."""
    source = np.random.default_rng(8).integers(0, 256, 30 * 8192 + 77, dtype=np.uint8)
    alone, room = np.empty_like(source), np.full(source.size + 64, 0xAA, np.uint8)
    inject(source, ber=5e-3, out=alone, threads=1)
    for shift in (0, 1, 63):
        out = room[shift : shift + source.size]
        with mock.patch.multiple(injection, STREAMED_BYTES=0, TURN_BYTES=1):
            report = inject(source, ber=5e-3, out=out, threads=2)
        assert (out == alone).all()
        assert report.by_bit.sum() == report.by_bank.sum() == np.bitwise_count(source ^ out).sum()


@pytest.mark.skipif(JIT_DISABLED, reason="slow as plain Python")
def test_memory_is_at_most_twice_the_tensor():
    """In place nothing beyond the tensor but some words per row; a copy of it where cells read the row before."""
    before = CellLaw(np.full((1, 1), 1e-4), np.ones((1, 1, 1)), np.ones((1, 1, 1)), previous_row=True)
    for law, most in (simple_law([1.0], 1e-3), 1.02), (before, 2.02):
        device, size = Device([[law]], PLAIN), 1 << 24
        inject(np.zeros(1 << 16, np.uint8), device=device, threads=1)  # compiles
        tracemalloc.start()
        report = inject(np.zeros(size, np.uint8), device=device, address=1 << 20, threads=1)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert report.flips > 0
        assert peak < most * size
