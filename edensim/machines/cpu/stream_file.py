"""A file that keeps the stream of a network behind the caches, so that it is made once for all operating points.

Chunks with a checksum each: records (differences of words, byte by byte, deflated), the end of a stretch with its
weight, the end of a layer, the end of the stream. A file is whole or it does not exist: it gets its name when it is
complete.
"""

from __future__ import annotations

import os
import struct
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from edensim.machines.cpu.cache import Words
from edensim.machines.cpu.stretch import Stretch

MAGIC = b"edensim stream 1"
RECORDS, STRETCH, LAYER, END = b"R", b"S", b"L", b"E"
_HEAD = struct.Struct("<cQII")  # kind, records (of a stretch: 2 * weight + alike), stored bytes, CRC-32
CHUNK = 1 << 16
"""Records per chunk."""


class DamagedError(Exception):
    """A stream file is not what was written."""


def encode(words: Words) -> bytes:
    """Words as bytes: differences, one plane per byte, deflated."""
    steps = np.diff(words, prepend=np.uint64(0))
    return zlib.compress(np.ascontiguousarray(steps.view(np.uint8).reshape(-1, 8).T).tobytes(), 1)


def decode(data: bytes, count: int) -> Words:
    """Undo `encode`."""
    planes = np.frombuffer(zlib.decompress(data), np.uint8).reshape(8, count)
    steps = np.ascontiguousarray(planes.T).view(np.uint64)[:, 0]
    return np.cumsum(steps, dtype=np.uint64)


class StreamWriter:
    """Writes a stream beside its final place; `finish` gives it its name, `abandon` removes it.

    A disk that refuses, or more than `limit` bytes, ends the attempt; the stream itself goes on.
    """

    def __init__(self, path: Path, limit: int) -> None:
        self.path, self.limit = path, limit
        self._held: list[Words] = []
        self._count = self._size = 0
        self._file: BinaryIO | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
        except OSError:
            return
        self._name, self._file = Path(name), os.fdopen(handle, "wb")
        self._write(MAGIC)

    def copied(self, stretches: Iterable[Stretch]) -> Iterator[Stretch]:
        """The stretches of a layer, written down while they are used."""
        for stretch in stretches:
            copy = Stretch(iter(()))
            copy.records = self._copied(stretch, copy)
            yield copy
        self._chunk(LAYER, 0)

    def _copied(self, stretch: Stretch, copy: Stretch) -> Iterator[Words]:
        for words in stretch.records:
            if self._file is not None:
                self._held.append(words.copy())
                self._count += len(words)
                if self._count >= CHUNK:
                    self._flush()
            yield words
        copy.weight, copy.alike = stretch.weight, stretch.alike
        self._flush()
        self._chunk(STRETCH, 2 * stretch.weight + stretch.alike)

    def finish(self) -> None:
        """The stream is complete."""
        self._chunk(END, 0)
        if self._file is None:
            return
        try:
            self._file.close()
            self._name.replace(self.path)
            self._file = None
        except OSError:
            self.abandon()

    def abandon(self) -> None:
        """Forget what was written."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None
            with suppress(OSError):
                self._name.unlink()

    def _flush(self) -> None:
        if self._held:
            words = np.concatenate(self._held)
            for begin in range(0, len(words), CHUNK):
                part = words[begin : begin + CHUNK]
                self._chunk(RECORDS, len(part), encode(part))
        self._held, self._count = [], 0

    def _chunk(self, kind: bytes, number: int, data: bytes = b"") -> None:
        self._write(_HEAD.pack(kind, number, len(data), _checksum(kind, number, data)) + data)

    def _write(self, data: bytes) -> None:
        if self._file is None:
            return
        self._size += len(data)
        try:
            self._file.write(data)
        except OSError:
            self._size = self.limit + 1
        if self._size > self.limit:
            self.abandon()


def _checksum(kind: bytes, number: int, data: bytes) -> int:
    return zlib.crc32(data, zlib.crc32(kind + number.to_bytes(8, "little")))


class StreamReader:
    """Reads a stream, layer after layer.

    Raises
    ------
    DamagedError
        The file is not whole: every checksum is looked at before the first record is given out.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        try:
            if self._file.read(len(MAGIC)) != MAGIC:
                raise DamagedError
            while self._chunk()[0] != END:
                pass
            if self._file.read(1):
                raise DamagedError
        except (DamagedError, struct.error):
            self._file.close()
            raise DamagedError(f"{path} is damaged") from None
        self._file.seek(len(MAGIC))

    def stretches(self) -> Iterator[Stretch]:
        """Stretches of the next layer; each must be used up before the next is asked for."""
        while True:
            kind, number, data = self._chunk()
            if kind in (LAYER, END):
                return
            stretch = Stretch(iter(()))
            stretch.records = self._records(stretch, kind, number, data)
            yield stretch

    def _records(self, stretch: Stretch, kind: bytes, number: int, data: bytes) -> Iterator[Words]:
        while kind == RECORDS:
            yield decode(data, number)
            kind, number, data = self._chunk()
        stretch.weight, stretch.alike = number >> 1, bool(number & 1)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _chunk(self) -> tuple[bytes, int, bytes]:
        kind, number, length, checksum = _HEAD.unpack(self._file.read(_HEAD.size))
        data = self._file.read(length)
        if len(data) != length or _checksum(kind, number, data) != checksum:
            raise DamagedError
        return kind, number, data
