"""`.npz` files of tensors: checked by `edensim.archive`, rewritten member by member."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np

from edensim.approx.element import OF_NUMPY, Element
from edensim.approx.tables_kernel import Bytes
from edensim.approx.tensor_file import (
    WHAT,
    Change,
    Cut,
    FileTensor,
    Pieces,
    TensorFile,
    as_bytes,
    chosen_element,
    spans,
)
from edensim.archive import Archive, Member
from edensim.errors import InputError


class NpzFile(TensorFile):
    """A zip archive of `.npy` arrays of any shape."""

    def __init__(self, path: Path, elements: Mapping[str, Element]) -> None:
        self.path = path
        with Archive(path, WHAT, any_shape=True) as archive:
            archive.refuse_bomb()
            self.tensors = [_tensor(path, member, elements) for member in archive.members.values()]
        if not self.tensors:
            raise InputError(f"{path}: holds no arrays; expected {WHAT}")

    def rewrite(self, target: IO[bytes], change: Change, cut: Cut) -> None:
        """See `TensorFile`. Members keep their packing."""
        with Archive(self.path, WHAT, any_shape=True) as archive, zipfile.ZipFile(target, "w") as out:
            for name in sorted(archive.texts):
                out.writestr(zipfile.ZipInfo(name), archive.text(name))
            for tensor in self.tensors:
                info = zipfile.ZipInfo(f"{tensor.name}.npy")
                info.compress_type = zipfile.ZIP_DEFLATED if archive.packed(tensor.name) else zipfile.ZIP_STORED
                with out.open(info, "w", force_zip64=True) as written, archive.column(tensor.name) as column:
                    written.write(archive.array_header(tensor.name))
                    member = archive.members[tensor.name]
                    size = member.dtype.itemsize  # of a value of any kind, kept ones too
                    pieces = Pieces(*(max(1, length // size) * size for length in cut(tensor)))
                    for begin, end in spans(tensor.size_bytes, pieces):
                        values = column.read((end - begin) // size)
                        change(tensor, as_bytes(values), begin)
                        written.write(as_bytes(values).data)

    def load(self, tensor: FileTensor) -> Bytes:
        """See `TensorFile`."""
        with Archive(self.path, WHAT, any_shape=True) as archive, archive.column(tensor.name) as column:
            return as_bytes(column.read(archive.members[tensor.name].count))


def _tensor(path: Path, member: Member, elements: Mapping[str, Element]) -> FileTensor:
    dtype = member.dtype
    element = chosen_element(member.name, elements, dtype.itemsize, f"{path}: {member.name}")
    little = dtype.newbyteorder("<") == dtype or dtype.itemsize == 1
    if element is None and little:
        element = OF_NUMPY.get(np.dtype(dtype).name)
    spelled = dtype.name if little else f"big-endian {dtype.name}"
    return FileTensor(member.name, spelled, element if little else None, member.count * dtype.itemsize)
