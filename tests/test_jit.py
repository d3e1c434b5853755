"""How kernels are compiled: names of record types in symbols, and the cache of compiled code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = """
import sys
import edensim.jit
import numpy as np
from numba import from_dtype
from numba.core.itanium_mangler import mangle
for length in map(int, sys.argv[1:]):
    record = from_dtype(np.dtype([("state", np.int64, (length,))]))
    print(length, mangle("tick", [record, record.fields["state"].type]))
"""


def names(*lengths: int) -> dict[str, str]:
    """Symbols of one kernel for records of several lengths, met in this order by a fresh process."""
    env = dict(os.environ, PYTHONPATH=str(ROOT))
    command = [sys.executable, "-c", CODE, *map(str, lengths)]
    out = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
    return dict(line.split() for line in out.splitlines())


def test_symbols_tell_record_types_apart_in_every_process() -> None:
    """Kernels cached by different processes share no symbol: names follow from the fields, not from the order."""
    first, second = names(16, 32), names(32, 16)
    assert first == second
    assert first["16"] != first["32"]


KERNEL = """
from edensim.jit import jit

@jit
def twice(x):
    return x + x

@jit
def four(x):
    return twice(twice(x))

print(four(4))
"""


@pytest.fixture
def compiled(tmp_path):
    """Run two small kernels in a process of its own with the given cache folder; gives what it prints."""
    program = tmp_path / "kernels.py"
    program.write_text(KERNEL)

    def run(cache):
        variables = {"EDENSIM_CACHE": str(cache), "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
        done = subprocess.run([sys.executable, program], env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_row_32_damaged_caches_are_compiled_again(compiled, tmp_path):
    """Files of the cache that are torn, blank or have one flipped bit: kernels work, and are renewed."""
    cache = tmp_path / "cache"
    assert compiled(cache) == "16\n"
    kernels = [path for path in sorted(cache.rglob("*.nb?")) if path.is_file()]
    assert {path.suffix for path in kernels} == {".nbi", ".nbc"}
    whole = {path: path.read_bytes() for path in kernels}
    for damage in (
        lambda data: data[: len(data) // 2],
        lambda data: bytes(len(data)),  # blocks that a power cut left unwritten
        lambda data: data[:-40] + bytes([data[-40] ^ 4]) + data[-39:],
    ):
        for path, data in whole.items():
            path.write_bytes(damage(data))
        assert compiled(cache) == "16\n"
        assert all(path.read_bytes() != damage(data) for path, data in whole.items())


def test_row_32_cache_that_cannot_be_written(compiled, tmp_path):
    """A file in place of the folder: kernels are cached in a temporary one."""
    (tmp_path / "file").write_text("")
    assert compiled(tmp_path / "file" / "cache") == "16\n"
