"""How the elements of a tensor are stored: the formats that errors can be injected into, and arrays that hold them.

Memory order is storage order: an array is a run of bytes, little-endian, first index outermost. int4 is packed two to a
byte, the first element in the low half. bf16 has no numpy type: uint16 arrays with `dtype="bf16"`, or the `bfloat16` of
ml_dtypes. Not here: complex numbers, booleans, structured arrays; they are refused.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edensim.approx.tables_kernel import Bytes
from edensim.errors import ConfigError, InputError, did_you_mean


@dataclass(frozen=True)
class Element:
    """A storage format: its name, bits per element, and the numpy type of arrays that hold it."""

    name: str
    bits: int
    storage: str


ELEMENTS = {
    x.name: x
    for x in (
        Element("int4", 4, "uint8"),
        Element("int8", 8, "int8"),
        Element("uint8", 8, "uint8"),
        Element("int16", 16, "int16"),
        Element("uint16", 16, "uint16"),
        Element("int32", 32, "int32"),
        Element("uint32", 32, "uint32"),
        Element("int64", 64, "int64"),
        Element("uint64", 64, "uint64"),
        Element("fp16", 16, "float16"),
        Element("bf16", 16, "uint16"),
        Element("fp32", 32, "float32"),
        Element("fp64", 64, "float64"),
    )
}
OF_NUMPY = {x.storage: x for x in ELEMENTS.values() if x.name not in ("int4", "bf16")} | {"bfloat16": ELEMENTS["bf16"]}
ALIASES = {"float16": "fp16", "bfloat16": "bf16", "float32": "fp32", "float64": "fp64"}
STORED_AS = {"int4": ("uint8", "int8"), "bf16": ("uint16", "int16", "bfloat16")}


def element_named(name: str) -> Element:
    """Format by name.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    found = ELEMENTS.get(ALIASES.get(name, name))
    if found is None:
        hint = did_you_mean(name, ELEMENTS, f"expected one of {', '.join(ELEMENTS)}")
        raise ConfigError(f"dtype = {name!r} is no storage format{hint}")
    return found


def element_of(array: Any, name: str | None = None, where: str = "the array") -> Element:
    """Format of an array's elements; `name` overrides where numpy has no type (int4, bf16).

    Raises
    ------
    InputError
        If the array holds Python objects, structures, or anything else that is no plain number, is big-endian, or
        cannot hold the named format.
    """
    if not isinstance(array, np.ndarray):
        raise InputError(f"{where} is of type {type(array).__name__}; expected a numpy array")
    dtype = array.dtype
    if dtype.byteorder == ">" or (dtype.byteorder == "=" and sys.byteorder == "big"):
        raise InputError(f"{where} is big-endian ({dtype.str}); expected little-endian: convert it with astype")
    if name is not None:
        element = element_named(name)
        fits = STORED_AS.get(element.name, (element.storage,))
        if dtype.name not in fits and dtype.name != "uint8":
            raise InputError(f"{where} has dtype {dtype.name}; {element.name} is held in {' or '.join(fits)}")
        return element
    if dtype.hasobject:
        raise InputError(f"{where} holds Python objects (dtype {dtype}); expected plain numbers")
    if dtype.name not in OF_NUMPY:
        raise InputError(f"{where} has dtype {dtype}; errors go into {', '.join(ELEMENTS)}")
    return OF_NUMPY[dtype.name]


def bytes_of(array: NDArray[Any], where: str = "the array", written: bool = False) -> Bytes:
    """The array's own memory as bytes, in address order.

    Raises
    ------
    InputError
        If the array is not contiguous (its storage order would not be address order), or is to be written and may not.
    """
    if not array.flags.c_contiguous:
        raise InputError(
            f"{where} is not contiguous, so its order in memory is not that of its elements: copy it first"
        )
    if written and not array.flags.writeable:
        raise InputError(f"{where} is read-only; give `out`, or a copy")
    return array.reshape(-1).view(np.uint8)
