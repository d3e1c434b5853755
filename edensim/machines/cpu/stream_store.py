"""Streams on disk, found again by what they depend on: the least recently used leave when the folder is full."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from edensim.kernel_cache import cache_root
from edensim.machines.cpu.stream_file import DamagedError, StreamReader, StreamWriter

LIMIT_BYTES = 2 << 30
"""Of the whole folder; the environment variable EDENSIM_STREAM_BYTES gives another limit (0: nothing is kept)."""


@cache
def _source_hash() -> str:
    """SHA-256 over the sources that make streams."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def _limit() -> int:
    with suppress(ValueError):
        return int(os.environ.get("EDENSIM_STREAM_BYTES", LIMIT_BYTES))
    return LIMIT_BYTES


class StreamStore:
    """Where the stream that depends on `content` (plain data) lies."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        text = json.dumps({**content, "sources": _source_hash()}, sort_keys=True, default=str)
        self.path: Path | None = None
        with suppress(RuntimeError):  # a user without a home
            self.path = cache_root() / "streams" / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.stream"

    def reader(self) -> StreamReader | None:
        """A reader of the stream, None if there is none; a damaged one is removed."""
        if self.path is None:
            return None
        try:
            found = StreamReader(self.path)
        except OSError:
            return None
        except DamagedError:
            with suppress(OSError):
                self.path.unlink()
            return None
        with suppress(OSError):
            os.utime(self.path)
        return found

    def writer(self) -> StreamWriter | None:
        """A writer of the stream, None if nothing is kept."""
        limit = _limit()
        return StreamWriter(self.path, limit) if self.path is not None and limit > 0 else None

    def tidy(self) -> None:
        """Remove the streams used longest ago until the folder is within its limit."""
        if self.path is None:
            return
        with suppress(OSError):
            files = sorted(((f.stat(), f) for f in self.path.parent.glob("*.stream")), key=lambda x: -x[0].st_mtime_ns)
            total = 0
            for info, file in files:
                total += info.st_size
                if total > _limit() and file != self.path:
                    with suppress(OSError):
                        file.unlink()
