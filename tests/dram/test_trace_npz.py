"""Nothing damaged, forged or foreign passes for a native trace; nothing of it is used."""

from __future__ import annotations

import io
import json
import os
import pickle
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from edensim.dram.generate import generate
from edensim.dram.trace import Requests, open_trace, trace_info, write_trace
from edensim.errors import InputError

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


def save(path: Path, **arrays: object) -> Path:
    columns = {"addr": ADDR, "is_write": READS} | arrays
    np.savez(path, **{k: v for k, v in columns.items() if v is not None})  # type: ignore[arg-type]
    return path


def npy(header: str, payload: bytes = b"", version: int = 1, length: int | None = None) -> bytes:
    text = header.encode()
    size = (len(text) if length is None else length).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + size + text + payload


def archive(path: Path, method: int = zipfile.ZIP_STORED, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members.items():
            file.writestr(name.replace("__", "."), content)
    return path


def array_bytes(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def refused(path: Path) -> str:
    """The message with which reading the trace is refused; one paragraph that names the file."""
    with pytest.raises(InputError) as caught:
        read_all(path)
    message = str(caught.value)
    assert caught.value.exit_code == 3
    assert str(path) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"addr": ADDR.astype(object)}, "pickle"),
        ({"notes": np.array([{"a": 1}], object)}, "pickle"),
        ({"addr": ADDR.astype(float)}, "float64; expected uint64"),
        ({"is_write": READS.astype(np.int64)}, "int64; expected uint8"),
        ({"addr": ADDR.astype("U5")}, "dtype"),
        ({"addr": np.zeros(100, [("a", "<u8")])}, "dtype"),
        ({"addr": ADDR.reshape(10, 10)}, "one-dimensional"),
        ({"addr": ADDR[:99]}, "addr 99, is_write 100"),
        ({"addr": ADDR[:0], "is_write": READS[:0]}, "empty"),
        ({"addr": None}, "addr is missing"),
        ({"is_write": None}, "is_write is missing"),
        ({"arrivals": ADDR}, "did you mean arrival?"),
        ({"arrival": ADDR[::-1]}, "request 1: time runs backwards"),
        ({"is_write": READS + 2}, "request 0: is_write is 2; expected 0 (read) or 1"),
        ({"addr": -ADDR.astype(np.int64)}, "request 1: addr is -64"),
    ],
)
def test_bad_arrays_are_refused(tmp_path: Path, arrays: dict, expected: str) -> None:
    """Objects, wrong dtypes, shapes, lengths, names and values each give a message that says what was found."""
    assert expected in refused(save(tmp_path / "t.npz", **arrays))


def test_row_20_time_running_backwards_across_chunks(tmp_path: Path) -> None:
    """The request index counts through the whole trace, and a chunk is compared with its predecessor."""
    arrival = np.arange(100, dtype=np.uint64)
    arrival[60] = 5
    path = save(tmp_path / "t.npz", arrival=arrival)
    with pytest.raises(InputError, match="request 60: time runs backwards, arrival 5 after 59"):
        list(open_trace(path).chunks(20))


def test_row_14_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """Missing file, directory, empty file and FIFO are refused without opening them."""
    assert "no such file" in refused(tmp_path / "missing.npz")
    assert "is a directory" in refused(tmp_path)
    (tmp_path / "empty.npz").touch()
    assert "0 bytes" in refused(tmp_path / "empty.npz")
    os.mkfifo(tmp_path / "fifo.npz")
    assert "FIFO" in refused(tmp_path / "fifo.npz")
    with pytest.raises(InputError):
        open_trace("a\0b")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"LD 0x40\nST 0x80\n", "not an .npz"),
        (pickle.dumps({"addr": [1]}), "pickle"),
        (array_bytes(ADDR), "single .npy"),
    ],
)
def test_row_19_other_files_are_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    """Text, a pickle and an .npy under the name of a trace are recognised."""
    path = tmp_path / "t.npz"
    path.write_bytes(content)
    assert expected in refused(path)


@pytest.mark.parametrize("kind", ["stored", "plain", "delta"])
def test_row_15_every_truncation_is_refused(tmp_path: Path, kind) -> None:
    """A trace cut anywhere is refused; the message gives the expected count and the size found."""
    whole, path = tmp_path / "whole.npz", tmp_path / "t.npz"
    write_trace(whole, generate("mix", 40), layout=kind)
    content = whole.read_bytes()
    for length in range(1, len(content), 3):
        path.write_bytes(content[:length])
        refused(path)
    np.savez(whole, addr=ADDR, is_write=READS)
    path.write_bytes(whole.read_bytes()[:700])
    assert "expected 100 values (800 bytes unpacked) in its first array, addr, found a file of 700 bytes" in refused(
        path
    )


@pytest.mark.parametrize("kind", ["savez", "savez_compressed", "plain", "delta"])
def test_row_16_one_flipped_bit_never_changes_a_trace(tmp_path: Path, kind) -> None:
    """Whichever byte has a bit flipped: the trace is refused, or the flip sits where it changes nothing."""
    whole, path = tmp_path / "whole.npz", tmp_path / "t.npz"
    trace = generate("mix", 30, gap=3)
    if kind.startswith("savez"):
        getattr(np, kind)(whole, addr=trace.addr, is_write=trace.is_write, arrival=trace.arrival)
    else:
        write_trace(whole, trace, layout=kind)
    content, refusals = whole.read_bytes(), 0
    for k in range(len(content)):
        path.write_bytes(content[:k] + bytes([content[k] ^ (1 << k % 8)]) + content[k + 1 :])
        try:
            found = read_all(path)
        except InputError:
            refusals += 1
        else:
            assert_same(found, trace)
    assert refusals > len(content) // 2


HUGE = "{'descr': '<u8', 'fortran_order': False, 'shape': (%d,), }\n"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_row_17_header_claiming_8_tib_is_refused_before_reading(tmp_path: Path, method: int) -> None:
    """A shape larger than the member is refused without allocating it."""
    forged = npy(HUGE % (1 << 40), bytes(800))
    path = archive(tmp_path / "t.npz", method, addr__npy=forged, is_write__npy=array_bytes(READS))
    tracemalloc.start()
    message = refused(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "claims 1,099,511,627,776 values" in message
    assert "holds 100" in message
    assert peak < 2 << 20


def test_directory_claiming_more_than_deflate_can_pack_is_refused(tmp_path: Path) -> None:
    """A forged size in the zip directory is found by the limit of deflate."""
    path = archive(tmp_path / "t.npz", addr__npy=array_bytes(ADDR), is_write__npy=array_bytes(READS))
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (1 << 31).to_bytes(4, "little")
    path.write_bytes(content)
    assert "impossible" in refused(path)


def test_row_18_zip_bomb_is_refused(tmp_path: Path) -> None:
    """200 MB of zeros in 200 kB are refused by their declared sizes."""
    n = 12_000_000
    path = tmp_path / "t.npz"
    np.savez_compressed(path, addr=np.zeros(n, np.uint64), is_write=np.zeros(n, np.uint8))
    assert path.stat().st_size < 200_000
    assert "zip bomb" in refused(path)


def test_short_trace_of_one_address_is_no_bomb(tmp_path: Path) -> None:
    """A genuine trace that shrinks 1000:1 is read as long as it is small."""
    path = tmp_path / "t.npz"
    np.savez_compressed(path, addr=np.zeros(100_000, np.uint64), is_write=np.zeros(100_000, np.uint8))
    assert len(read_all(path).addr) == 100_000


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (npy("{'descr': '<u8', 'fortran_order': False, 'shape': (-1,), }\n", bytes(800)), "addr"),
        (npy("{'descr': '<u8', 'fortran_order': False, 'shape': __import__('os').getcwd(), }\n"), "malformed"),
        (npy("{'descr': '<u8'}\n"), "malformed"),
        (npy("[" * 3000), "malformed"),
        (npy("", version=2, length=1 << 31), "header of 2,147,483,648 bytes"),
        (npy(HUGE % 100, bytes(800), version=3), "version 1 or 2"),
        (b"nothing", "does not begin"),
    ],
)
def test_forged_array_headers_are_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    """Array headers are parsed as literals of bounded size, never evaluated."""
    path = archive(tmp_path / "t.npz", addr__npy=content, is_write__npy=array_bytes(READS))
    assert expected in refused(path)


@pytest.mark.parametrize(
    "name", ["../addr__npy", "/addr__npy", "a\\addr__npy", "folder/addr__npy", "addr__pkl", "data__npz"]
)
def test_row_13_foreign_members_are_refused(tmp_path: Path, name: str) -> None:
    """Paths out of the archive, pickles and nested archives do not belong into a trace."""
    members = {"addr__npy": array_bytes(ADDR), "is_write__npy": array_bytes(READS), name: b"x"}
    refused(archive(tmp_path / "t.npz", **members))


def test_member_twice_is_refused(tmp_path: Path) -> None:
    """Two arrays of one name are ambiguous."""
    path = save(tmp_path / "t.npz")
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as file:
        file.writestr("addr.npy", array_bytes(ADDR + np.uint64(64)))
    assert "twice" in refused(path)


def test_other_compression_is_refused(tmp_path: Path) -> None:
    """Only stored and deflated members are read."""
    path = archive(tmp_path / "t.npz", zipfile.ZIP_BZIP2, addr__npy=array_bytes(ADDR), is_write__npy=array_bytes(READS))
    assert "compression method 12" in refused(path)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"requests": 101}, "promises 101 requests"),
        ({"requests": -5}, "positive"),
        ({"columns": ["addr", "is_write", "tensor"]}, "promises 100 requests with columns"),
        ({"version": 2}, "format version 2; this edensim reads version 1"),
        ({"layout": "delta"}, "chunks"),
    ],
)
def test_header_must_agree_with_the_arrays(tmp_path: Path, change: dict, expected: str) -> None:
    """A header.json that promises something else than the arrays hold is refused."""
    path = tmp_path / "t.npz"
    header = {
        "format": "edensim-trace",
        "version": 1,
        "layout": "plain",
        "requests": 100,
        "columns": ["addr", "is_write"],
    }
    members = {"addr__npy": array_bytes(ADDR), "is_write__npy": array_bytes(READS)}
    archive(path, **members, header__json=json.dumps(header).encode())
    assert open_trace(path).count == 100
    archive(path, **members, header__json=json.dumps(header | change).encode())
    assert expected in refused(path)


def test_wrong_digest_is_found_by_info(tmp_path: Path) -> None:
    """trace_info recomputes the SHA-256 and compares it with the header's."""
    path = tmp_path / "t.npz"
    write_trace(path, Requests(ADDR, READS))
    with zipfile.ZipFile(path) as file:
        header = file.read("header.json")
    archive(path, addr__npy=array_bytes(ADDR[::-1]), is_write__npy=array_bytes(READS), header__json=header)
    with pytest.raises(InputError, match="SHA-256"):
        trace_info(path)


def test_file_changed_between_opening_and_reading(tmp_path: Path) -> None:
    """A reader does not go on with another trace than the one it checked."""
    path = save(tmp_path / "t.npz")
    reader = open_trace(path)
    save(path, addr=ADDR[:50], is_write=READS[:50])
    with pytest.raises(InputError, match="changed"):
        list(reader.chunks())
