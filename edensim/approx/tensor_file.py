"""Files of tensors as streams of bytes: what they hold, checked before anything is read, and rewriting them.

A rewritten file has the headers, names, types and order of the original; only the bytes of tensors go through a
function. No more than one piece is in memory. Formats: `.npz` (`npz_file`), `.safetensors` (`safetensors_file`), and
raw bytes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from edensim.approx.element import Element, element_named
from edensim.approx.tables_kernel import Bytes
from edensim.archive import require_file
from edensim.errors import ConfigError, InputError, did_you_mean

CHUNK_BYTES = 1 << 24
"""Size of a piece where nothing speaks for another."""
WHAT = "tensors (.npz, .safetensors, or raw bytes with --dtype)"
HEADED = {
    b"\x93NUMPY": "a .npy file; expected an .npz (numpy.savez)",
    b"PK\x03\x04": "a zip archive; expected the name .npz if it is one, or tensors saved as .safetensors",
}
"""What files begin with that are no raw bytes, but could pass for them: their headers would be injected into too."""


@dataclass(frozen=True)
class FileTensor:
    """A tensor of a file.

    Attributes
    ----------
    name : str
    dtype : str
        Type as the file spells it.
    element : Element or None
        Format of its elements; None: none that errors can be injected into.
    size_bytes : int
    """

    name: str
    dtype: str
    element: Element | None
    size_bytes: int


class Pieces(NamedTuple):
    """Bytes of the first piece of a tensor, and of all others but the last; multiples of its elements."""

    first: int
    others: int


Cut = Callable[[FileTensor], Pieces]
"""How a tensor is cut."""
Change = Callable[[FileTensor, Bytes, int], None]
"""Changes some bytes of a tensor in place: (tensor, bytes, offset of the first in the tensor)."""


class TensorFile(ABC):
    """A file of tensors, checked; `tensors` in the order of their bytes."""

    path: Path
    tensors: list[FileTensor]

    @abstractmethod
    def rewrite(self, target: IO[bytes], change: Change, cut: Cut) -> None:
        """Write the file anew to `target`, with the bytes of every tensor changed piece by piece."""

    @abstractmethod
    def load(self, tensor: FileTensor) -> Bytes:
        """All bytes of one tensor, in their order in the file."""


class RawFile(TensorFile):
    """A file that is one tensor, named like it."""

    def __init__(self, path: Path, element: Element) -> None:
        size = require_file(path, WHAT)
        refuse_headed(path)
        if size % max(element.bits // 8, 1):
            raise InputError(f"{path}: {size:,} bytes are no whole number of {element.name} elements")
        self.path, self.tensors = path, [FileTensor(path.stem, element.name, element, size)]

    def rewrite(self, target: IO[bytes], change: Change, cut: Cut) -> None:
        """See `TensorFile`."""
        (tensor,) = self.tensors
        with self.path.open("rb") as source:
            copy_tensor(source, target, tensor, change, cut(tensor), self.path)

    def load(self, tensor: FileTensor) -> Bytes:
        """See `TensorFile`."""
        return read_tensor(self.path, 0, tensor)


def refuse_headed(path: Path) -> None:
    """Refuse a file of numpy, an archive or a pickle in place of raw bytes."""
    with path.open("rb") as file:
        begin = file.read(8)
        file.seek(-1, 2)
        is_pickle = begin[:1] == b"\x80" and begin[1:2] in (b"\2", b"\3", b"\4", b"\5") and file.read(1) == b"."
    if is_pickle:
        raise InputError(f"{path}: is a pickle, and pickles are never loaded; expected {WHAT}")
    for signature, what in HEADED.items():
        if begin.startswith(signature):
            raise InputError(f"{path}: is {what}")


def read_tensor(path: Path, begin: int, tensor: FileTensor) -> Bytes:
    """The bytes of a tensor that begin at a byte of a file."""
    with path.open("rb") as file:
        file.seek(begin)
        data = file.read(tensor.size_bytes)
    if len(data) < tensor.size_bytes:
        raise InputError(
            f"{path}: {tensor.name} is truncated: expected {tensor.size_bytes:,} bytes, found {len(data):,}"
        )
    return np.frombuffer(data, np.uint8)


def copy_tensor(
    source: IO[bytes], target: IO[bytes], tensor: FileTensor, change: Change, pieces: Pieces, where: Path
) -> None:
    """Copy the bytes of one tensor from where `source` stands, piece by piece through `change`."""
    buffer = np.empty(min(max(pieces), tensor.size_bytes), np.uint8)
    for begin, end in spans(tensor.size_bytes, pieces):
        part = buffer[: end - begin]
        found = 0
        while found < len(part):
            now = source.readinto(part[found:])  # type: ignore[attr-defined]
            if not now:
                expected = f"expected {tensor.size_bytes:,} bytes, found {begin + found:,}"
                raise InputError(f"{where}: {tensor.name} is truncated: {expected}")
            found += now
        change(tensor, part, begin)
        target.write(part.data)


def spans(size_bytes: int, pieces: Pieces) -> Iterator[tuple[int, int]]:
    """Begin and end of each piece of so many bytes."""
    begin, end = 0, min(pieces.first, size_bytes)
    while begin < size_bytes:
        yield begin, end
        begin, end = end, min(end + pieces.others, size_bytes)


def open_tensor_file(path: str | Path, dtypes: Mapping[str, str] | None = None) -> TensorFile:
    """Open a file and check everything it claims, without reading tensors.

    Parameters
    ----------
    path
        A `.npz` or `.safetensors` file; anything else is raw bytes.
    dtypes : mapping of str to str, optional
        Formats of tensors by name (wildcards allowed) where the file's type does not say it: "int4" for packed bytes,
        "bf16" for 16-bit words. A raw file needs one.

    Raises
    ------
    InputError
        Missing, damaged, forged, truncated, Python objects inside, or not what its name says.
    ConfigError
        If a raw file has no format, or a format is unknown or names no tensor.
    """
    path, dtypes = Path(path), dict(dtypes or {})
    elements = {pattern: element_named(name) for pattern, name in dtypes.items()}
    if path.suffix == ".npz":
        from edensim.approx.npz_file import NpzFile

        file: TensorFile = NpzFile(path, elements)
    elif path.suffix == ".safetensors":
        from edensim.approx.safetensors_file import SafetensorsFile

        file = SafetensorsFile(path, elements)
    else:
        found = {pattern: x for pattern, x in elements.items() if fnmatchcase(path.stem, pattern)}
        if not found:
            require_file(path, WHAT)
            refuse_headed(path)
            raise ConfigError(
                f"{path} is taken for raw bytes, since it is no .npz or .safetensors: give --dtype FORMAT"
            )
        file = RawFile(path, next(iter(found.values())))
    for pattern in elements:
        require_match(pattern, [tensor.name for tensor in file.tensors], "--dtype")
    return file


def chosen_element(name: str, elements: Mapping[str, Element], itemsize: int, where: str) -> Element | None:
    """Format that the user gave for a tensor, if any; it must be as wide as what the file holds."""
    for pattern, element in elements.items():
        if fnmatchcase(name, pattern):
            if max(element.bits // 8, 1) != itemsize:
                raise ConfigError(f"{where}: {element.name} does not fit into values of {itemsize} bytes")
            return element
    return None


def require_match(pattern: str, names: list[str], where: str) -> None:
    """Refuse a pattern that no name matches."""
    if not any(fnmatchcase(name, pattern) for name in names):
        there = f"there are {', '.join(map(repr, names[:8]))}"
        guess = did_you_mean(pattern, names, there, show=repr)
        raise ConfigError(f"{where} {pattern}: no tensor has this name{guess}")


def as_bytes(array: np.ndarray[Any, Any]) -> Bytes:
    """The memory of a contiguous array."""
    return array.reshape(-1).view(np.uint8)
