r"""The journal: one line per finished point, appended and synced; a point is absent or complete and verified.

A line is `<CRC-32, 8 hexadecimal digits> <canonical JSON>\n`. The first line of a file tells whose points follow (base
configuration and model version). Whatever follows the last line end was torn by a crash: it is cut before anything is
appended. A damaged line elsewhere is copied to `NAME.bad` and ignored, so its point runs again; lines are never
rewritten. Of several records of one point the first good one counts, else the last.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from edensim.errors import OutputError
from edensim.study.sweep import disk
from edensim.study.sweep.point import OK, Record, encode
from edensim.study.sweep.space import settings_key

FOLDER = "journal"
FORMAT = 1


@dataclass(frozen=True)
class Owner:
    """Whose points a journal holds."""

    config_hash: str
    model_version: int

    def header(self) -> Record:
        """The first line of a journal."""
        return {"format": FORMAT, "config_hash": self.config_hash, "model_version": self.model_version}


@dataclass(slots=True)
class Entry:
    """Where a record stands: file, offset, and whether the point succeeded."""

    file: int
    offset: int
    ok: bool


@dataclass
class Records:
    """The records of all journals of a sweep, by point id; only their places are held in memory."""

    paths: list[Path] = field(default_factory=list)
    entries: dict[bytes, Entry] = field(default_factory=dict)
    torn: dict[Path, int] = field(default_factory=dict)
    bad: dict[Path, list[bytes]] = field(default_factory=dict)

    def note(self, record: Mapping[str, Any], file: int, offset: int) -> None:
        """Remember a record; the first good one of a point stays."""
        key, ok = bytes.fromhex(record["id"]), record["status"] == OK
        old = self.entries.get(key)
        if old is None or not old.ok:
            self.entries[key] = Entry(file, offset, ok)

    def ids_by_settings(self) -> dict[str, bytes]:
        """Id of every point by the spelling of its settings."""
        with Reader(self) as reader:
            records = (reader.get(key.hex()) for key in self.entries)
            return {settings_key(r["set"]): bytes.fromhex(r["id"]) for r in records if r is not None}

    def get(self, identity: str) -> Entry | None:
        """Place of a point's record."""
        return self.entries.get(bytes.fromhex(identity))


class Reader:
    """Reads records back by point id; use it as a context manager."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._files: dict[int, BinaryIO] = {}

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    def get(self, identity: str) -> Record | None:
        """A point's record, None if there is none.

        Raises
        ------
        OutputError
            If the journal was changed by somebody else meanwhile.
        """
        entry = self._records.get(identity)
        if entry is None:
            return None
        path = self._records.paths[entry.file]
        file = self._files.get(entry.file)
        if file is None:
            file = self._files[entry.file] = path.open("rb")
        file.seek(entry.offset)
        record = decode(file.readline())
        if record is None or record.get("id") != identity:
            raise OutputError(f"{path} changed while it was read: repeat the command.")
        return record


def line_of(record: Mapping[str, Any]) -> bytes:
    """A record as a line."""
    text = encode(dict(record)).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(text), text)


def decode(line: bytes) -> Record | None:
    """The record in a line, None if the line is damaged."""
    if line[8:9] != b" " or line[-1:] != b"\n":
        return None
    try:
        if int(line[:8], 16) != zlib.crc32(line[9:-1]):
            return None
        record = json.loads(line[9:])
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def read_all(folder: Path, owner: Owner | None) -> Records:
    """Read every journal of a sweep folder.

    Raises
    ------
    OutputError
        If a journal belongs to another configuration or model version, naming both.
    """
    records = Records()
    for path in sorted((folder / FOLDER).glob("*.jsonl")):
        read_one(path, owner, records)
    return records


def read_one(path: Path, owner: Owner | None, records: Records) -> int:
    """Add one journal to `records` and return the length of its whole lines in bytes."""
    index = len(records.paths)
    records.paths.append(path)
    offset = 0
    try:
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    records.torn[path] = len(line)
                    break
                record = decode(line)
                if record is None:
                    records.bad.setdefault(path, []).append(line)
                elif "format" in record:
                    _check_owner(path, record, owner)
                elif not _is_record(record):
                    records.bad.setdefault(path, []).append(line)
                else:
                    records.note(record, index, offset)
                offset += len(line)
    except OSError as problem:
        raise OutputError(f"{path} cannot be read: {problem.strerror or problem}.") from None
    return offset


def _is_record(record: Record) -> bool:
    identity = record.get("id")
    if not isinstance(identity, str) or len(identity) != 64 or not {"set", "status"} <= record.keys():
        return False
    try:
        return len(bytes.fromhex(identity)) == 32
    except ValueError:
        return False


def _check_owner(path: Path, header: Record, owner: Owner | None) -> None:
    if header["format"] != FORMAT:
        raise OutputError(f"{path} has layout {header['format']}, this edensim reads layout {FORMAT}.")
    if owner is None or header == owner.header():
        return
    theirs, ours = header.get("model_version"), owner.model_version
    if theirs != ours:
        raise OutputError(
            f"{path} holds points of model version {theirs}, this edensim computes model version {ours}: their results "
            "are never mixed. Choose another folder with --out."
        )
    raise OutputError(
        f"{path} holds points of configuration {str(header.get('config_hash'))[:8]}, not of {owner.config_hash[:8]}: "
        "their results are never mixed. Choose another folder with --out."
    )


class Journal:
    """One journal open for appending; use it as a context manager.

    Opening reads it into `records`, keeps damaged lines in `NAME.bad` beside it and cuts a torn tail.

    Raises
    ------
    OutputError
        If it belongs to other points (see `read_all`).
    SaveError
        If the disk refuses.
    """

    def __init__(self, path: Path, owner: Owner, records: Records) -> None:
        self.path, self.records = path, records
        self._index = len(records.paths)
        length = 0
        if path.exists():
            length = read_one(path, owner, records)
            quarantine(path, records)
        else:
            records.paths.append(path)
        try:
            self._file = disk.open_append(path)
        except OSError as problem:
            raise disk.cannot_save(path, problem, 0) from None
        self._length = length
        try:
            if path in records.torn:
                disk.truncate(self._file, length)
                disk.sync(self._file)
            if length == 0:
                self._append(line_of(owner.header()))
        except OSError as problem:
            os.close(self._file)
            raise disk.cannot_save(path, problem, 0) from None
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def append(self, batch: list[Record]) -> None:
        """Save records; when this returns, they are on the disk.

        Raises
        ------
        SaveError
            If the disk refuses; nothing of the batch stays then, as far as the disk lets it be removed.
        """
        lines = [line_of(record) for record in batch]
        offset = self._length
        self._append(b"".join(lines))
        for record, line in zip(batch, lines, strict=True):
            self.records.note(record, self._index, offset)
            offset += len(line)

    def _append(self, data: bytes) -> None:
        try:
            disk.write(self._file, data)
            disk.sync(self._file)
        except OSError as problem:
            # After a failed sync nobody knows what reached the disk, so the lines are taken back, never trusted.
            with suppress(OSError):
                disk.truncate(self._file, self._length)
            raise disk.cannot_save(self.path, problem, len(data)) from None
        self._length += len(data)


def quarantine(path: Path, records: Records) -> None:
    """Copy damaged lines of a journal to `NAME.bad` in the sweep folder (same lines, same file: nothing piles up)."""
    lines = records.bad.get(path)
    if lines:
        keep = path.parent.parent / f"{path.stem}.bad"
        data = b"".join(lines)
        if not keep.exists() or keep.read_bytes() != data:
            disk.replace_file(keep, [data])
