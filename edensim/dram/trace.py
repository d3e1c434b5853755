"""Request traces: open, write, check and summarise them.

The native trace is an `.npz` with `addr` (uint64, byte address), `is_write` (uint8) and optionally `arrival` (uint64,
memory clock; absent or 0 = as fast as the queue accepts) and `tensor` (uint16). `trace_requests` says what a request
is, `trace_read` and `trace_write` hold the file format, `trace_text` the text formats of other simulators.

Not modelled: requests of more than one burst, dependencies between requests, data values.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edensim.dram.trace_read import TraceReader, open_trace
from edensim.dram.trace_requests import CHUNK, ContentDigest, Requests, RequestSource, check_addresses, checked
from edensim.dram.trace_write import write_trace
from edensim.errors import InputError

__all__ = [
    "CHUNK",
    "ContentDigest",
    "RequestSource",
    "Requests",
    "TraceReader",
    "check_addresses",
    "checked",
    "open_trace",
    "trace_info",
    "write_trace",
]

LINE_BYTES = 64
DENSE_LINES = 1 << 28
SPARSE_LINES = 1 << 24


def trace_info(source: str | Path | RequestSource) -> dict[str, Any]:
    """Summary of a trace, from one pass with flat memory.

    Parameters
    ----------
    source : path of a native trace, or a reader

    Returns
    -------
    dict
        `requests`, `reads`, `writes`; `columns`; `address_min`, `address_max` (byte); `footprint_bytes` (distinct
        lines of 64 bytes, times 64; None when there are too many far apart to count); `arrival_first`,
        `arrival_last` (memory clock, None without arrivals); `tensors` (distinct numbers, None without the column);
        `sha256` (content, see `ContentDigest`); `layout` and `generator` where the file tells.

    Raises
    ------
    InputError
        The file is damaged, or its content is not the one its header promises.
    """
    reader = open_trace(source) if isinstance(source, (str, Path)) else source
    digest, footprint = ContentDigest(), Footprint()
    writes, low, high = 0, 2**64, 0
    arrival: tuple[int, int] | None = None
    tensors = np.zeros(1 << 16, bool)
    part = None
    for part in reader.chunks():
        digest.update(part)
        footprint.update(part.addr)
        writes += int(np.count_nonzero(part.is_write))
        low, high = min(low, int(part.addr.min())), max(high, int(part.addr.max()))
        if part.arrival is not None:
            arrival = (int(part.arrival[0]) if arrival is None else arrival[0], int(part.arrival[-1]))
        if part.tensor is not None:
            tensors[part.tensor] = True
    if part is None:
        raise InputError(f"{reader.path}: the trace is empty (0 requests); expected at least one")
    header = getattr(reader, "header", {})
    if header.get("content_sha256", digest.hexdigest()) != digest.hexdigest():
        raise InputError(
            f"{reader.path}: the SHA-256 of the requests is {digest.hexdigest()}, its header promises "
            f"{header['content_sha256']}; the file was changed"
        )
    return {
        "requests": digest.count,
        "reads": digest.count - writes,
        "writes": writes,
        "columns": [name for name, values in part._asdict().items() if values is not None],
        "address_min": low,
        "address_max": high,
        "footprint_bytes": footprint.bytes,
        "arrival_first": arrival[0] if arrival else None,
        "arrival_last": arrival[1] if arrival else None,
        "tensors": int(tensors.sum()) if part.tensor is not None else None,
        "sha256": digest.hexdigest(),
        "layout": getattr(reader, "layout", None),
        "generator": header.get("generator"),
    }


class Footprint:
    """Count distinct lines with bounded memory: a map of the first 16 GiB, a sorted list of what lies beyond."""

    def __init__(self) -> None:
        self._seen = np.zeros(1 << 16, bool)
        self._far: npt.NDArray[np.uint64] | None = np.empty(0, np.uint64)

    def update(self, addr: npt.NDArray[np.uint64]) -> None:
        """Add byte addresses."""
        lines = addr // np.uint64(LINE_BYTES)
        far = lines >= DENSE_LINES
        if far.any():
            if self._far is not None:
                self._far = np.union1d(self._far, lines[far])
                self._far = self._far if len(self._far) <= SPARSE_LINES else None
            lines = lines[~far]
        if len(lines) == 0:
            return
        needed = int(lines.max()) + 1
        if needed > len(self._seen):
            grown = np.zeros(min(DENSE_LINES, 1 << (needed - 1).bit_length()), bool)
            grown[: len(self._seen)] = self._seen
            self._seen = grown
        self._seen[lines] = True

    @property
    def bytes(self) -> int | None:
        """Bytes in distinct lines, or None when the far lines were too many to list."""
        if self._far is None:
            return None
        return (int(np.count_nonzero(self._seen)) + len(self._far)) * LINE_BYTES
