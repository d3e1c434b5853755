"""Injection of errors into numpy arrays, in place or while copying, by any number of threads with one result.

The bits that flip follow from the device, the place of the array, and the number of the access alone. So a slice of an
array, put where it lies in the whole, gets the errors of the whole.

Cost: copying with errors runs at the speed of memcpy up to rates near 1e-3 and falls from there; in place, cost follows
the number of flips up to rates near 1e-4; a call costs some 50 µs (`benchmarks/inject.py`). Memory: nothing beyond the
arrays but a few bytes per row, and a copy of the array where failing cells read the row before (precharge failures) in
place.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edensim.approx.correct_kernel import correct
from edensim.approx.correction import NO_RULE, make_rule
from edensim.approx.device import Device
from edensim.approx.element import Element, bytes_of, element_of
from edensim.approx.inject_kernel import inject_units
from edensim.approx.law import CellLaw
from edensim.approx.model import ErrorModel, Uniform
from edensim.approx.region import PLAIN, Region, layout_of
from edensim.approx.tables_kernel import UNCHECKED, Data, Ints, Rule, Work, own_lines
from edensim.errors import ConfigError, InputError
from edensim.jit import LINE_BYTES

PIECE_BYTES = 1 << 28  # of a thread between two looks at Ctrl-C
TURN_BYTES = 1 << 19
"""Taken by a thread at once where there are several: little beside the whole, much beside the start of a copy."""
NEAR_BYTES, FEW = 1 << 16, 16
"""Copied at once where rows lie in pieces and a unit has fewer flips (one unit is where it has more); fetched at once
where errors look at no fewer bits of a unit."""
STREAMED_BYTES = 1 << 24
"""Copies of that size go past the caches, which hold less than both arrays: lines are then not read to be written."""
SMALLEST_SHARE = 1 << 20  # bytes below which a thread more does not pay


@dataclass(frozen=True, eq=False)
class FlipReport:
    """What happened to a tensor in one access.

    Attributes
    ----------
    bits, flips : int
        Bits read, bits that came out wrong (before any correction).
    by_bank : int64 array, shape (channels, banks)
        Flips by bank; `banks` counts through a channel.
    by_bit : int64 array, shape (bits of an element,), or None
        Flips by bit of the element, least significant first, if `details` were asked for.
    corrected : int
        Values replaced because they were implausible.
    """

    bits: int
    flips: int
    by_bank: Ints
    by_bit: Ints | None = None
    corrected: int = 0

    @property
    def ber(self) -> float:
        """Share of the bits that flipped."""
        return self.flips / self.bits if self.bits else 0.0

    def __add__(self, other: FlipReport) -> FlipReport:
        """Report of two parts of a tensor together."""
        both = self.by_bit is not None and other.by_bit is not None
        return FlipReport(
            self.bits + other.bits,
            self.flips + other.flips,
            self.by_bank + other.by_bank,
            self.by_bit + other.by_bit if both else None,  # type: ignore[operator]
            self.corrected + other.corrected,
        )


def inject(
    array: NDArray[Any],
    *,
    ber: float | None = None,
    model: ErrorModel | CellLaw | None = None,
    device: Device | None = None,
    region: Region | None = None,
    address: int = 0,
    seed: int = 0,
    access: int = 0,
    out: NDArray[Any] | None = None,
    dtype: str | None = None,
    bounds: tuple[float, float] | None = None,
    correction: str = "zero",
    threads: int | None = None,
    details: bool = True,
) -> FlipReport:
    """Flip bits of an array as one read of it from approximate memory does.

    Parameters
    ----------
    array : numpy.ndarray
        (u)int8, (u)int16, (u)int32, (u)int64, float16, float32 or float64, C-contiguous, little-endian.
    ber : float, optional
        Plain bit error rate: every bit flips with this probability, anew at every access.
    model : ErrorModel or CellLaw, optional
        An error model, in place of `ber`.
    device : Device, optional
        A memory with its own laws and seed, in place of `ber` and `model`.
    region : Region, optional
        Where the array lies (default: from `address` on).
    address : int
        Byte address of the array in the device.
    seed : int
        The device that `ber` or `model` describe.
    access : int
        Number of the access; another number, another draw of what fails.
    out : numpy.ndarray, optional
        Where the result goes, same shape and dtype; `array` stays as it is. Without it `array` is changed in place.
    dtype : str, optional
        Format of the elements where numpy has none: "int4" (two per byte) or "bf16".
    bounds, correction
        Replace values outside of (lower, upper) by "zero" or "saturate"; see `correction`.
    threads : int, optional
        Threads (default: one per processor, as far as the size pays). The result does not depend on it.
    details : bool
        Also count flips by bit of the element; copying at a rate of 1e-2 then takes about a quarter longer.

    Returns
    -------
    FlipReport

    Raises
    ------
    ConfigError
        Not exactly one of `ber`, `model`, `device`; rates outside 0 … 1, NaN; a place outside of the memory.
    InputError
        Arrays of objects, big-endian, not contiguous, of unknown formats; an `out` that does not match.
    """
    if device is None:
        device = _device(ber, model, seed)
    elif ber is not None or model is not None:
        raise ConfigError("give exactly one of ber, model and device")
    element = element_of(array, dtype)
    rule = make_rule(element, bounds, correction)
    if region is None:
        return _injector(device, array.nbytes, address, element, rule, threads).run(array, access, out, details)
    return Injector(device, region, element, rule, threads).run(array, access, out, details)


class Injector:
    """Injection into arrays that always lie at the same place, prepared once.

    Parameters
    ----------
    device : Device
    region : Region
        Place of the arrays; its length is theirs.
    element : Element
        Format of the elements.
    rule : Rule
        Correction of implausible values.
    threads : int, optional
        Threads (default: one per processor, as far as the size pays).

    Raises
    ------
    ConfigError
        If an element would straddle two bursts, or `threads` is less than 1.
    """

    def __init__(
        self, device: Device, region: Region, element: Element, rule: Rule = NO_RULE, threads: int | None = None
    ) -> None:
        if region.address_map is not device.address_map:
            raise ConfigError("the region belongs to another memory than the device")
        if region.address % max(element.bits // 8, 1):
            raise ConfigError(
                f"address {region.address}: elements of {element.bits} bits must lie at multiples of their size"
            )
        if threads is not None and threads < 1:
            raise ConfigError(f"threads = {threads}: expected at least 1")
        self.device, self.region, self.element, self.rule = device, region, element, rule
        self.layout = layout_of(region, device.reads_previous_row)
        self.rows = device.rows(self.layout.rows)
        bits, several = 8 * self.layout.unit_bytes, max(1, NEAR_BYTES // max(self.layout.unit_bytes, 1))
        flips = max((law.flip_probability() for law in device.laws), default=0.0) * bits
        looks = max((law.weak_probability() for law in device.laws if not law.symmetric), default=0.0) * bits
        self.together, self.fetched = several if flips < FEW else 1, several if looks >= FEW else 0
        self.threads = threads or min(processors(), max(1, region.size_bytes // SMALLEST_SHARE))

    def run(
        self, array: NDArray[Any], access: int = 0, out: NDArray[Any] | None = None, details: bool = True
    ) -> FlipReport:
        """One access: errors into `array`, or into the copy that goes to `out`."""
        if array.nbytes != self.region.size_bytes:
            raise ConfigError(f"the array has {array.nbytes:,} bytes, its place {self.region.size_bytes:,}")
        source = bytes_of(array, written=out is None)
        if out is None:
            target = source
            if self.device.reads_previous_row:
                source = source.copy()
        else:
            _check_out(array, out)
            target = bytes_of(out, "out", written=True)
        streams = out is not None and array.nbytes >= STREAMED_BYTES and self.rule.kind == UNCHECKED
        phase = target.ctypes.data % LINE_BYTES
        data = Data(source, target, out is not None, streams, phase, self.together, self.fetched)
        return self.run_on(data, access, details)

    def run_on(self, data: Data, access: int, details: bool = True) -> FlipReport:
        """One access to data that the layout describes."""
        keys = self.device.keys(access)
        layout, device, bits = self.layout, self.device, self.element.bits
        geometry = device.address_map.geometry
        if layout.scattered and data.copies:
            self._over_bytes(lambda a, b: np.copyto(data.target[a:b], data.source[a:b]), data)
            data = data._replace(copies=False)

        unit_bytes = max(layout.unit_bytes, 1)
        piece = -(-self.threads * PIECE_BYTES // unit_bytes)
        step = piece if self.threads == 1 else max(1, TURN_BYTES // unit_bytes)
        turns = np.arange(0, layout.units, piece).reshape(-1, 1)  # of each piece

        def work() -> tuple[int, int, Ints, Ints]:
            by_bank = own_lines(geometry.channels * geometry.banks, np.int64).reshape(geometry.channels, -1)
            by_bit, flips, corrected = own_lines(bits * details, np.int64), 0, 0
            for k in range(len(turns)):
                found = inject_units(
                    turns[k], step, min((k + 1) * piece, layout.units), data, layout.table, self.rows, device.tables,
                    keys, self.rule, _work(geometry.row_bytes, layout.unit_bytes), by_bank, by_bit, bits - 1,
                )  # fmt: skip
                flips, corrected = flips + found[0], corrected + found[1]
            return flips, corrected, by_bank, by_bit

        found = _on_threads(work, self.threads, lambda: turns.fill(layout.units))
        flips, corrected = sum(part[0] for part in found), sum(part[1] for part in found)
        by_bank, by_bit = found[0][2:]
        for part in found[1:]:
            by_bank, by_bit = by_bank + part[2], by_bit + part[3]
        if layout.scattered and self.rule.kind != UNCHECKED:
            corrected = sum(self._over_bytes(lambda a, b: correct(data.target[a:b], self.rule), data))
        return FlipReport(8 * len(data.target), flips, by_bank, by_bit if details else None, corrected)

    def _over_bytes(self, work: Callable[[int, int], Any], data: Data) -> list[Any]:
        step = PIECE_BYTES if self.threads == 1 else 8 * TURN_BYTES
        return _spread(work, step, len(data.target), self.threads)


def processors() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _device(ber: float | None, model: ErrorModel | CellLaw | None, seed: int) -> Device:
    if model is None and ber is not None:
        return _model_device(Uniform(_rate(ber)), seed)
    if model is None or ber is not None:
        raise ConfigError("give exactly one of ber, model and device")
    if isinstance(model, CellLaw):  # its arrays may change
        return Device([[model]], seed=seed)
    return _model_device(model, seed)


@lru_cache(maxsize=64)
def _model_device(model: ErrorModel, seed: int) -> Device:
    return Device([[model.law(PLAIN.geometry)]], seed=seed)


def _rate(ber: Any) -> float:
    if isinstance(ber, bool) or not isinstance(ber, int | float | np.floating | np.integer) or not 0 <= ber <= 1:
        raise ConfigError(f"ber = {ber!r}: expected a bit error rate from 0 to 1")
    return float(ber)


@lru_cache(maxsize=64)
def _injector(
    device: Device, size_bytes: int, address: int, element: Element, rule: Rule, threads: int | None
) -> Injector:
    return Injector(device, Region(device.address_map, size_bytes, address), element, rule, threads)


def _check_out(array: NDArray[Any], out: Any) -> None:
    if not isinstance(out, np.ndarray) or out.shape != array.shape or out.dtype != array.dtype:
        raise InputError(f"out: expected an array of shape {array.shape} and dtype {array.dtype}")
    if np.may_share_memory(array, out):
        raise InputError("out shares memory with the array; leave it out to inject in place")


def _spread(work: Callable[[int, int], Any], step: int, end: int, threads: int) -> list[Any]:
    """Results of work(start, next start) from 0 to `end`, in any order."""
    starts = iter(range(0, end, step))
    found = _on_threads(lambda: [work(a, min(a + step, end)) for a in starts], threads, lambda: list(starts))
    return [result for part in found for result in part]


def _on_threads(work: Callable[[], Any], threads: int, stop: Callable[[], object]) -> list[Any]:
    """Results of one work that so many threads share, the caller being one of them.

    Whoever comes when all is done is not waited for. `stop` leaves nothing to be done, after an error or Ctrl-C.
    """
    others = [_pool(os.getpid(), threads - 1).submit(work) for _ in range(threads - 1)]
    try:
        found = [work()]
    finally:
        stop()
    return found + [other.result() for other in others if not other.cancel()]


@lru_cache(maxsize=4)
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="edensim-inject")


_own = threading.local()


def _work(row_bytes: int, unit_bytes: int) -> Work:
    """Arrays to work in, of this thread."""
    kept: tuple[tuple[int, int], Work] | None = getattr(_own, "work", None)
    if kept is None or kept[0] != (row_bytes, unit_bytes):
        kept = _own.work = (row_bytes, unit_bytes), Work.of(row_bytes, unit_bytes)
    return kept[1]
