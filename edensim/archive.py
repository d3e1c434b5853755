"""Opening `.npz` archives that nobody vouches for, and reading their arrays in a stream with flat memory.

An `.npz` is a zip archive of `.npy` members. Everything an archive claims (member names, sizes, shapes, dtypes) is
checked before any payload is read; payloads are then read front to back, and the zip checksum (CRC-32) of a member is
verified when its end is reached.

Not here: what the arrays mean; encrypted, multi-volume or nested archives (refused); structured arrays and Python
objects, which would need pickle (refused); arrays of more than one dimension, unless asked for.
"""

from __future__ import annotations

import ast
import math
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edensim.errors import InputError

MAX_RATIO = 200
"""Declared size over file size above which an archive without a header of ours counts as a zip bomb."""
FREE_BYTES = 64 << 20
"""Archives that unpack to less are never called bombs: a short trace of one repeated address shrinks 1000:1."""
DEFLATE_LIMIT = 1040
"""Deflate cannot expand more than 1032:1, so a larger declared ratio is a lie."""
MAX_NPY_HEADER = 4096
END_RECORD_REACH = 22 + (1 << 16)
"""The end record of a zip file and the longest comment behind it."""
MANY_ENTRIES = 0xFFFF
"""Written instead of the number of members when that does not fit."""
MAX_TEXT_MEMBER = 1 << 20

ARCHIVE_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    LookupError,
    OverflowError,
    MemoryError,
)
"""What `zipfile` raises on damaged archives, depending on where the damage sits."""


def require_file(path: Path, what: str) -> int:
    """Size in bytes of a regular, non-empty file; `InputError` for anything else (a FIFO is not even opened)."""
    try:
        info = path.stat()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected {what}") from None
    except (OSError, ValueError) as problem:
        raise InputError(f"{path}: cannot be read ({_reason(problem)}); expected {what}") from None
    if stat.S_ISDIR(info.st_mode):
        raise InputError(f"{path}: is a directory; expected {what}")
    if not stat.S_ISREG(info.st_mode):
        kind = "a FIFO" if stat.S_ISFIFO(info.st_mode) else "a socket or device"
        raise InputError(f"{path}: is {kind}, which cannot be checked before reading; expected a regular file, {what}")
    if info.st_size == 0:
        raise InputError(f"{path}: is empty (0 bytes); expected {what}")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path}: no permission to read; expected {what}")
    return info.st_size


def _reason(problem: BaseException) -> str:
    return (problem.strerror if isinstance(problem, OSError) else None) or str(problem) or type(problem).__name__


def refuse_bomb(path: Path, unpacked: int, packed: int) -> None:
    """Refuse an archive of `packed` bytes that unpacks to far more than any plausible content."""
    if unpacked > FREE_BYTES and unpacked > MAX_RATIO * packed:
        raise InputError(
            f"{path}: claims {unpacked:,} bytes unpacked from a file of {packed:,} bytes, "
            f"{unpacked // packed} to 1; more than {MAX_RATIO} to 1 is taken for a zip bomb. "
            "If the content is genuine, save it uncompressed (numpy.savez)"
        )


@dataclass(frozen=True)
class Member:
    """One checked array of an archive.

    Attributes
    ----------
    name : str
        Name without `.npy`.
    dtype : numpy.dtype
        Element type in the file; plain numbers only.
    count : int
        Elements.
    header_bytes : int
        Bytes before the first element.
    shape : tuple of int
        Shape in the file.
    """

    name: str
    dtype: np.dtype[Any]
    count: int
    header_bytes: int
    shape: tuple[int, ...]


class Archive:
    """An open `.npz` whose directory and array headers have been checked; use it as a context manager.

    Parameters
    ----------
    path : Path
    what : str
        What the file should be, for messages.
    any_shape : bool
        Take arrays of any number of dimensions, not only of one.

    Attributes
    ----------
    path : Path
    members : dict of str to Member
        Arrays by name.
    texts : set of str
        Names of `.json` members; the content is read with `text`.
    unpacked_bytes, file_bytes : int
        Declared size of all members, and size of the file.

    Raises
    ------
    InputError
        When the file is no archive, is damaged, or claims something impossible or forbidden.
    """

    def __init__(self, path: Path, what: str, any_shape: bool = False) -> None:
        self.path, self.any_shape = path, any_shape
        self.file_bytes = require_file(path, what)
        self.members: dict[str, Member] = {}
        self.texts: set[str] = set()
        try:
            self._zip = zipfile.ZipFile(path)
        except ARCHIVE_ERRORS as problem:
            raise InputError(_not_an_archive(path, self.file_bytes, what, problem)) from None
        try:
            self._check_directory()
            for info in self._zip.infolist():
                self._check_member(info)
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    @property
    def unpacked_bytes(self) -> int:
        """Declared size of all members."""
        return sum(info.file_size for info in self._zip.infolist())

    def refuse_bomb(self) -> None:
        """Refuse an archive that unpacks to far more than any plausible content."""
        refuse_bomb(self.path, self.unpacked_bytes, self.file_bytes)

    def text(self, name: str) -> str:
        """Content of a text member of at most 1 MiB."""
        with self._reading(name):
            size = self._zip.getinfo(name).file_size
            if size > MAX_TEXT_MEMBER:
                raise InputError(f"{self.path}: member {name} has {size:,} bytes; at most {MAX_TEXT_MEMBER:,} are read")
            return self._zip.read(name).decode("utf-8")

    def packed(self, name: str) -> bool:
        """Whether the array `name` is compressed."""
        return self._zip.getinfo(name + ".npy").compress_type != zipfile.ZIP_STORED

    def array_header(self, name: str) -> bytes:
        """Bytes of the array `name` before its first element."""
        with self._reading(name), self._zip.open(name + ".npy") as stream:
            return stream.read(self.members[name].header_bytes)

    def column(self, name: str) -> Column:
        """The array `name`, ready to be read from its first element."""
        member = self.members[name]
        with self._reading(name):
            stream = self._zip.open(name + ".npy")
            stream.read(member.header_bytes)
        return Column(self, member, stream)

    @contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        try:
            yield
        except InputError:
            raise
        except ARCHIVE_ERRORS as problem:
            raise InputError(
                f"{self.path}: {name} is damaged ({_reason(problem)}); no part of the file is used"
            ) from None

    def _check_directory(self) -> None:
        names = [info.filename for info in self._zip.infolist()]
        declared = _declared_entries(self.path, self.file_bytes)
        if declared not in (len(names), MANY_ENTRIES):
            raise InputError(
                f"{self.path}: expected {declared} members, found {len(names)}; the directory at its end is damaged"
            )
        for name in names:
            if not name.isprintable() or "/" in name or "\\" in name or ".." in name or ":" in name or len(name) > 100:
                raise InputError(
                    f"{self.path}: member name {name[:100]!r} is not a plain file name; the archive is refused"
                )
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(f"{self.path}: member {twice} occurs twice; the archive is refused")

    def _check_member(self, info: zipfile.ZipInfo) -> None:
        name, where = info.filename, f"{self.path}: member {info.filename}"
        if info.flag_bits & 1:
            raise InputError(f"{where} is encrypted; the archive is refused")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InputError(
                f"{where} uses compression method {info.compress_type}; expected 0 (stored) or 8 (deflate)"
            )
        limit = DEFLATE_LIMIT * info.compress_size + 64 if info.compress_type else info.compress_size
        if info.file_size > limit or info.compress_size > self.file_bytes:
            raise InputError(
                f"{where} claims {info.file_size:,} bytes from {info.compress_size:,} packed bytes in a file of "
                f"{self.file_bytes:,} bytes, which is impossible; the file is damaged or forged"
            )
        if name.endswith(".json"):
            self.texts.add(name)
        elif name.endswith(".npy"):
            with self._reading(name), self._zip.open(info) as stream:
                member = read_npy_header(stream, name.removesuffix(".npy"), info.file_size, where, self.any_shape)
            self.members[member.name] = member
        else:
            raise InputError(
                f"{where} is no array (.npy) and is not loaded: pickles and other files do not belong here"
            )


def read_npy_header(stream: Any, name: str, member_bytes: int, where: str, any_shape: bool = False) -> Member:
    """Parse the header of an `.npy` and hold its claim against the size of the member.

    Parameters
    ----------
    stream : binary file at the start of the `.npy`
    name : str
        Name of the array.
    member_bytes : int
        Size of the whole `.npy` in bytes, as the archive declares it.
    where : str
        Beginning of error messages.
    any_shape : bool
        Take any number of dimensions.
    """
    start = stream.read(8)
    if start[:6] != b"\x93NUMPY" or len(start) < 8 or start[6] not in (1, 2):
        raise InputError(f"{where} does not begin as an .npy array of version 1 or 2; found {start!r}")
    width = 2 if start[6] == 1 else 4
    size_field = stream.read(width)
    length = int.from_bytes(size_field, "little")
    if length > MAX_NPY_HEADER:
        raise InputError(f"{where} has a header of {length:,} bytes; expected at most {MAX_NPY_HEADER:,}")
    text = stream.read(length)
    try:
        shape, dtype = _shape_and_dtype(text)
    except (ValueError, TypeError, KeyError, SyntaxError, RecursionError, MemoryError):
        raise InputError(f"{where} has a malformed array header: {text[:80]!r}") from None
    if dtype.hasobject:
        raise InputError(
            f"{where} holds Python objects (dtype {dtype}), which only pickle could load; pickles are never loaded"
        )
    if dtype.kind not in "buifc" or (len(shape) != 1 and not any_shape):
        kind = "an" if any_shape else "a one-dimensional"
        raise InputError(f"{where} has dtype {dtype} and shape {shape}; expected {kind} array of plain numbers")
    count, header_bytes = math.prod(shape), 8 + width + length
    if header_bytes + count * dtype.itemsize != member_bytes:
        found = (member_bytes - header_bytes) // dtype.itemsize
        raise InputError(
            f"{where} claims {count:,} values of {dtype.itemsize} bytes, but holds {found:,}: truncated or forged"
        )
    return Member(name, dtype, count, header_bytes, shape)


def _shape_and_dtype(text: bytes) -> tuple[tuple[int, ...], np.dtype[Any]]:
    # numpy's own parser also mends headers of Python 2 and fails on malformed ones in more ways than it documents.
    header = ast.literal_eval(text.decode("latin-1").strip())
    if not isinstance(header, dict) or header.keys() != {"descr", "fortran_order", "shape"}:
        raise ValueError("not an array header")
    shape, descr = header["shape"], header["descr"]
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError("not a shape")
    return shape, np.lib.format.descr_to_dtype(descr)


class Column:
    """One array of an archive, read front to back."""

    def __init__(self, archive: Archive, member: Member, stream: Any) -> None:
        self._archive, self._member, self._stream = archive, member, stream
        self._position = 0

    def __enter__(self) -> Column:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def read(self, count: int) -> npt.NDArray[Any]:
        """Return the next `count` elements (writable, dtype as in the file); at the end the checksum is verified."""
        values = np.empty(count, self._member.dtype)
        with self._archive._reading(self._member.name):
            found = self._stream.readinto(values.view(np.uint8)) if count else 0
            self._position += found // self._member.dtype.itemsize
            if found < values.nbytes:
                raise InputError(
                    f"{self._archive.path}: {self._member.name} is truncated: expected {self._member.count:,} values, "
                    f"found {self._position:,}"
                )
            if self._position == self._member.count and self._stream.read(1):
                raise InputError(
                    f"{self._archive.path}: {self._member.name} goes on after its {self._member.count:,} values"
                )
        return values


def _declared_entries(path: Path, size: int) -> int:
    """Read how many members the end of a zip file declares; zipfile does not hold that against what it finds."""
    with path.open("rb") as file:
        file.seek(max(0, size - END_RECORD_REACH))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    return int.from_bytes(tail[at + 10 : at + 12], "little") if at >= 0 else MANY_ENTRIES


def _not_an_archive(path: Path, size: int, what: str, problem: BaseException) -> str:
    """Say what a file that zipfile refuses seems to be."""
    try:
        with path.open("rb") as file:
            start = file.read(1 << 16)
    except OSError as unreadable:
        return f"{path}: cannot be read ({_reason(unreadable)}); expected {what}"
    if start.startswith(b"PK\x03\x04"):
        claim = _first_member_claim(start)
        found = f"found a file of {size:,} bytes without a valid directory at its end"
        return f"{path}: is truncated or damaged: {claim}{found}"
    if start.startswith(b"\x93NUMPY"):
        return f"{path}: is a single .npy array; expected {what}"
    if start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05":
        return f"{path}: is a Python pickle, and pickles are never loaded; expected {what}"
    return f"{path}: is not an .npz archive ({_reason(problem)}); expected {what}"


def _first_member_claim(start: bytes) -> str:
    """Say how large the first array of a torn archive should be, as far as its beginning still tells."""
    try:
        method, name_bytes, extra_bytes = struct.unpack("<8xH16xHH", start[:30])
        body = start[30 + name_bytes + extra_bytes :]
        plain = zlib.decompressobj(-15).decompress(body, MAX_NPY_HEADER) if method else body
        length = int.from_bytes(plain[8:10], "little")
        shape, dtype = _shape_and_dtype(plain[10 : 10 + length])
        name = start[30 : 30 + name_bytes].decode().removesuffix(".npy")
    except (*ARCHIVE_ERRORS, TypeError, SyntaxError, RecursionError):
        return ""
    if len(shape) != 1:
        return ""
    return f"expected {shape[0]:,} values ({shape[0] * dtype.itemsize:,} bytes unpacked) in its first array, {name}, "
