"""Request traces in the text formats of other simulators, read in a stream, and conversion between all formats.

======================= ======================================= ==================================================
`ramulator1`            `0x12345680 R`                          memory trace of ramulator 1: hexadecimal byte address
                                                                (0x may be missing), R or W; no arrivals
`ramulator2`            `LD 0x12340` or `ST 4096`               LoadStoreTrace of ramulator 2; no arrivals
`ramulator2_readwrite`  `R 0,0,3,1,4660,17`                     ReadWriteTrace of ramulator 2: channel, rank, bank
                                                                group (only where there are several), bank, row,
                                                                column in bursts; needs the address map
`dramsim3`              `0x12340 READ 1600`                     trace of DRAMsim3: hexadecimal byte address (0x may
                                                                be missing), operation, memory clock
`gem5`                  `7,r,4096,64,0,1500`                    packets as text, see `trace_gem5`; needs the memory
`csv`                   `addr,is_write[,arrival[,tensor]]`      with that header line, columns in any order
======================= ======================================= ==================================================

Accepted everywhere: comments from `#` on, blank lines, Windows line ends, a UTF-8 byte order mark, capitals or not,
spaces around commas, gzip (known by its content). Numbers are decimal, or hexadecimal after 0x. Refused with the line
number: anything else, and time that runs backwards.

Not handled: ramulator's traces for processor models, cyclic repetition (ramulator 2 repeats a trace, edensim does
not), DRAMsim3's habit of taking every unknown operation for a read. gem5 traces are read, not written.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from edensim.archive import require_file
from edensim.dram.trace_gem5 import NAMES, Gem5Lines, gem5_columns
from edensim.dram.trace_requests import CHUNK, Requests, RequestSource, slices
from edensim.dram.trace_text_parse import BadLineError, parse_numbers, parse_operations, split_words
from edensim.errors import ConfigError, InputError, did_you_mean
from edensim.memory.address_map import AddressMap
from edensim.memory.geometry import Geometry

NATIVE = "native"
TEXT_FORMATS = ("ramulator1", "ramulator2", "ramulator2_readwrite", "dramsim3", "csv", "gem5")
NEED_MEMORY = {
    "ramulator2_readwrite": "name banks and rows; give the memory (--dram) they belong to",
    "gem5": "give times and sizes of packets; give the memory (--dram) whose clocks and bursts they become",
}
FORMATS = (NATIVE, *TEXT_FORMATS)
CSV_COLUMNS = ("addr", "is_write", "arrival", "tensor")
WHAT = "a text trace"
BLOCK_BYTES = 1 << 22
LONGEST_LINE = 1 << 16

LOADS, STORES = ("LD",), ("ST",)
READ, WRITE = ("R", "READ"), ("W", "WRITE")
DRAMSIM3_READS = ("READ", "R", "P_MEM_RD", "P_FETCH", "IFETCH")
DRAMSIM3_WRITES = ("WRITE", "W", "P_MEM_WR", "BOFF")
"""The names of DRAMsim3's `Transaction` reader (src/common.cc), the reads being those of its example traces."""


class TextTrace:
    """A text trace whose first line has been recognised; the requests are parsed by `chunks`.

    Attributes
    ----------
    path : Path
    format : str
        One of `TEXT_FORMATS`.
    count : None
        Unknown before the end.
    has_arrival, has_tensor : bool
        Whether the format, or the header of a CSV, gives these columns.
    """

    count = None

    def __init__(
        self,
        path: str | Path,
        format: str | None = None,
        address_map: AddressMap | None = None,
        clock_ps: Fraction | None = None,
    ) -> None:
        self.path = Path(path)
        self.format = check_format(format or guess_format(path))
        if self.format == NATIVE:
            raise InputError(f"{self.path}: is a native trace (.npz), not text")
        if self.format in NEED_MEMORY and (address_map is None or (self.format == "gem5" and clock_ps is None)):
            raise ConfigError(f"{self.path}: {self.format} traces {NEED_MEMORY[self.format]}")
        self._map = address_map
        self._names = _csv_header(self.path) if self.format == "csv" else ()
        self._has_header = self.format == "csv"
        if self.format == "gem5" and clock_ps is not None and address_map is not None:
            columns, self._has_header = _gem5_columns(self.path)
            self._packets = Gem5Lines(columns, self._has_header, clock_ps, address_map.geometry.burst_bytes)
        self.has_arrival = self.format in ("dramsim3", "gem5") or "arrival" in self._names
        self.has_tensor = "tensor" in self._names

    @property
    def left_out(self) -> int:
        """Lines so far that are no requests of memory (gem5)."""
        return self._packets.left_out if self.format == "gem5" else 0

    def chunks(self, size: int = CHUNK) -> Iterator[Requests]:
        """Yield the requests in order, at most `size` at a time.

        Raises
        ------
        InputError
            With the line number, at the first line that is not understood, an address outside the memory of an
            address map, time running backwards; or for a damaged file or one without any request.
        """
        latest, empty = 0, True
        skip = self._has_header
        if self.format == "gem5":
            self._packets.left_out = 0
        for first_line, block in read_blocks(self.path):
            try:
                if skip:
                    first_line, block, skip = _skip_first_words(first_line, block)
                part, line = self._parse(block)
                latest = _check_time(part, line, latest)
            except BadLineError as bad:
                self._refuse(first_line + bad.line, block, bad)
            for piece in slices(part, size):
                if len(piece.addr):
                    empty = False
                    yield piece
        if empty:
            raise InputError(f"{self.path}: the trace is empty (no request in it); expected at least one")

    def _refuse(self, number: int, block: bytes, bad: BadLineError) -> None:
        text = block.split(b"\n", bad.line + 1)[bad.line][:80].decode("utf-8", "replace").strip()
        raise InputError(f"{self.path}:{number}: {bad.problem}, in {text!r} ({self.format} trace)") from None

    def _parse(self, block: bytes) -> tuple[Requests, npt.NDArray[np.int64]]:
        if self.format == "csv":
            return _parse_csv(block, self._names)
        if self.format == "ramulator2":
            words = split_words(block, (0, 0))
            return Requests(parse_numbers(words, 1, "any"), parse_operations(words, 0, LOADS, STORES)), words.line
        if self.format == "ramulator1":
            words = split_words(block, (0, 0))
            return Requests(parse_numbers(words, 0, "hex"), parse_operations(words, 1, READ, WRITE)), words.line
        if self.format == "gem5":
            return self._packets.parse(block)
        if self.format == "dramsim3":
            words = split_words(block, (0, 0, 0))
            is_write = parse_operations(words, 1, DRAMSIM3_READS, DRAMSIM3_WRITES)
            return Requests(parse_numbers(words, 0, "hex"), is_write, parse_numbers(words, 2, "any")), words.line
        assert self._map is not None
        return _parse_vectors(block, self._map)


def open_text(
    path: str | Path,
    format: str | None = None,
    address_map: AddressMap | None = None,
    clock_ps: Fraction | None = None,
) -> TextTrace:
    """Open a text trace; without `format` it is guessed from the first line.

    Raises
    ------
    InputError
        Missing, no regular file, empty, binary, or of no known format.
    ConfigError
        Unknown format name; `ramulator2_readwrite` or `gem5` without an address map, `gem5` without the memory clock.
    """
    return TextTrace(path, format, address_map, clock_ps)


def open_any(
    path: str | Path,
    format: str | None = None,
    address_map: AddressMap | None = None,
    clock_ps: Fraction | None = None,
) -> RequestSource:
    """Open a trace of any format; without `format` the content decides."""
    from edensim.dram.trace_read import TraceReader

    format = check_format(format or guess_format(path))
    return TraceReader(path) if format == NATIVE else TextTrace(path, format, address_map, clock_ps)


def check_format(name: str) -> str:
    """Return the format `name`, or raise `ConfigError` with the nearest known one."""
    if name not in FORMATS:
        near = did_you_mean(name, FORMATS, f"expected one of {', '.join(FORMATS)}")
        raise ConfigError(f"trace format {name!r} is unknown{near}")
    return name


def guess_format(path: str | Path) -> str:
    """Name of the format by the first line that is neither blank nor a comment.

    Raises
    ------
    InputError
        When the file cannot be read or looks like none of `FORMATS`.
    """
    path = Path(path)
    require_file(path, "a trace")
    with path.open("rb") as file:
        if file.read(2) == b"PK":
            return NATIVE
    line = first_line(path)
    words = line.replace(",", " ").upper().split()
    if gem5_columns(line) is not None:
        return "gem5"
    if "," in line and words and words[0].isidentifier() and len(words[0]) > 1:
        return "csv"
    if words and words[0] in LOADS + STORES:
        return "ramulator2"
    if len(words) > 2 and words[0] in ("R", "W"):
        return "ramulator2_readwrite"
    if len(words) == 3 and words[1] in DRAMSIM3_READS + DRAMSIM3_WRITES:
        return "dramsim3"
    if len(words) == 2 and words[1] in READ + WRITE:
        return "ramulator1"
    raise InputError(
        f"{path}: the first line, {line[:60]!r}, is of no known trace format; expected one of {', '.join(FORMATS)}"
    )


def first_line(path: Path) -> str:
    """First line with words in it, without comment and blanks."""
    for _, block in read_blocks(path):
        for raw in block.split(b"\n"):
            line = raw.partition(b"#")[0].decode("utf-8", "replace").strip()
            if line:
                return line
    raise InputError(f"{path}: the trace is empty (no request in it); expected at least one")


def read_blocks(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield a text file, packed with gzip or not, as (number of the first line, whole lines).

    Raises
    ------
    InputError
        For files that cannot be read, damaged gzip, UTF-16 or binary content, and endless lines.
    """
    require_file(path, WHAT)
    number, rest = 1, b""
    try:
        with _open_plain(path) as file:
            while True:
                fresh = file.read(BLOCK_BYTES)
                block = rest + fresh if fresh else rest + b"\n" if rest else b""
                if number == 1 and not rest:
                    _refuse_binary(path, block)
                    block = block.removeprefix(b"\xef\xbb\xbf")
                cut = block.rfind(b"\n") + 1
                rest = block[cut:]
                if len(rest) > LONGEST_LINE:
                    raise InputError(
                        f"{path}:{number + block.count(10)}: a line of more than {LONGEST_LINE:,} bytes; "
                        f"expected {WHAT}"
                    )
                if cut:
                    yield number, block[:cut]
                    number += block.count(b"\n", 0, cut)
                if not fresh:
                    return
    except (OSError, EOFError, zlib.error) as problem:
        raise InputError(f"{path}: is truncated or damaged ({problem}); no part of the file is used") from None


def _open_plain(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]  # noqa: SIM115


def _refuse_binary(path: Path, block: bytes) -> None:
    if block[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(f"{path}: is UTF-16 text; expected {WHAT} in ASCII or UTF-8")
    if b"\0" in block[:4096]:
        raise InputError(f"{path}: holds binary data; expected {WHAT}")


def _csv_header(path: Path) -> tuple[str, ...]:
    line = first_line(path)
    names = tuple(name.strip().lower() for name in line.split(","))
    unknown = [name for name in names if name not in CSV_COLUMNS]
    if unknown or len(set(names)) < len(names) or not {"addr", "is_write"} <= set(names):
        hint = did_you_mean("".join(unknown[:1]), CSV_COLUMNS, "expected addr,is_write and optionally arrival, tensor")
        raise InputError(f"{path}: the header line is {line[:80]!r}{hint}")
    return names


def _gem5_columns(path: Path) -> tuple[tuple[str, ...], bool]:
    line = first_line(path)
    found = gem5_columns(line)
    if found is None:
        raise InputError(
            f"{path}:1: {line[:60]!r} is no packet of gem5; expected [pkt_id,]cmd,addr,size[,flags],tick[,pc] with "
            "r, w or u for cmd, or a header line that names cmd, addr and tick"
        )
    unknown = [name for name in found[0] if name not in NAMES]
    if unknown or len(set(found[0])) < len(found[0]):
        problem = f"{unknown[0]!r} is unknown" if unknown else "a column is named twice"
        raise InputError(f"{path}:1: the header line is {line[:80]!r}: {problem}; expected {', '.join(NAMES)}")
    return found


def _skip_first_words(first: int, block: bytes) -> tuple[int, bytes, bool]:
    """Drop lines up to and including the first with words in it; True if that line has not come yet."""
    while block:
        line, _, block = block.partition(b"\n")
        first += 1
        if line.partition(b"#")[0].strip():
            return first, block, False
    return first, block, True


def _parse_csv(block: bytes, names: tuple[str, ...]) -> tuple[Requests, npt.NDArray[np.int64]]:
    words = split_words(block, (0,) + (1,) * (len(names) - 1))
    largest = {"is_write": 1, "tensor": 2**16 - 1}
    values = {n: parse_numbers(words, k, "any", largest.get(n, 2**64 - 1)) for k, n in enumerate(names)}
    tensor = values["tensor"].astype(np.uint16) if "tensor" in values else None
    return Requests(values["addr"], values["is_write"].astype(np.uint8), values.get("arrival"), tensor), words.line


def _parse_vectors(block: bytes, address_map: AddressMap) -> tuple[Requests, npt.NDArray[np.int64]]:
    sizes = vector_levels(address_map)
    words = split_words(block, (0, 0) + (1,) * (len(sizes) - 1))
    is_write = parse_operations(words, 0, ("R",), ("W",))
    at = {name: parse_numbers(words, k, "any", size - 1) for k, (name, size) in enumerate(sizes.items(), 1)}
    bank = np.zeros_like(at["bank"])
    for name in bank_levels(address_map.geometry):
        bank = bank * np.uint64(sizes[name]) + at[name]
    line = address_map.encode(at["channel"], bank, at["row"], at["column"])
    burst = np.uint64(address_map.geometry.burst_bytes)
    return Requests(line.astype(np.uint64) * burst, is_write), words.line


def vector_levels(address_map: AddressMap) -> dict[str, int]:
    """Name and size of each number of an address vector of ramulator 2, in order."""
    g = address_map.geometry
    return {"channel": g.channels, **bank_levels(g), "row": g.rows, "column": g.columns}


def bank_levels(g: Geometry) -> dict[str, int]:
    """Name and size of the numbers that make up a bank, outermost first: levels of one node are left out but the rank.

    HBM has pseudo-channels where others have ranks.
    """
    sizes = {"pseudo-channel": g.pseudo_channels, "rank": g.ranks, "stack ID": g.stack_ids}
    sizes |= {"bank group": g.bank_groups, "bank": g.banks_per_group}
    always = ("bank", "rank" if g.pseudo_channels == 1 else "pseudo-channel")
    return {name: size for name, size in sizes.items() if size > 1 or name in always}


def _check_time(part: Requests, line: npt.NDArray[np.int64], latest: int) -> int:
    if part.arrival is None or len(part.arrival) == 0:
        return latest
    before = np.concatenate([np.array([latest], np.uint64), part.arrival[:-1]])
    back = part.arrival < before
    if back.any():
        k = int(np.argmax(back))
        raise BadLineError(line[k], f"time runs backwards: arrival {part.arrival[k]} after {before[k]}")
    return int(part.arrival[-1])
