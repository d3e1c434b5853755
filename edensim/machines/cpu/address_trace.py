"""Address traces of programs as touches: plain text, and what `valgrind --tool=lackey --trace-mem=yes` prints.

Plain text: a line per access, `R` or `W` and an address in either order (`R 0x7f001040`, `7f001040 W`); a lone address
is a read. lackey: ` L address,size`, ` S …`, ` M …` (read and written: taken for a write), `I  …` (instructions, which
only pass time); lines of valgrind itself begin with `==`. Addresses are hexadecimal; gzip is known by its content.
Pages of 4 KiB lie in the order of their first touch, because the caches tell 64 GiB apart and programs scatter theirs
over more.
Not modelled: which accesses depend on which, instruction fetches, processes of one program.

    valgrind --tool=lackey --trace-mem=yes --log-file=program.lackey ./program
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edensim.dram.trace_text import read_blocks
from edensim.errors import InputError
from edensim.machines.cpu.cache import Words, touch_words
from edensim.machines.cpu.cache_kernel import GAP_MASK
from edensim.printable import shown

PAGE = 4096
LONGEST = 1 << 26
"""Accesses that are read at most (0.5 GB as touches)."""
_LACKEY = re.compile(r"\s*([ILSM])\s+([0-9a-fA-F]{1,16}),(\d{1,6})\s*")
_PLAIN = re.compile(r"\s*(?:([RrWw])\s+(?:0[xX])?([0-9a-fA-F]{1,16})|(?:0[xX])?([0-9a-fA-F]{1,16})(?:\s+([RrWw]))?)\s*")


@dataclass(frozen=True)
class AddressTrace:
    """Touches with lines counted from 0, and the memory they need in bytes."""

    touches: Words
    size_bytes: int


def read_address_trace(path: Path) -> AddressTrace:
    """Read a trace of either form; the first line that is no comment tells which.

    Raises
    ------
    InputError
        The file is missing, damaged, empty, too long, or has a line that is no record.
    """
    rows = list(_rows(path))
    if not rows:
        raise InputError(f"{shown(path)} holds no access; expected lines such as `R 0x1040` or ` L 1ffe,8`.")
    line, write, gap = np.array(rows, np.int64).T
    pages, first, page = np.unique(line * 64 // PAGE, return_index=True, return_inverse=True)
    order = np.empty(len(pages), np.int64)
    order[np.argsort(first, kind="stable")] = np.arange(len(pages))
    compact = order[page] * (PAGE // 64) + line % (PAGE // 64)
    return AddressTrace(touch_words(compact, write, gap), len(pages) * PAGE)


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """Lines and their numbers."""
    for first, block in read_blocks(path):
        yield from enumerate(block.decode("ascii", "replace").splitlines(), first)


def _rows(path: Path) -> Iterator[tuple[int, int, int]]:
    """Line, write and instructions before it, of every touch.

    More instructions than a touch can say pass at the line touched last, whose cache has it at no cost.
    """
    passed, count, lackey, last = 0, 0, None, -1
    for number, text in _texts(path):
        if not text.strip() or text.startswith(("==", "--", "#")):
            continue
        if lackey is None:
            lackey = _LACKEY.fullmatch(text) is not None
        match = (_LACKEY if lackey else _PLAIN).fullmatch(text)
        if match is None:
            wanted = "` L address,size` (I, L, S or M)" if lackey else "`R address` or `W address`, hexadecimal"
            raise InputError(f"{shown(path)}:{number}: found {shown(text.strip()[:60])!r}; expected {wanted}.")
        if lackey and match[1] == "I":
            passed += 1
            continue
        if lackey:
            address, size, write = int(match[2], 16), max(1, int(match[3])), match[1] in "SM"
        else:
            address, size = int(match[2] or match[3], 16), 1
            write = (match[1] or match[4] or "R") in "Ww"
        for line in range(address // 64, (address + size - 1) // 64 + 1):
            line &= (1 << 57) - 1
            yield from _pass(line if last < 0 else last, passed - GAP_MASK)
            yield line, int(write), min(passed, GAP_MASK)
            passed, count, last = 0, count + 1, line
        if count > LONGEST:
            raise InputError(f"{shown(path)}:{number}: found more than {LONGEST} accesses; give a part of the trace.")
    if last >= 0:
        yield from _pass(last, passed)


def _pass(line: int, instructions: int) -> Iterator[tuple[int, int, int]]:
    """Touches of a line for no other purpose than that instructions pass."""
    while instructions > 0:
        yield line, 0, min(instructions, GAP_MASK)
        instructions -= GAP_MASK
