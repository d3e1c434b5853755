"""What the tensors of a network hold while it runs: random bits, zeros, or the arrays of a file.

Random bits belong to the tensor, not to its address, so moving a tensor does not change them. A file is read whole.
Not modelled: values that a layer computes; a map holds the same bits whenever it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edensim import rng
from edensim.approx.tensor_file import TensorFile, open_tensor_file
from edensim.archive import require_file
from edensim.errors import ConfigError, did_you_mean
from edensim.memory import Placement

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
RANDOM, ZEROS = "random", "zeros"
FILE_TYPES = (".npz", ".safetensors")


class Storages:
    """The tensors of a placement that have memory of their own, by address.

    Attributes
    ----------
    names : list of str
        In ascending order of addresses.
    base, size : int64 arrays
        First virtual byte and number of bytes.
    """

    def __init__(self, placement: Placement, line_bytes: int) -> None:
        own = [t for t in placement.tensors.values() if not t.alias_of and t.bytes]
        own.sort(key=lambda tensor: tensor.base)
        self.placement, self.line_bytes = placement, line_bytes
        self.names = [tensor.name for tensor in own]
        self.base = np.array([tensor.base for tensor in own], np.int64)
        self.size = np.array([tensor.bytes for tensor in own], np.int64)
        self._pages = np.argsort(placement.page_table, kind="stable")

    @property
    def lines(self) -> int:
        """Virtual lines of all tensors."""
        return -(-self.placement.total_bytes // self.line_bytes)

    def virtual_lines(self, line: Ints) -> Ints:
        """Virtual lines of physical ones; -1 where there is none."""
        table = self.placement.page_table
        if not len(table):
            return np.where(line < self.lines, line, -1)
        page, rest = np.divmod(line, self.placement.page_lines)
        at = np.searchsorted(table, page, sorter=self._pages)
        found = self._pages[np.minimum(at, len(table) - 1)]
        return np.where(table[found] == page, found * self.placement.page_lines + rest, -1)

    def places(self, virtual: Ints) -> tuple[Ints, Ints]:
        """Storage of each virtual line (-1: none), and the offset of the line in it, in bytes."""
        at = np.searchsorted(self.base, virtual * self.line_bytes, side="right") - 1
        offset = virtual * self.line_bytes - self.base[at]
        inside = (virtual >= 0) & (at >= 0) & (offset < self.size[at])
        return np.where(inside, at, -1), np.where(inside, offset, 0)


class StoredData:
    """Data of all tensors.

    Parameters
    ----------
    storages : Storages
    data : str
        "random", "zeros", or the path of a file.
    arrays : mapping of str to uint8 arrays
        Bytes of tensors that a file names (`read_data`).
    seed : int
        Of random bits.
    """

    def __init__(self, storages: Storages, data: str, arrays: Mapping[str, Bytes], seed: int) -> None:
        self.storages, self.data = storages, data
        keys = [rng.key(seed, "stored data", name) for name in (*storages.names, "elsewhere")]
        self.keys = np.array(keys, np.uint64)  # the last one is that of storage -1
        tensors = storages.placement.tensors
        own = {tensors[name].alias_of or name: values for name, values in arrays.items()}
        self.arrays = {storages.names.index(name): values for name, values in own.items() if tensors[name].bytes}

    def of_lines(self, line: Ints) -> Bytes:
        """What physical lines hold: uint8 (lines, bytes of a line)."""
        width = self.storages.line_bytes
        if self.data == ZEROS:
            return np.zeros((len(line), width), np.uint8)
        storage, offset = self.storages.places(self.storages.virtual_lines(line))
        out = self._random(np.where(storage >= 0, offset // width, line), storage)
        for k in set(np.unique(storage).tolist()) & self.arrays.keys():
            rows = np.flatnonzero(storage == k)
            values = self.arrays[k]
            at = offset[rows, None] + np.arange(width)
            out[rows] = np.where(at < len(values), values[np.minimum(at, len(values) - 1)], 0)
        return out

    def of_tensor(self, storage: int) -> Bytes:
        """All bytes of one storage."""
        storages = self.storages
        size, width = int(storages.size[storage]), storages.line_bytes
        if storage in self.arrays:
            return self.arrays[storage].copy()
        if self.data == ZEROS:
            return np.zeros(size, np.uint8)
        lines = np.arange(-(-size // width))
        return self._random(lines, np.full(len(lines), storage)).ravel()[:size]

    def _random(self, line: Ints, storage: Ints) -> Bytes:
        words = -(-self.storages.line_bytes // 8)
        found = rng.draw(self.keys[storage][:, None], line[:, None] * words + np.arange(words))
        return np.ascontiguousarray(found).view(np.uint8)[:, : self.storages.line_bytes]


def data_file(data: str, folder: Path) -> Path | None:
    """Path of the file that `errors.data` names, None if it is no file.

    Raises
    ------
    ConfigError
        If it is none of the words and no file of tensors either.
    """
    if data in (RANDOM, ZEROS):
        return None
    if not data.lower().endswith(FILE_TYPES):
        guess = did_you_mean(data, (RANDOM, ZEROS))
        raise ConfigError(f"errors.data = {data!r}: expected random, zeros, or a .npz or .safetensors file{guess}")
    return folder / data


def open_data(data: str, folder: Path, sizes: Mapping[str, int]) -> TensorFile | None:
    """The file that `errors.data` names, checked but not read; None if it names none.

    Parameters
    ----------
    data, folder
        `errors.data`, and where relative paths start.
    sizes : mapping of str to int
        Bytes of every tensor of the run.

    Raises
    ------
    InputError
        If the file is missing or damaged.
    ConfigError
        With all arrays that are no tensors of the run, or of another size.
    """
    path = data_file(data, folder)
    if path is None:
        return None
    require_file(path, "tensors (.npz or .safetensors)")
    file = open_tensor_file(path)
    problems = []
    for tensor in file.tensors:
        if tensor.name not in sizes:
            guess = did_you_mean(tensor.name, sizes, f"there are {', '.join(list(sizes)[:6])} …")
            problems.append(f"errors.data = {data!r}: the run has no tensor {tensor.name!r}{guess}")
        elif tensor.size_bytes != sizes[tensor.name]:
            problems.append(
                f"errors.data = {data!r}: {tensor.name} has {tensor.size_bytes:,} bytes; the run's precision and batch "
                f"make it {sizes[tensor.name]:,}"
            )
        elif tensor.element is None:
            problems.append(
                f"errors.data = {data!r}: {tensor.name} is of type {tensor.dtype}; expected plain little-endian numbers"
            )
    if problems:
        raise ConfigError(problems)
    return file


def read_data(data: str, folder: Path, sizes: Mapping[str, int]) -> dict[str, Bytes]:
    """Arrays of that file as bytes, by tensor; empty without one. Errors as `open_data`."""
    file = open_data(data, folder, sizes)
    return {tensor.name: file.load(tensor) for tensor in file.tensors} if file is not None else {}
