"""Writing text traces, and converting any trace format into any other, streamed and without half-written files.

Formats and their columns: see `trace_text`. What the target cannot hold is dropped and named in the result.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from edensim.dram.text_fields import choice, constant, decimal, hexadecimal, text
from edensim.dram.trace_read import TraceReader
from edensim.dram.trace_requests import Requests, RequestSource, check_addresses, checked, slices
from edensim.dram.trace_text import CSV_COLUMNS, NATIVE, bank_levels, check_format, open_any, vector_levels
from edensim.dram.trace_write import Layout, as_parts, write_trace
from edensim.errors import ConfigError, InputError
from edensim.memory.address_map import AddressMap
from edensim.output import atomic_output

KEPT = {
    NATIVE: CSV_COLUMNS,
    "csv": CSV_COLUMNS,
    "dramsim3": ("addr", "is_write", "arrival"),
    "ramulator1": ("addr", "is_write"),
    "ramulator2": ("addr", "is_write"),
    "ramulator2_readwrite": ("addr", "is_write"),
}
LINES_AT_A_TIME = 1 << 17


def convert(
    source: str | Path,
    target: str | Path,
    source_format: str | None = None,
    target_format: str = NATIVE,
    *,
    address_map: AddressMap | None = None,
    clock_ps: Fraction | None = None,
    layout: Layout = "plain",
    header: dict[str, Any] | None = None,
    force: bool = False,
) -> dict[str, Any]:
    """Convert a trace.

    Parameters
    ----------
    source, target : str or Path
        A text target that ends in `.gz` is packed.
    source_format : str, optional
        One of `FORMATS`; guessed from the content by default.
    target_format : str
        One of `FORMATS`.
    address_map : AddressMap, optional
        Needed by `ramulator2_readwrite` and `gem5`.
    clock_ps : Fraction, optional
        Memory clock; needed by `gem5`.
    layout, header
        Passed to `write_trace` for native targets.
    force : bool
        Replace an existing target.

    Returns
    -------
    dict
        `requests`, `source_format`, `target_format`, `dropped`: columns that the target cannot hold, and `left_out`:
        lines of the source that are no requests.

    Raises
    ------
    InputError, ConfigError, OutputError
        Bad source; unknown format or missing address map; target exists or cannot be written.
    """
    _check_written(target_format)
    reader = open_any(source, source_format, address_map, clock_ps)
    if target_format == NATIVE:
        count = write_trace(target, reader, header, layout=layout, force=force)
    else:
        count = write_text(target, reader, target_format, address_map=address_map, force=force)
    has = {"arrival": reader.has_arrival, "tensor": reader.has_tensor}
    return {
        "requests": count,
        "source_format": NATIVE if isinstance(reader, TraceReader) else getattr(reader, "format", None),
        "target_format": target_format,
        "dropped": [name for name, there in has.items() if there and name not in KEPT[target_format]],
        "left_out": getattr(reader, "left_out", 0),
    }


def write_text(
    path: str | Path,
    requests: RequestSource | Requests | Iterable[Any],
    format: str,
    *,
    address_map: AddressMap | None = None,
    force: bool = False,
) -> int:
    """Write a text trace (packed if `path` ends in `.gz`) and return the number of requests.

    Columns that the format cannot hold are left out; a missing arrival is written as 0 where the format wants one.

    Raises
    ------
    InputError
        No requests, or an address that the format or the memory cannot express.
    OutputError
        The file exists (and not `force`), or cannot be written.
    """
    if _check_written(format) == NATIVE:
        raise ConfigError("native traces are written by write_trace")
    if format == "ramulator2_readwrite" and address_map is None:
        raise ConfigError("ramulator2_readwrite traces name banks and rows; give the memory (--dram) they belong to")
    count, wide = 0, None
    parts = (piece for part in checked(as_parts(requests), "requests") for piece in slices(part, LINES_AT_A_TIME))
    with text_output(Path(path), force) as file:
        for part in parts:
            if wide is None:
                wide = _columns(part)
                if format == "csv":
                    file.write(",".join(wide).encode() + b"\n")
            elif wide != _columns(part):
                raise InputError(
                    f"requests: from request {count} on the columns are {_columns(part)}, before they were {wide}"
                )
            file.write(_lines(part, format, address_map, count))
            count += len(part.addr)
        if wide is None:
            raise InputError("there are no requests to write; an empty trace is not a trace")
    return count


def _check_written(format: str) -> str:
    if check_format(format) not in KEPT:
        raise ConfigError(f"{format} traces are read, not written; expected one of {', '.join(KEPT)}")
    return format


@contextmanager
def text_output(path: Path, force: bool) -> Iterator[IO[bytes]]:
    """Open a text file, packed if its name ends in `.gz`; it appears under its name only when the block ends well."""
    with atomic_output(path, force) as file:
        if path.suffix != ".gz":
            yield file
            return
        # no name and no date inside: equal traces make equal files
        with gzip.GzipFile("", "wb", 1, file, mtime=0) as packed:
            yield packed  # type: ignore[misc]


def _columns(part: Requests) -> list[str]:
    return [name for name, values in part._asdict().items() if values is not None]


def _lines(part: Requests, format: str, address_map: AddressMap | None, first: int) -> bytes:
    if format == "ramulator2":
        _refuse_signed(part.addr, first)
        return text(choice(part.is_write, (b"LD 0x", b"ST 0x")), hexadecimal(part.addr), constant(b"\n"))
    if format == "ramulator1":
        return text(constant(b"0x"), hexadecimal(part.addr), choice(part.is_write, (b" R\n", b" W\n")))
    if format == "dramsim3":
        arrival = np.zeros(len(part.addr), np.uint64) if part.arrival is None else part.arrival
        operation = choice(part.is_write, (b" READ ", b" WRITE "))
        return text(constant(b"0x"), hexadecimal(part.addr), operation, decimal(arrival), constant(b"\n"))
    if format == "csv":
        numbers = [v for v in (part.arrival, part.tensor) if v is not None]
        fields = [constant(b"0x"), hexadecimal(part.addr), choice(part.is_write, (b",0", b",1"))]
        for values in numbers:
            fields += [constant(b","), decimal(values)]
        return text(*fields, constant(b"\n"))
    assert address_map is not None
    return _vectors(part, address_map, first)


def _refuse_signed(addr: npt.NDArray[np.uint64], first: int) -> None:
    if int(addr.max()) >= 2**63:
        k = int(np.argmax(addr >= np.uint64(2**63)))
        raise InputError(
            f"requests: request {first + k}: address {int(addr[k]):#x}; "
            f"ramulator 2 reads addresses up to {2**63 - 1:#x}"
        )


def _vectors(part: Requests, address_map: AddressMap, first: int) -> bytes:
    g = address_map.geometry
    check_addresses(part.addr, g.burst_bytes, g.capacity_bytes, first=first, where="requests")
    channel, bank, row, column = address_map.decode(part.addr // np.uint64(g.burst_bytes))
    at = {"channel": channel, "row": row, "column": column}
    for name, size in reversed(bank_levels(g).items()):
        bank, at[name] = np.divmod(bank, size)
    fields = [choice(part.is_write, (b"R ", b"W "))]
    for name in vector_levels(address_map):
        fields += [decimal(at[name].astype(np.uint64)), constant(b",")]
    return text(*fields[:-1], constant(b"\n"))
