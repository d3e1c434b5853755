"""Files with errors: what `inject` does to arrays at those places, whatever the chunks, and nothing else changes."""

from __future__ import annotations

import io
import json
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from edensim.approx import CellLaw, Device, Injector, file_injection, inject
from edensim.approx.file_injection import FilePlan, Memory, inject_file, place_tensors
from edensim.approx.partition_laws import device_of, errors_of_model
from edensim.approx.tensor_file import open_tensor_file
from edensim.errors import ConfigError, InputError, OutputError

RNG = np.random.default_rng(5)
ARRAYS = {
    "w": RNG.standard_normal((40, 130)).astype(np.float32),
    "f": np.asfortranarray(RNG.standard_normal((33, 20)).astype(np.float16)),
    "b": RNG.integers(-128, 128, 30_001, dtype=np.int8),
    "one": np.float64(3),
    "none": np.zeros((0, 4), np.int16),
}
NAMES = {"float32": "F32", "float16": "F16", "int8": "I8", "float64": "F64", "int16": "I16"}


def safetensors(arrays, **header):
    """Bytes of a safetensors file; `header` replaces entries."""
    table, body = {"__metadata__": {"made": "by hand"}}, b""
    for name, array in arrays.items():
        data = np.asarray(array).tobytes("A")
        shape = list(np.shape(array))
        table[name] = {
            "dtype": NAMES[np.asarray(array).dtype.name],
            "shape": shape,
            "data_offsets": [len(body), len(body) + len(data)],
        }
        body += data
    text = json.dumps(table | header).encode()
    return struct.pack("<Q", len(text)) + text + body


def plan_for(file, ber=0.01, keep=(), model="uniform", **more):
    """All tensors in a plain memory at one rate."""
    memory = Memory()
    errors = errors_of_model(model, ber, {}, memory.address_map.geometry)
    device = device_of(errors, memory.address_map, None, seed=3)
    return FilePlan(device, place_tensors(file, keep, memory, None), **more)


def expected(arrays, plan, access=0):
    """The same errors by `inject`, array by array."""
    out = {}
    for name, array in arrays.items():
        flat = np.asarray(array).ravel("A").copy()
        inject(flat, device=plan.device, region=plan.regions[name], access=access)
        out[name] = flat
    return out


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("model", ["uniform", "bitline"])
def test_npz(tmp_path, monkeypatch, save, model):
    """Arrays come out as `inject` leaves them, in small chunks as in large ones; shape, order, packing are kept."""
    save(tmp_path / "a.npz", **ARRAYS)
    file = open_tensor_file(tmp_path / "a.npz")
    plan = plan_for(file, model=model, access=2)
    reports = inject_file(file, tmp_path / "o.npz", plan)
    monkeypatch.setattr(file_injection, "CHUNK_BYTES", 1 << 10)
    inject_file(file, tmp_path / "small.npz", plan)
    assert (tmp_path / "o.npz").read_bytes() == (tmp_path / "small.npz").read_bytes()
    found, flat = np.load(tmp_path / "o.npz"), expected(ARRAYS, plan, 2)
    for name, array in ARRAYS.items():
        assert (found[name].shape, found[name].dtype) == (np.shape(array), np.asarray(array).dtype)
        assert found[name].ravel("A").tobytes() == flat[name].tobytes()
    assert found["f"].flags.f_contiguous
    kinds = [zipfile.ZipFile(tmp_path / n).getinfo("w.npy").compress_type for n in ("a.npz", "o.npz")]
    assert kinds[0] == kinds[1]
    for r in reports:
        before, after = (np.unpackbits(np.asarray(x).ravel("A").view(np.uint8)) for x in
                         (ARRAYS[r.tensor.name], found[r.tensor.name]))  # fmt: skip
        assert r.report.flips == (before != after).sum() == r.report.by_bit.sum() == r.report.by_bank.sum()


def test_safetensors(tmp_path):
    """The header stays byte for byte; tensors come out as `inject` leaves them; one that is kept stays."""
    path = tmp_path / "t.safetensors"
    path.write_bytes(safetensors(ARRAYS))
    file = open_tensor_file(path)
    plan = plan_for(file, keep=["b"])
    inject_file(file, tmp_path / "o.safetensors", plan)
    before, after = path.read_bytes(), (tmp_path / "o.safetensors").read_bytes()
    begin = 8 + int.from_bytes(before[:8], "little")
    assert before[:begin] == after[:begin]
    wanted = expected({n: a for n, a in ARRAYS.items() if n != "b"}, plan) | {"b": ARRAYS["b"]}
    assert after[begin:] == b"".join(wanted[name].tobytes() for name in ARRAYS)


def test_big_endian_arrays_can_be_kept(tmp_path):
    """They are refused, or copied bit by bit."""
    array = np.arange(1000, dtype=">f4")
    np.savez(tmp_path / "a.npz", w=array, v=np.zeros(64, np.int8))
    file = open_tensor_file(tmp_path / "a.npz")
    with pytest.raises(InputError, match="big-endian float32.*--keep w"):
        plan_for(file)
    inject_file(file, tmp_path / "o.npz", plan_for(file, keep=["w"]))
    assert np.load(tmp_path / "o.npz")["w"].tobytes() == array.tobytes()


def test_files_with_headers_are_no_raw_bytes(tmp_path):
    """A .npy file, an archive and a pickle are refused, with a format or without: their headers are no data."""
    array = np.zeros(64, np.int8)
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "a.npz", array)
    (tmp_path / "a.npz").rename(tmp_path / "a.pt")
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"a": 1}))
    for name, message in ("a.npy", "numpy.savez"), ("a.pt", "zip archive"), ("a.pkl", "pickles are never loaded"):
        for dtypes in {"*": "int8"}, {}:
            with pytest.raises(InputError, match=message):
                open_tensor_file(tmp_path / name, dtypes)


def test_raw_files_are_streamed(tmp_path):
    """A file of 64 MiB goes through a few chunks of memory; the result is that of the array."""
    data = RNG.integers(0, 256, 64 << 20, dtype=np.uint8)
    data.tofile(tmp_path / "d.bin")
    file = open_tensor_file(tmp_path / "d.bin", {"*": "int4"})
    plan = plan_for(file, 1e-4)
    warm = open_tensor_file(tmp_path / "d.bin", {"*": "int4"})
    tracemalloc.start()
    try:
        inject_file(warm, tmp_path / "o.bin", plan, threads=1)
        assert tracemalloc.get_traced_memory()[1] < 2.5 * file_injection.CHUNK_BYTES
    finally:
        tracemalloc.stop()
    (flat,) = expected({"d": data}, plan).values()
    assert (tmp_path / "o.bin").read_bytes() == flat.tobytes()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_failing_precharges_are_streamed(tmp_path, monkeypatch, save):
    """Where cells read the row before, small pieces give what the whole tensor gives, and never hold it."""
    monkeypatch.setattr(file_injection, "CHUNK_BYTES", 1 << 15)
    arrays = {"a": RNG.integers(0, 256, 900_001, dtype=np.uint8), "b": RNG.standard_normal(300_000).astype(np.float32)}
    save(tmp_path / "a.npz", **arrays)
    file = open_tensor_file(tmp_path / "a.npz")
    one, memory = np.ones((1, 1, 1)), Memory()
    law = CellLaw(np.full((1, 1), 0.01), one, one, previous_row=True)
    device = Device([[law]], memory.address_map, seed=4)
    plan = FilePlan(device, place_tensors(file, (), memory, None))
    sizes = []
    run_on = Injector.run_on
    monkeypatch.setattr(
        Injector, "run_on", lambda self, data, *rest: sizes.append(len(data.source)) or run_on(self, data, *rest)
    )
    reports = inject_file(file, tmp_path / "o.npz", plan)
    assert max(sizes) <= (1 << 15) + 16 * 8192 + 8192
    found, flat = np.load(tmp_path / "o.npz"), expected(arrays, plan)
    for name in arrays:
        assert found[name].tobytes() == flat[name].tobytes()
    for r in reports:
        changed = np.unpackbits(found[r.tensor.name].view(np.uint8) ^ arrays[r.tensor.name].view(np.uint8)).sum()
        assert r.report.flips == changed > 0


def bomb():
    """400 MiB of zeros, packed to nothing."""
    file = io.BytesIO()
    np.savez_compressed(file, w=np.zeros(400 << 20, np.uint8))
    return file.getvalue()


def climbing():
    """A member that would land outside of its folder."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        out.writestr("../w.npy", b"\x93NUMPY")
    return file.getvalue()


def objects():
    """An array of Python objects."""
    file = io.BytesIO()
    np.savez(file, w=np.array([{}, 1], dtype=object))
    return file.getvalue()


T = {"t": np.zeros(8, np.float32)}
ENTRY = {"dtype": "F32", "shape": [8], "data_offsets": [0, 32]}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npz", bomb, "zip bomb"),
        ("a.npz", climbing, "not a plain file name"),
        ("a.npz", objects, "pickles are never loaded"),
        ("a.npz", lambda: b"\x80\x04N.", "is a Python pickle"),
        ("a.npz", lambda: b"", "is empty"),
        ("a.safetensors", lambda: struct.pack("<Q", 1 << 60) + b"{}", "claims a header of 1,152,921,504,606,846,976"),
        ("a.safetensors", lambda: struct.pack("<Q", 4) + b"{{}}" + b" " * 9, "no valid JSON"),
        ("a.safetensors", lambda: safetensors(T)[:-1], "truncated or forged"),
        ("a.safetensors", lambda: safetensors(T, t=ENTRY | {"data_offsets": [4, 36]}), "a gap"),
        ("a.safetensors", lambda: safetensors(T, t=ENTRY | {"shape": [9]}), "36 bytes by type and shape, 32 by"),
        ("a.safetensors", lambda: safetensors(T, t=ENTRY | {"shape": [-8]}), "expected a list of sizes"),
        ("a.safetensors", lambda: safetensors(T, t=ENTRY | {"dtype": "O"}), "has dtype 'O'; known are"),
        ("a.safetensors", lambda: safetensors(T, u=ENTRY), "an overlap"),
        ("a.safetensors", lambda: struct.pack("<Q", 2) + b"[]", "no JSON object"),
        ("a.bin", lambda: b"123", "no whole number of int16 elements"),
    ],
)
def test_bad_files_are_refused(tmp_path, name, content, message):
    """Bombs, climbs, pickles, forged and torn headers: one sentence, and nothing is written."""
    (tmp_path / name).write_bytes(content())
    with pytest.raises(InputError, match=message):
        open_tensor_file(tmp_path / name, {"*": "int16"} if name == "a.bin" else None)


def test_damage_found_on_the_way_leaves_no_file(tmp_path):
    """A wrong checksum shows when a member has been read; the output never appears."""
    np.savez(tmp_path / "a.npz", w=np.zeros(4096, np.uint8))
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[2000] ^= 1
    (tmp_path / "a.npz").write_bytes(data)
    file = open_tensor_file(tmp_path / "a.npz")
    with pytest.raises(InputError, match="damaged"):
        inject_file(file, tmp_path / "o.npz", plan_for(file))
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_what_exists_is_not_replaced(tmp_path):
    """Unless told to; a file may be its own target then."""
    (tmp_path / "d.bin").write_bytes(bytes(64))
    file = open_tensor_file(tmp_path / "d.bin", {"*": "uint8"})
    with pytest.raises(OutputError, match="exists"):
        inject_file(file, tmp_path / "d.bin", plan_for(file, 1.0))
    inject_file(file, tmp_path / "d.bin", plan_for(file, 1.0), force=True)
    assert (tmp_path / "d.bin").read_bytes() == b"\xff" * 64


@pytest.mark.parametrize(
    ("dtypes", "message"),
    [
        ({}, "give --dtype FORMAT"),
        ({"*": "int7"}, "did you mean int4 or int8"),
        ({"x": "int8", "*": "int8"}, "--dtype x: no tensor has this name"),
    ],
)
def test_formats_that_do_not_fit(tmp_path, dtypes, message):
    """A raw file needs a format that exists, and names must be those of tensors."""
    (tmp_path / "d.bin").write_bytes(bytes(64))
    with pytest.raises(ConfigError, match=message):
        open_tensor_file(tmp_path / "d.bin", dtypes)
