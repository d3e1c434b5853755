"""Arrays, rates and places that cannot be: one clear message each, and nothing changed."""

from __future__ import annotations

import numpy as np
import pytest

from edensim.approx import Device, Injector, Region, Uniform, inject
from edensim.approx.element import ELEMENTS
from edensim.approx.region import PLAIN
from edensim.errors import ConfigError, InputError
from edensim.memory import AddressMap, Geometry

SMALL = AddressMap(Geometry(1, 1, 1, 2, 4, 8, 8, 64, 8), "RoBaRaCoCh")


def small_device() -> Device:
    """A memory of 4 KiB."""
    return Device([[Uniform(0.5).law(SMALL.geometry)]], SMALL)


READ_ONLY = np.zeros(8, np.uint8)
READ_ONLY.flags.writeable = False
BAD_ARRAYS = {
    "holds Python objects": lambda: inject(np.array([1, "a"], object), ber=0.1),
    "is big-endian": lambda: inject(np.zeros(4, ">f4"), ber=0.1),
    "is not contiguous": lambda: inject(np.zeros((8, 8), np.uint8)[:, ::2], ber=0.1),
    "expected a numpy array": lambda: inject([1, 2, 3], ber=0.1),
    "has dtype complex64": lambda: inject(np.zeros(4, np.complex64), ber=0.1),
    "has dtype bool": lambda: inject(np.zeros(4, bool), ber=0.1),
    "has dtype <U1": lambda: inject(np.array(["a"]), ber=0.1),
    "is read-only": lambda: inject(READ_ONLY, ber=0.1),
    "int4 is held in uint8 or int8": lambda: inject(np.zeros(4, np.float32), ber=0.1, dtype="int4"),
    "out: expected an array of shape": lambda: inject(np.zeros(4, np.uint8), ber=0.1, out=np.zeros(5, np.uint8)),
    "out: expected an array of": lambda: inject(np.zeros(4, np.uint8), ber=0.1, out=np.zeros(4, np.int8)),
    "out shares memory": lambda: (lambda a: inject(a[:4], ber=0.1, out=a[2:6]))(np.zeros(8, np.uint8)),
    "out is read-only": lambda: inject(np.zeros(8, np.uint8), ber=0.1, out=READ_ONLY),
}
ZEROS = np.zeros(64, np.uint8)
BAD_SETTINGS = {
    "ber = 1.5: expected a bit error rate from 0 to 1": lambda: inject(ZEROS, ber=1.5),
    "ber = -1e-09": lambda: inject(ZEROS, ber=-1e-9),
    "ber = nan": lambda: inject(ZEROS, ber=float("nan")),
    "ber = '1e-3'": lambda: inject(ZEROS, ber="1e-3"),
    "ber = True": lambda: inject(ZEROS, ber=True),
    "exactly one of ber, model and device": lambda: inject(ZEROS),
    "give exactly one of ber": lambda: inject(ZEROS, ber=0.1, model=Uniform(0.1)),
    "exactly one": lambda: inject(ZEROS, ber=0.1, device=small_device()),
    "dtype = 'int5' is no storage format; did you mean int4": lambda: inject(ZEROS, ber=0.1, dtype="int5"),
    "seed = -1": lambda: inject(ZEROS, ber=0.1, seed=-1),
    "threads = 0": lambda: inject(ZEROS, ber=0.1, threads=0),
    "from byte 4,090 on end outside of the 4,096 bytes": lambda: inject(ZEROS, device=small_device(), address=4090),
    "neither may be negative": lambda: inject(ZEROS, ber=0.1, address=-1),
    "elements of 32 bits must lie at multiples": lambda: inject(np.zeros(4, np.float32), ber=0.1, address=2),
    "another memory than the device": lambda: inject(ZEROS, device=small_device(), region=Region(PLAIN, 64)),
    "is not in this memory": lambda: Region(SMALL, 64, 0, np.array([0, 64]), 1),
    "do not ascend": lambda: Region(SMALL, 64, 0, np.array([1, 0]), 1),
    "that these pages can hold": lambda: Region(SMALL, 65, 0, np.array([5]), 1),
    "rows of 4 bytes": lambda: Region(AddressMap(Geometry(1, 1, 1, 1, 4, 1, 8, 8, 4), "RoBaRaCoCh"), 1),
    "expected the partition, 0 … 0, of every subarray": lambda: Device([[]], SMALL, np.ones((1, 2, 1), np.int16)),
    "the array has 8 bytes, its place 64": lambda: Injector(
        small_device(), Region(SMALL, 64), ELEMENTS["uint8"]
    ).run(np.zeros(8, np.uint8)),
}  # fmt: skip


@pytest.mark.parametrize("message", BAD_ARRAYS)
def test_bad_arrays_are_refused(message):
    """Objects, foreign byte order, gaps, unknown types, outputs that do not match."""
    with pytest.raises(InputError, match=message.replace("(", "\\(")):
        BAD_ARRAYS[message]()


@pytest.mark.parametrize("message", BAD_SETTINGS)
def test_bad_settings_are_refused(message):
    """Rates, seeds and places outside of their range."""
    with pytest.raises(ConfigError, match=message):
        BAD_SETTINGS[message]()
    assert not ZEROS.any()


def test_formats_without_a_numpy_type():
    """int4 and bf16 are told apart by name, and flips are counted by bit of their elements."""
    data = np.zeros(1 << 16, np.uint8)
    assert inject(data.copy(), ber=0.01, dtype="int4").by_bit.shape == (4,)
    assert inject(data.copy().view(np.uint16), ber=0.01, dtype="bf16").by_bit.shape == (16,)
    assert inject(data.copy(), ber=0.01).by_bit.sum() == inject(data.copy(), ber=0.01, dtype="int4").by_bit.sum()
    assert inject(data.copy().view(np.float64), ber=0.01).by_bit.shape == (64,)


def test_empty_arrays_have_no_errors():
    """No bytes, no flips, no division by zero."""
    report = inject(np.zeros(0, np.float32), ber=0.5)
    assert (report.flips, report.bits, report.ber) == (0, 0, 0.0)
