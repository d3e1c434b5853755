"""How kernels are compiled: names of record types in symbols."""

import os
import subprocess
import sys
from pathlib import Path

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
    env = dict(os.environ, PYTHONPATH=str(Path(__file__).parents[1]))
    command = [sys.executable, "-c", CODE, *map(str, lengths)]
    out = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
    return dict(line.split() for line in out.splitlines())


def test_symbols_tell_record_types_apart_in_every_process() -> None:
    """Kernels cached by different processes share no symbol: names follow from the fields, not from the order."""
    first, second = names(16, 32), names(32, 16)
    assert first == second
    assert first["16"] != first["32"]
