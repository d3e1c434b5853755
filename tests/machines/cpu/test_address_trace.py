"""Other programs' traces: both forms, what is not understood, pages in the order of their first touch."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from edensim.errors import InputError
from edensim.machines.cpu.address_trace import AddressTrace, read_address_trace

LACKEY = """\
==12== Lackey, an example Valgrind tool
I  0401e3f0,3
I  0401e3f3,5
 S 1ffeffe7e8,8
I  0401e3f8,4
 L 04222e1c,8
 M 1ffeffe03c,8
==12== Counted 1 call to main()
"""


def read(tmp_path: Path, text: str) -> AddressTrace:
    path = tmp_path / "a.trace"
    path.write_text(text)
    return read_address_trace(path)


def unpacked(trace: AddressTrace) -> list[tuple[int, int, int]]:
    """Line, write, gap."""
    t = trace.touches.astype(np.int64)
    return list(zip((t >> 16).tolist(), (t & 1).tolist(), ((t >> 6) & 1023).tolist(), strict=True))


def test_lackey(tmp_path: Path) -> None:
    """Instructions become gaps; an access that straddles two lines touches both; pages are numbered as they come."""
    trace = read(tmp_path, LACKEY)
    stack, heap, below = 0xFFEFFE7E8 % 4096 // 64, 0xE1C // 64, 0x03C // 64
    wanted = [(stack, 1, 2), (64 + heap, 0, 1), (stack // 64 * 64 + below, 1, 0), (stack // 64 * 64 + below + 1, 1, 0)]
    assert unpacked(trace) == wanted
    assert trace.size_bytes == 2 * 4096


@pytest.mark.parametrize("text", ["R 0x1040\nW 2080\n", "0x1040 R\n2080 w\n", "# a comment\n\n1040\n0X2080\tW\n"])
def test_plain_text(tmp_path: Path, text: str) -> None:
    """Either order, with and without 0x, a lone address is a read."""
    assert unpacked(read(tmp_path, text)) == [(1, 0, 0), (64 + 2, 1, 0)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("R 0x1040\nX 0x1080\n", "a.trace:2: found 'X 0x1080'; expected `R address` or `W address`"),
        ("R 0x1040\nR\n", "a.trace:2: "),
        (LACKEY + " L 04222e1c,", "a.trace:9: found 'L 04222e1c,'; expected ` L address,size`"),
        (" L 12,4\nR 0x10\n", "a.trace:2: "),
        ("", "is empty (0 bytes)"),
        ("I  0401e3f0,3\n", "holds no access"),
    ],
)
def test_what_is_no_record_is_told(tmp_path: Path, text: str, words: str) -> None:
    """Unknown records, torn lines and mixtures are told with their line; an empty trace too."""
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert words in str(caught.value)


def test_a_truncated_file_is_told(tmp_path: Path) -> None:
    """A compressed trace that ends too early is refused whole, with its name."""
    path = tmp_path / "a.trace.gz"
    whole = gzip.compress("".join(f"R {64 * k:x}\n" for k in range(5000)).encode())
    path.write_bytes(whole)
    assert len(read_address_trace(path).touches) == 5000
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"a\.trace\.gz: .*end"):
        read_address_trace(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(InputError, match="none.lackey: no such file"):
        read_address_trace(tmp_path / "none.lackey")
