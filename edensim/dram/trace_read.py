"""Reading native traces (`.npz`): everything claimed is checked at opening, requests are streamed with flat memory.

Layouts: one array per column (plain `numpy.savez` files and our own), or chunks of differences (see `trace_write`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edensim.archive import Archive, Member
from edensim.dram.trace_requests import CHUNK, COLUMNS, UNITS, Requests, checked, slices
from edensim.errors import InputError, nearest, perhaps

FORMAT, VERSION = "edensim-trace", 1
HEADER = "header.json"
MAX_CHUNK = 1 << 22
WHAT = "a request trace (.npz with addr and is_write)"
ACCEPTED = {"addr": "u4 u8 i4 i8", "is_write": "u1 i1 b1", "arrival": "u4 u8 i4 i8", "tensor": "u1 u2"}
"""dtypes read from users' files, as kind and size; signed values must not be negative."""


class TraceReader:
    """A native trace whose header has been checked; the requests are read by `chunks`.

    Attributes
    ----------
    path : Path
    count : int
        Number of requests, at least 1.
    columns : tuple of str
        Columns present, in the order of `COLUMNS`.
    layout : str
        "plain" or "delta".
    header : dict
        Content of `header.json`; empty for files of other origin.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with Archive(self.path, WHAT) as archive:
            self.header = _read_header(archive)
            self.layout = self.header.get("layout", "plain")
            if self.layout == "delta":
                self.columns, self.count = _check_delta(archive, self.header)
            else:
                self.columns, self.count = _check_plain(archive, self.header)

    @property
    def has_arrival(self) -> bool:
        """Whether arrival clocks are given."""
        return "arrival" in self.columns

    @property
    def has_tensor(self) -> bool:
        """Whether tensor numbers are given."""
        return "tensor" in self.columns

    def chunks(self, size: int = CHUNK) -> Iterator[Requests]:
        """Yield the requests in order, at most `size` at a time.

        Raises
        ------
        InputError
            When the file turns out to be damaged (checksum, length), when a value of `is_write` is neither 0 nor 1,
            or when arrivals run backwards. What was yielded before must then be discarded.
        """
        if size < 1:
            raise ValueError(f"chunk size {size}; expected at least 1")
        parts = self._delta_chunks() if self.layout == "delta" else self._plain_chunks(size)
        return checked((piece for part in parts for piece in slices(part, size)), str(self.path))

    def _plain_chunks(self, size: int) -> Iterator[Requests]:
        with Archive(self.path, WHAT) as archive, ExitStack() as stack:
            columns, count = _check_plain(archive, self.header)
            self._refuse_change(columns, count)
            streams = {name: stack.enter_context(archive.column(name)) for name in columns}
            for first in range(0, count, size):
                now = min(size, count - first)
                yield Requests(**{n: _canonical(n, s.read(now), first, self.path) for n, s in streams.items()})

    def _delta_chunks(self) -> Iterator[Requests]:
        with Archive(self.path, WHAT) as archive:
            columns, count = _check_delta(archive, self.header)
            self._refuse_change(columns, count)
            last = dict.fromkeys(("addr", "arrival"), np.uint64(0))
            for k in range(-(-count // self.header["chunk"])):
                part: dict[str, npt.NDArray[Any]] = {}
                for name in columns:
                    with archive.column(chunk_name(k, name)) as column:
                        values = column.read(archive.members[chunk_name(k, name)].count)
                    if name in last:
                        values = _undo_delta(values, last[name])
                        last[name] = values[-1]
                    part[name] = values.astype(COLUMNS[name], copy=False)
                yield Requests(**part)

    def _refuse_change(self, columns: tuple[str, ...], count: int) -> None:
        if columns != self.columns or count != self.count:
            raise InputError(f"{self.path}: changed while it was in use (had {self.count:,} requests, has {count:,})")


def open_trace(path: str | Path) -> TraceReader:
    """Open a native trace and check everything it claims, without reading the requests.

    Raises
    ------
    InputError
        Missing, empty, no regular file, no `.npz`, damaged, forged, too large to be true, a pickle inside, wrong
        dtype or shape, columns missing or of unequal length.
    """
    return TraceReader(path)


def _read_header(archive: Archive) -> dict[str, Any]:
    if HEADER not in archive.texts:
        return {}
    try:
        header = json.loads(archive.text(HEADER))
    except (ValueError, RecursionError) as problem:
        raise InputError(f"{archive.path}: {HEADER} is no JSON ({problem})") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        return {}
    version, requests = header.get("version"), header.get("requests")
    chunk = header.setdefault("chunk", CHUNK)
    if version != VERSION:
        raise InputError(f"{archive.path}: trace format version {version!r}; this edensim reads version {VERSION}")
    if type(requests) is not int or type(chunk) is not int or not 1 <= chunk <= MAX_CHUNK or requests < 0:
        raise InputError(
            f"{archive.path}: {HEADER} gives requests {requests!r} and chunk {chunk!r}; expected positive integers"
        )
    return header


def _check_plain(archive: Archive, header: dict[str, Any]) -> tuple[tuple[str, ...], int]:
    path, members = archive.path, archive.members
    for name in ("addr", "is_write"):
        if name not in members:
            raise InputError(
                f"{path}: array {name} is missing; expected addr, is_write and optionally arrival, tensor; "
                f"found {_list(members)}"
            )
    for name in members:
        near = [] if name in COLUMNS else nearest(name, COLUMNS)
        if near:
            raise InputError(f"{path}: array {name} is unknown{perhaps(*near)}")
    columns = tuple(name for name in COLUMNS if name in members)
    counts = {name: members[name].count for name in columns}
    if len(set(counts.values())) > 1:
        raise InputError(f"{path}: arrays of unequal length: " + ", ".join(f"{n} {k:,}" for n, k in counts.items()))
    for name in columns:
        _check_dtype(members[name], name, path)
    count = counts["addr"]
    if count == 0:
        raise InputError(f"{path}: the trace is empty (0 requests); expected at least one")
    if header:
        _compare(header, columns, count, path)
    else:
        archive.refuse_bomb()
    return columns, count


def _check_delta(archive: Archive, header: dict[str, Any]) -> tuple[tuple[str, ...], int]:
    path, members, count, chunk = archive.path, archive.members, header["requests"], header["chunk"]
    first = {name.partition(".")[2] for name in members if name.startswith("000000.")}
    columns = tuple(name for name in COLUMNS if name in first)
    if count == 0:
        raise InputError(f"{path}: the trace is empty (0 requests); expected at least one")
    chunks = -(-count // chunk)
    if len(members) != chunks * len(columns):
        raise InputError(
            f"{path}: expected {count:,} requests in {chunks:,} chunks of {len(columns)} columns; "
            f"found {len(members):,} arrays"
        )
    for k in range(chunks):
        now = min(chunk, count - k * chunk)
        for name in columns:
            member = members.get(chunk_name(k, name))
            if member is None or member.count != now:
                found = "nothing" if member is None else f"{member.count:,}"
                raise InputError(f"{path}: chunk {k}: expected {now:,} values of {name}, found {found}")
            kinds = ("i",) if name in ("addr", "arrival") else ("u",)
            if member.dtype.kind not in kinds or member.dtype.itemsize > COLUMNS[name].itemsize:
                raise InputError(f"{path}: chunk {k}: {name} has dtype {member.dtype}, which this layout does not use")
    _compare(header, columns, count, path)
    return columns, count


def _compare(header: dict[str, Any], columns: tuple[str, ...], count: int, path: Path) -> None:
    if header["requests"] != count or header.get("columns") != list(columns):
        raise InputError(
            f"{path}: its header promises {header['requests']:,} requests with columns {header.get('columns')}, "
            f"the arrays hold {count:,} with {list(columns)}"
        )


def _check_dtype(member: Member, name: str, path: Path) -> None:
    accepted = ACCEPTED[name].split()
    if f"{member.dtype.kind}{member.dtype.itemsize}" not in accepted:
        others = ", ".join(str(np.dtype(code)) for code in accepted if np.dtype(code) != COLUMNS[name])
        raise InputError(
            f"{path}: {name} has dtype {member.dtype}; expected {COLUMNS[name].name} ({UNITS[name]}) or one of {others}"
        )


def _canonical(name: str, values: npt.NDArray[Any], first: int, path: Path) -> npt.NDArray[Any]:
    if values.dtype.kind == "i" and int(values.min()) < 0:
        k = int(np.argmax(values < 0))
        raise InputError(
            f"{path}: request {first + k}: {name} is {values[k]}; expected no negative value ({UNITS[name]})"
        )
    return values.astype(COLUMNS[name], copy=False)


def _undo_delta(delta: npt.NDArray[Any], last: np.uint64) -> npt.NDArray[np.uint64]:
    wide = delta.astype(np.int64).view(np.uint64)
    wide[:1] += last  # not wide[0]: numpy warns when a scalar wraps around
    return np.cumsum(wide, out=wide)


def chunk_name(k: int, column: str) -> str:
    """Member that holds chunk `k` of a column in the delta layout."""
    return f"{k:06d}.{column}"


def _list(names: Iterable[str]) -> str:
    names = sorted(names)
    return (", ".join(names[:8]) + (" …" if len(names) > 8 else "")) or "none"
