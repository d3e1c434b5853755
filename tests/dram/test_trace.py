"""Native traces: what is written is read back, and nothing damaged, forged or foreign gets through."""

from __future__ import annotations

import json
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.dram import trace_write
from edensim.dram.generate import generate, generate_chunks
from edensim.dram.trace import (
    ContentDigest,
    Footprint,
    Requests,
    check_addresses,
    open_trace,
    trace_info,
    write_trace,
)
from edensim.errors import ConfigError, InputError, OutputError

ADDR = np.arange(0, 6400, 64, dtype=np.uint64)
READS = np.zeros(100, np.uint8)


def read_all(path: Path, size: int = 1 << 20) -> Requests:
    parts = list(open_trace(path).chunks(size))
    assert all(1 <= len(part.addr) <= size for part in parts)
    return Requests(*(None if column[0] is None else np.concatenate(column) for column in zip(*parts, strict=True)))


def assert_same(found: Requests, expected: Requests) -> None:
    for name, dtype in (("addr", np.uint64), ("is_write", np.uint8), ("arrival", np.uint64), ("tensor", np.uint16)):
        a, b = getattr(found, name), getattr(expected, name)
        assert (a is None) == (b is None), name
        if a is not None:
            assert a.dtype == dtype
            np.testing.assert_array_equal(a, b)


@st.composite
def traces(draw: st.DrawFn) -> Requests:
    n = draw(st.integers(1, 60))
    numbers = draw(st.sampled_from([st.integers(0, 2**64 - 1), st.integers(0, 500).map(lambda k: k * 64)]))
    column = lambda values: draw(st.lists(values, min_size=n, max_size=n))  # noqa: E731
    addr = np.array(column(numbers), np.uint64)
    is_write = np.array(column(st.integers(0, 1)), np.uint8)
    arrival = np.array(sorted(column(numbers)), np.uint64) if draw(st.booleans()) else None
    tensor = np.array(column(st.integers(0, 2**16 - 1)), np.uint16) if draw(st.booleans()) else None
    return Requests(addr, is_write, arrival, tensor)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("size", [1, 7, 100, 1000])
def test_numpy_files_are_traces(tmp_path: Path, save, size: int) -> None:
    """Files of numpy.savez and savez_compressed are read exactly, whatever the chunk size."""
    path = tmp_path / "t.npz"
    save(path, addr=ADDR, is_write=READS + 1, arrival=ADDR, tensor=np.arange(100, dtype=np.uint16))
    reader = open_trace(path)
    assert (reader.count, reader.has_arrival, reader.has_tensor, reader.header) == (100, True, True, {})
    assert_same(read_all(path, size), Requests(ADDR, READS + 1, ADDR, np.arange(100, dtype=np.uint16)))


@pytest.mark.parametrize("dtype", ["<u4", "<u8", ">u8", "<i4", "<i8"])
def test_integers_of_users_become_uint64(tmp_path: Path, dtype: str) -> None:
    """Addresses in other integer types and bool writes are accepted and converted."""
    path = tmp_path / "t.npz"
    np.savez(path, addr=ADDR.astype(dtype), is_write=np.ones(100, bool), arrival=ADDR.astype(dtype))
    assert_same(read_all(path), Requests(ADDR, READS + 1, ADDR))


@settings(max_examples=60, deadline=None)
@given(
    trace=traces(),
    layout=st.sampled_from(["plain", "stored", "delta"]),
    size=st.integers(1, 70),
    cut=st.integers(1, 70),
)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, trace: Requests, layout, size: int, cut: int) -> None:
    """Any trace survives writing in parts of any size, in every layout, and reading in chunks of any size."""
    path = tmp_path_factory.mktemp("round") / "t.npz"
    parts = (tuple(None if v is None else v[k : k + cut] for v in trace) for k in range(0, len(trace.addr), cut))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace_write, "CHUNK", 16)  # several chunks per file
        assert write_trace(path, parts, {"generator": "test"}, layout=layout) == len(trace.addr)
    assert_same(read_all(path, size), trace)
    digest = ContentDigest()
    digest.update(trace)
    assert open_trace(path).header["content_sha256"] == digest.hexdigest() == trace_info(path)["sha256"]


def test_plain_layout_is_readable_by_numpy(tmp_path: Path) -> None:
    """The default layout is what the documentation promises: arrays addr, is_write, arrival in an .npz."""
    path = tmp_path / "t.npz"
    write_trace(path, {"addr": ADDR, "is_write": READS, "arrival": ADDR}, {"generator": "edensim trace gen x"})
    with np.load(path, allow_pickle=False) as file:
        np.testing.assert_array_equal(file["addr"], ADDR)
        np.testing.assert_array_equal(file["arrival"], ADDR)
        header = json.loads(file["header.json"])
    assert header["requests"] == 100
    assert header["columns"] == ["addr", "is_write", "arrival"]
    assert header["generator"] == "edensim trace gen x"


def test_equal_traces_make_equal_files(tmp_path: Path) -> None:
    """Files hold no date, name or host: the same trace written twice is the same file."""
    for layout in ("plain", "stored", "delta"):
        for name in ("a", "b"):
            write_trace(tmp_path / f"{name}.{layout}", generate("mix", 1000), layout=layout)  # type: ignore[arg-type]
        assert (tmp_path / f"a.{layout}").read_bytes() == (tmp_path / f"b.{layout}").read_bytes()


def test_delta_layout_is_small(tmp_path: Path) -> None:
    """A stream with regular arrivals takes less than a byte per request as differences."""
    write_trace(tmp_path / "t.npz", generate_chunks("stream", 50_000, gap=4), layout="delta")
    assert (tmp_path / "t.npz").stat().st_size < 5_000


# addresses


def test_addresses_inside_the_memory_pass() -> None:
    """The last burst is allowed, and any address when the memory wraps."""
    check_addresses(np.array([0, 64, 8128], np.uint64), 64, 8192)
    check_addresses(np.array([1 << 40], np.uint64), 64, 8192, wrap=True)
    check_addresses(np.empty(0, np.uint64), 64, 8192)


@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize("burst", [64, 48])
def test_row_20_unaligned_address(wrap: bool, burst: int) -> None:
    """The message names the request, the address and what is allowed, with or without wrapping."""
    with pytest.raises(InputError, match=rf"x.npz: request 12: address 0x64 .*{burst} bytes.*from 0 to"):
        check_addresses(np.array([0, burst, 100], np.uint64), burst, 480, wrap=wrap, first=10, where="x.npz")


def test_row_20_address_beyond_the_memory() -> None:
    """The message names the request, the address, the range, and the key that wraps addresses."""
    with pytest.raises(InputError, match="request 1: address 0x2000 .* 0 to 0x1fc0.*address_wrap"):
        check_addresses(np.array([0, 8192, 1 << 63], np.uint64), 64, 8192)


# output


def test_existing_file_is_kept_unless_forced(tmp_path: Path) -> None:
    """Nothing is overwritten without force, and nothing but the file itself is left in the folder."""
    path = tmp_path / "t.npz"
    write_trace(path, Requests(ADDR, READS))
    before = path.read_bytes()
    with pytest.raises(OutputError, match="exists already") as caught:
        write_trace(path, Requests(ADDR[:5], READS[:5]))
    assert caught.value.exit_code == 2
    assert path.read_bytes() == before
    write_trace(path, Requests(ADDR[:5], READS[:5]), force=True)
    assert open_trace(path).count == 5
    assert os.listdir(tmp_path) == ["t.npz"]  # noqa: PTH208


def test_failure_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    """An error in the middle of the source keeps the old trace and removes the half-written one."""
    path = tmp_path / "t.npz"
    write_trace(path, Requests(ADDR, READS))
    backwards = [Requests(ADDR, READS, ADDR), Requests(ADDR, READS, ADDR)]
    for layout in ("plain", "delta"):
        with pytest.raises(InputError, match="request 100: time runs backwards"):
            write_trace(path, backwards, layout=layout, force=True)  # type: ignore[arg-type]
    assert open_trace(path).has_arrival is False
    assert os.listdir(tmp_path) == ["t.npz"]  # noqa: PTH208


def test_unwritable_targets(tmp_path: Path) -> None:
    """A missing folder, a file as folder, and a directory as target are output errors."""
    (tmp_path / "file").touch()
    for target in (tmp_path / "missing" / "t.npz", tmp_path / "file" / "t.npz", tmp_path):
        with pytest.raises(OutputError, match="folder|directory"):
            write_trace(target, Requests(ADDR, READS), force=True)


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        ([], "no requests"),
        ({"addr": ADDR}, "found columns addr;"),
        ({"addr": ADDR, "is_write": READS, "extra": READS}, "extra"),
        ({"addr": ADDR, "is_write": READS[:9]}, "unequal length"),
        ({"addr": ADDR * 1.0, "is_write": READS}, "float64"),
        ({"addr": -ADDR.astype(np.int64), "is_write": READS}, "expected values of uint64"),
        ({"addr": ADDR, "is_write": READS, "tensor": ADDR * np.uint64(1000)}, "expected values of uint16"),
        ([(ADDR, READS, ADDR), (ADDR, READS)], "columns are"),
    ],
)
@pytest.mark.parametrize("layout", ["plain", "delta"])
def test_bad_requests_are_not_written(tmp_path: Path, requests, expected: str, layout) -> None:
    """Empty, incomplete, unequal or out-of-range requests make no file."""
    with pytest.raises(InputError, match=expected), pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace_write, "CHUNK", 100)
        write_trace(tmp_path / "t.npz", requests, layout=layout)
    assert os.listdir(tmp_path) == []  # noqa: PTH208


def test_unknown_layout(tmp_path: Path) -> None:
    """A layout that does not exist is a configuration error."""
    with pytest.raises(ConfigError, match="plain, stored or delta"):
        write_trace(tmp_path / "t.npz", Requests(ADDR, READS), layout="zip")  # type: ignore[arg-type]


# summary and memory


def test_info(tmp_path: Path) -> None:
    """Counts, range, footprint, arrival span and tensors are those of the requests."""
    path = tmp_path / "t.npz"
    addr = np.array([0, 8, 64, 1 << 36, (1 << 36) + 64, 640], np.uint64)
    is_write = np.array([0, 1, 0, 1, 0, 0], np.uint8)
    arrival = np.array([3, 3, 4, 9, 9, 20], np.uint64)
    write_trace(path, Requests(addr, is_write, arrival, np.array([1, 1, 2, 2, 2, 9], np.uint16)), {"generator": "me"})
    info = trace_info(path)
    expected = {
        "requests": 6, "reads": 4, "writes": 2, "address_min": 0, "address_max": (1 << 36) + 64, "tensors": 3,
        "footprint_bytes": 5 * 64, "arrival_first": 3, "arrival_last": 20, "layout": "plain", "generator": "me",
    }  # fmt: skip
    assert {key: info[key] for key in expected} == expected


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.lists(
            st.integers(0, 2**64 - 1) | st.integers(0, 4000) | st.integers(2**34 - 4000, 2**34 + 4000), max_size=20
        )
    )
)
def test_footprint_counts_distinct_lines(chunks: list[list[int]]) -> None:
    """The bounded-memory count equals the size of the set of lines, near, far and across the border at 16 GiB."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edensim.dram.trace.DENSE_LINES", 1 << 17)
        footprint = Footprint()
        for chunk in chunks:
            footprint.update(np.array(chunk, np.uint64))
    assert footprint.bytes == 64 * len({a // 64 for chunk in chunks for a in chunk})


def test_footprint_gives_up_rather_than_fill_the_memory() -> None:
    """With too many far lines the footprint is unknown, not wrong."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edensim.dram.trace.SPARSE_LINES", 10)
        footprint = Footprint()
        footprint.update(np.arange(1, 12, dtype=np.uint64) * np.uint64(1 << 40))
        footprint.update(np.arange(1, 12, dtype=np.uint64) * np.uint64(1 << 40))
        assert footprint.bytes is None


@settings(max_examples=30, deadline=None)
@given(trace=traces(), cut=st.integers(1, 60))
def test_digest_does_not_depend_on_chunks(trace: Requests, cut: int) -> None:
    """The digest is one of the content: chunk sizes and arrivals of zero do not count, every value does."""
    whole, pieces, zeros, other = ContentDigest(), ContentDigest(), ContentDigest(), ContentDigest()
    whole.update(trace)
    for k in range(0, len(trace.addr), cut):
        pieces.update(Requests(*(None if v is None else v[k : k + cut] for v in trace)))
    assert whole.hexdigest() == pieces.hexdigest()
    other.update(trace._replace(addr=trace.addr ^ np.uint64(1)))
    assert whole.hexdigest() != other.hexdigest()
    if trace.arrival is None:
        zeros.update(trace._replace(arrival=np.zeros(len(trace.addr), np.uint64)))
        assert whole.hexdigest() == zeros.hexdigest()


@pytest.mark.parametrize("layout", ["plain", "stored", "delta"])
def test_row_21_memory_is_flat(tmp_path: Path, layout) -> None:
    """Writing and reading 34 MB of requests takes a small, fixed amount of memory."""
    path, size, n = tmp_path / "t.npz", 1 << 14, 2_000_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace_write, "CHUNK", size)
        tracemalloc.start()
        write_trace(path, generate_chunks("random", n, gap=3, size=size), layout=layout)
        written = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        found = sum(len(part.addr) for part in open_trace(path).chunks(size))
        read = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert found == n
    assert written < 6 << 20
    assert read < 6 << 20
