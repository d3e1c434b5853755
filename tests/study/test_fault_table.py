"""The table of faults: what may go wrong from outside, what is promised, and that a test stands for every row.

Tests bear the numbers of their rows in their names (`test_row_15_…`, `test_rows_23_and_26_…`); `pytest -m faults` runs
them all.
"""

import re
from pathlib import Path

import pytest

from edensim.config import load_config
from edensim.errors import ConfigError

FAULTS = {
    1: "TOML syntax error: exit 2, file, line, column and caret",
    2: "unknown key: the nearest key, all problems in one go",
    3: "key given twice: error",
    4: "wrong type: key, expected type and unit, what was found, where",
    5: "impossible timings: the violated relation with both values",
    6: "NaN or infinity anywhere: error at load, also for --set",
    7: "VDD outside what was measured: runs, and is marked (basis scaled or extrapolated); impossible ones are errors",
    8: "right number in a wrong unit: range error with a guess (did you mean 1.1 V)",
    9: "bit error rate outside [0, 1]: error",
    10: "empty axis, equal points twice, 10^9 points: error, once with a note, refused without --yes",
    11: "`extends` that is missing, a circle or deeper than 16: error with the chain",
    12: "deeply nested TOML, files over 1 MB: refused as malformed",
    13: "paths that lead out (presets, members of archives, links, devices): refused",
    14: "trace that is missing, empty, a folder or a pipe: exit 3 with the path",
    15: "truncated trace: refused with what was expected and found, never simulated in part",
    16: "one flipped bit in a trace: found by checksum",
    17: "header that claims 8 TiB: refused before anything is allocated",
    18: "zip bomb: declared sizes are limited before reading",
    19: "pickle inside .npy or .pkl: never loaded",
    20: "address unaligned or beyond the memory, time running backwards, unknown operation: error with its index",
    21: "trace larger than memory: read in chunks",
    22: "CRLF, byte order mark, UTF-16, comments, hexadecimal beside decimal: accepted or a clear error",
    23: "disk full or read-only: stops cleanly, old results intact, no half file, exit 1",
    24: "worker killed: the point has failed with the reason, the others go on, on any executor",
    25: "hang: time limit per point, with the stack",
    26: "parent killed, power cut: the same command resumes, a torn line is cut and told",
    27: "Ctrl-C once and twice: finish and save, exit 130; stop now",
    28: "damaged line or file among results: set aside, computed again, counted",
    29: "result of another model version, configuration or input: never mixed, both are named",
    30: "two sweeps in one folder: the second refuses and names the owner",
    31: "output exists: refused, files of others are never touched",
    32: "cache of compiled kernels unwritable or damaged: compiled again, elsewhere if need be",
    33: "clocks that jump, other hosts: nothing depends on file times, locks of other hosts are respected",
    34: "blanks, non-ASCII and very long paths: work",
    35: "no terminal, closed pipe, noise on stdout: quiet",
    36: "missing optional library: exit 2, names the extra",
    37: "ONNX model that cannot be used: the node and what was expected; external data are never opened",
    38: "YAML or JSON offered: refused by name",
    39: "fork after threads: workers are fresh interpreters",
    40: "seed missing, negative or too large: default recorded, else error",
}
"""Row to fault and what is promised."""
NOT_YET = {9: "no configuration key holds a bit error rate"}


def test_every_row_has_a_test():
    """Every row that applies is the name of a test somewhere, and no test names a row that is none."""
    tested = set()
    for path in Path(__file__).parents[1].rglob("test_*.py"):
        for rows in re.findall(
            r"^ *def test_rows?_((?:\d+_(?:and_)?)+)", path.read_text(encoding="utf-8"), re.MULTILINE
        ):
            tested |= set(map(int, re.findall(r"\d+", rows)))
    assert tested == set(FAULTS) - set(NOT_YET)


def test_row_40_seeds():
    """No seed is 0, and recorded as a default; what no generator takes is refused with the range."""
    base = {"dram": {"preset": "ddr4-2400r-8gb-x8"}}
    resolved = load_config(base)
    assert (resolved.config.seed, resolved.origins["seed"]) == (0, "default")
    assert load_config(base, set={"seed": 2**63 - 1}).config.seed == 2**63 - 1
    for seed in (-1, 2**63, 2**64, 1.5, True, "7"):
        with pytest.raises(ConfigError, match="seed.*whole number"):
            load_config(base, set={"seed": seed})
