"""Writing native traces: streamed, atomic, byte-reproducible.

Every file gets a member `header.json` (format version, number of requests, columns, units, generator, SHA-256 of the
content). Layouts: `plain` (one deflated array per column, readable by numpy.load), `stored` (the same, not
compressed) and `delta` (chunks of about a million requests; addresses and arrivals as differences in the narrowest
integer type; ten times smaller on streams, readable by edensim only).
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edensim.dram.trace_read import FORMAT, HEADER, VERSION, chunk_name
from edensim.dram.trace_requests import (
    CHUNK,
    COLUMNS,
    UNITS,
    ContentDigest,
    Requests,
    RequestSource,
    checked,
    cut,
    slices,
)
from edensim.errors import ConfigError, InputError
from edensim.output import atomic_output

Layout = Literal["plain", "stored", "delta"]


def write_trace(
    path: str | Path,
    requests: RequestSource | Requests | Mapping[str, Any] | Iterable[Any],
    header: Mapping[str, Any] | None = None,
    *,
    layout: Layout = "plain",
    force: bool = False,
) -> int:
    """Write a native trace; the file appears under its name only when it is complete.

    Parameters
    ----------
    path : str or Path
        File to write, by custom `.npz`.
    requests
        A `Requests`, a mapping of arrays by column name, a reader, or an iterable of chunks (`Requests`, mappings or
        tuples in the order of the columns). Iterables are consumed once, with flat memory.
    header : mapping, optional
        Further JSON values for `header.json`, for example `generator` (the command line) or `clock_ps`.
    layout : "plain", "stored" or "delta"
        See the top of this file.
    force : bool
        Replace an existing file.

    Returns
    -------
    int
        Number of requests written.

    Raises
    ------
    OutputError
        The file exists (and not `force`), or cannot be written.
    InputError
        No requests, unequal lengths, a wrong dtype, time running backwards.
    """
    if layout not in ("plain", "stored", "delta"):
        raise ConfigError(f"trace layout {layout!r} is unknown; expected plain, stored or delta")
    parts = checked((piece for part in as_parts(requests) for piece in slices(part, CHUNK)), "requests")
    with atomic_output(path, force) as file, zipfile.ZipFile(file, "w", allowZip64=True) as archive:
        write = _write_delta if layout == "delta" else _write_plain
        return write(archive, parts, dict(header or {}), layout, Path(path).parent)


def as_parts(requests: Any) -> Iterator[Requests]:
    """Whatever `write_trace` accepts, as an iterator of `Requests` with the native dtypes."""
    if isinstance(requests, (Requests, Mapping)):
        requests = [requests]
    elif hasattr(requests, "chunks"):
        requests = requests.chunks()
    for part in requests:
        values = part if isinstance(part, Mapping) else dict(zip(COLUMNS, part, strict=False))
        if "addr" not in values or "is_write" not in values or not values.keys() <= COLUMNS.keys():
            raise InputError(
                f"requests: found columns {', '.join(values)}; expected addr, is_write and optionally arrival, tensor"
            )
        yield Requests(**{n: _converted(n, v) for n, v in values.items() if v is not None})


def _converted(name: str, values: Any) -> npt.NDArray[Any]:
    array = np.asarray(values)
    if array.dtype.kind not in "bui" or array.ndim != 1:
        raise InputError(
            f"requests: {name} has dtype {array.dtype} and shape {array.shape}; "
            f"expected one-dimensional {COLUMNS[name].name}"
        )
    if array.size and (int(array.min()) < 0 or int(array.max()) > np.iinfo(COLUMNS[name]).max):
        raise InputError(
            f"requests: {name} lies in {array.min()} … {array.max()}; expected values of {COLUMNS[name].name}"
        )
    return array.astype(COLUMNS[name], copy=False)


def _write_plain(
    archive: zipfile.ZipFile, parts: Iterator[Requests], header: dict[str, Any], layout: str, folder: Path
) -> int:
    # The members follow each other in a zip file and the .npy header needs the count, so columns wait in files.
    digest, columns = ContentDigest(), None
    with ExitStack() as stack:
        spools = {name: stack.enter_context(tempfile.TemporaryFile(dir=folder)) for name in COLUMNS}
        for part in parts:
            columns = _same_columns(part, columns, digest.count)
            digest.update(part)
            for name in columns:
                spools[name].write(np.ascontiguousarray(getattr(part, name)).data)
        _put_header(archive, header, columns, digest, {"layout": "plain"})
        for name in columns or ():
            spools[name].seek(0)
            _put_array(archive, name, COLUMNS[name], digest.count, spools[name], layout == "stored")
    return digest.count


def _write_delta(
    archive: zipfile.ZipFile, parts: Iterator[Requests], header: dict[str, Any], layout: str, folder: Path
) -> int:
    digest, columns = ContentDigest(), None
    last = dict.fromkeys(("addr", "arrival"), np.uint64(0))
    for k, part in enumerate(_full_chunks(parts)):
        columns = _same_columns(part, columns, digest.count)
        digest.update(part)
        for name in columns:
            values: npt.NDArray[Any] = getattr(part, name)
            if name in last:
                values, last[name] = _delta(values, last[name]), values[-1]
            _put_array(archive, chunk_name(k, name), values.dtype, len(values), [values.tobytes()])
    _put_header(archive, header, columns, digest, {"layout": layout, "chunk": CHUNK})
    return digest.count


def _full_chunks(parts: Iterator[Requests]) -> Iterator[Requests]:
    """Join and cut parts of any length so that all but the last have exactly `CHUNK` requests."""
    waiting: list[Requests] = []
    have = 0
    for part in parts:
        waiting.append(part)
        have += len(part.addr)
        while have >= CHUNK:
            joined = _join(waiting)
            yield cut(joined, 0, CHUNK)
            waiting = [cut(joined, CHUNK)]
            have -= CHUNK
    if have:
        yield _join(waiting)


def _join(parts: list[Requests]) -> Requests:
    parts = [part for part in parts if len(part.addr)]
    if len({tuple(values is None for values in part) for part in parts}) > 1:
        raise InputError("requests: some chunks have arrival or tensor, others have not")
    columns: list[Any] = [None if v[0] is None else np.concatenate(v) for v in zip(*parts, strict=True)]
    return Requests(*columns)


def _same_columns(part: Requests, columns: list[str] | None, first: int) -> list[str]:
    found = [name for name, values in part._asdict().items() if values is not None]
    if columns is not None and found != columns:
        raise InputError(f"requests: from request {first} on the columns are {found}, before they were {columns}")
    return found


def _delta(values: npt.NDArray[np.uint64], last: np.uint64) -> npt.NDArray[Any]:
    wide = np.diff(values, prepend=last).view(np.int64)
    low, high = int(wide.min()), int(wide.max())
    for narrow in (np.int8, np.int16, np.int32):
        if np.iinfo(narrow).min <= low and high <= np.iinfo(narrow).max:
            return wide.astype(narrow)
    return wide


def _put_header(
    archive: zipfile.ZipFile,
    header: dict[str, Any],
    columns: list[str] | None,
    digest: ContentDigest,
    layout: dict[str, Any],
) -> None:
    if columns is None:
        raise InputError("there are no requests to write; an empty trace is not a trace")
    own = {
        "format": FORMAT,
        "version": VERSION,
        **layout,
        "requests": digest.count,
        "columns": columns,
        "units": {name: UNITS[name] for name in columns},
        "content_sha256": digest.hexdigest(),
    }
    text = json.dumps({**own, **{key: value for key, value in header.items() if key not in own}}, indent=1)
    archive.writestr(_entry(HEADER, stored=True), text.encode())


def _put_array(
    archive: zipfile.ZipFile,
    name: str,
    dtype: np.dtype[Any],
    count: int,
    content: Any,
    stored: bool = False,
) -> None:
    with archive.open(_entry(name + ".npy", stored), "w", force_zip64=True) as member:
        claim = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (count,)}
        np.lib.format.write_array_header_1_0(member, claim)
        if isinstance(content, list):
            member.writelines(content)
        else:
            shutil.copyfileobj(content, member, 1 << 20)


def _entry(name: str, stored: bool) -> zipfile.ZipInfo:
    # A fixed date makes equal traces equal files.
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    info._compresslevel = 1  # type: ignore[attr-defined]  # writestr takes a level, open does not
    return info
