"""The one place that fixes how kernels are compiled, and the few machine instructions they need.

numba's disk cache notices edits of a kernel's own file only, so the cache folder is keyed by a hash of all kernel
sources (everything in `*_kernel.py`, the command numbers and this file), the versions and the processor. With
`NUMBA_DISABLE_JIT=1` every intrinsic is replaced by its plain-Python twin and results are the same.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


def kernel_source_hash() -> str:
    """SHA-256 (16 digits) over all sources that are compiled into kernels."""
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted([*root.rglob("*_kernel.py"), root / "dram" / "commands.py", Path(__file__)]):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def cache_root() -> Path:
    """Folder for everything edensim caches: `$EDENSIM_CACHE`, else the user's cache folder."""
    if "EDENSIM_CACHE" in os.environ:
        return Path(os.environ["EDENSIM_CACHE"])
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "edensim"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "edensim"


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _choose_cache_folder() -> Path:
    key = f"{kernel_source_hash()}-py{sys.version_info[0]}{sys.version_info[1]}-{platform.machine()}"
    folder = cache_root() / "kernels" / key
    if not _writable(folder):
        folder = Path(tempfile.gettempdir()) / f"edensim-kernels-{os.getuid() if hasattr(os, 'getuid') else 0}" / key
        folder.mkdir(parents=True, exist_ok=True)
    return folder


CACHE_FOLDER = Path(os.environ.setdefault("NUMBA_CACHE_DIR", str(_choose_cache_folder())))

import numba as nb  # noqa: E402  (the cache folder must be set before numba reads it)
from llvmlite import ir  # noqa: E402
from numba import types  # noqa: E402
from numba.core import cgutils  # noqa: E402
from numba.extending import intrinsic  # noqa: E402


def _symbol_name(kind: types.Type) -> tuple[str, tuple[str]]:
    """Name of a record type within symbols of compiled code, from all its fields.

    numba takes a number that counts types per process. Two kernels for different records, compiled and cached by
    different processes, then share a symbol, and a third process that loads both jumps into the wrong one.
    """
    return type(kind).__name__, (hashlib.sha256(kind.name.encode()).hexdigest()[:16],)


types.Record.mangling_args = property(_symbol_name)  # type: ignore[assignment]
types.NestedArray.mangling_args = property(_symbol_name)  # type: ignore[assignment,method-assign]

JIT_DISABLED = bool(nb.config.DISABLE_JIT)  # type: ignore[attr-defined]
LANES = 16
"""Banks are padded to a multiple of this, the width of `raise_lanes`."""


def jit(function: Callable[..., Any]) -> Any:
    """Compile a kernel: no fast-math, NumPy error model, GIL released, cached on disk."""
    return nb.njit(cache=True, error_model="numpy", nogil=True, fastmath=False)(function)


def jit_inline(function: Callable[..., Any]) -> Any:
    """As `jit`, for a step with a single caller: its body is pasted in, which saves the call (10 % on streams)."""
    return nb.njit(inline="always", cache=True, error_model="numpy", nogil=True, fastmath=False)(function)


def jit_uncounted(function: Callable[..., Any]) -> Any:
    """As `jit`, without reference counts of arrays; the function and what it calls cannot make arrays.

    Every call otherwise counts each array it is given up and down, with instructions that wait for all memory traffic
    under way and that threads contend for: too dear for steps that are taken once per row, let alone once per bit.
    """
    return nb.njit(cache=True, error_model="numpy", nogil=True, fastmath=False, _nrt=False)(  # type: ignore[call-overload]
        function
    )


def lowest_bit(mask: int) -> int:
    """Index of the lowest set bit of a non-zero int64."""
    return (int(mask) & -int(mask)).bit_length() - 1


def count_bits(mask: int) -> int:
    """Number of set bits of a non-negative int64."""
    return int(mask).bit_count()


def raise_lanes(times: Any, x: int, delay: Any, y: int, since: int) -> None:
    """`times[x:x+16] = max(times[x:x+16], since + delay[y:y+16])`; times int64, delay int32."""
    for k in range(LANES):
        times[x + k] = max(times[x + k], since + delay[y + k])


def copy_bytes(target: Any, to: int, source: Any, at: int, count: int) -> None:
    """Copy source[at : at + count] to target[to : to + count]; uint8 arrays that do not overlap, nothing is checked."""
    target[to : to + count] = source[at : at + count]


def prefetch(data: Any, at: int, written: int) -> None:
    """Begin to fetch the cache line of byte `at` of an array, soon to be read (written 0) or written (1)."""


if not JIT_DISABLED:

    @intrinsic
    def lowest_bit(typing_context, mask):  # type: ignore[no-untyped-def]  # noqa: F811, D103
        def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
            return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

        return types.int64(types.int64), generate

    @intrinsic
    def count_bits(typing_context, mask):  # type: ignore[no-untyped-def]  # noqa: F811, D103
        def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
            return builder.ctpop(args[0])

        return types.int64(types.int64), generate

    @intrinsic
    def raise_lanes(typing_context, times, x, delay, y, since):  # type: ignore[no-untyped-def]  # noqa: F811, D103
        # numba cannot promise LLVM that the two arrays are disjoint, so the plain loop would stay scalar.
        def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
            i32, i64 = ir.IntType(32), ir.IntType(64)

            def pointer(k, kind):  # type: ignore[no-untyped-def]
                data = context.make_array(signature.args[k])(context, builder, args[k]).data
                return builder.bitcast(builder.gep(data, [args[k + 1]]), ir.VectorType(kind, LANES).as_pointer())

            wide = ir.VectorType(i64, LANES)
            none = ir.Constant(wide, ir.Undefined)
            add = builder.sext(builder.load(pointer(2, i32), align=4), wide)  # type: ignore[no-untyped-call]
            one = builder.insert_element(none, args[4], ir.Constant(i32, 0))
            spread = ir.Constant(ir.VectorType(i32, LANES), [0] * LANES)
            new = builder.add(add, builder.shuffle_vector(one, none, spread))
            target = pointer(0, i64)  # type: ignore[no-untyped-call]
            old = builder.load(target, align=8)
            builder.store(builder.select(builder.icmp_signed(">", new, old), new, old), target, align=8)
            return context.get_dummy_value()

        return types.void(times, types.int64, delay, types.int64, types.int64), generate

    @intrinsic
    def copy_bytes(typing_context, target, to, source, at, count):  # type: ignore[no-untyped-def]  # noqa: F811, D103
        # The C library knows how to copy without reading the target's cache lines first; a loop does not.
        def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
            i1, i8, i64 = ir.IntType(1), ir.IntType(8), ir.IntType(64)

            def pointer(k):  # type: ignore[no-untyped-def]
                data = context.make_array(signature.args[k])(context, builder, args[k]).data
                return builder.gep(builder.bitcast(data, i8.as_pointer()), [args[k + 1]])

            copy = builder.module.declare_intrinsic("llvm.memcpy", [i8.as_pointer(), i8.as_pointer(), i64])
            builder.call(copy, [pointer(0), pointer(2), args[4], ir.Constant(i1, 0)])  # type: ignore[no-untyped-call]
            return context.get_dummy_value()

        return types.void(target, types.int64, source, types.int64, types.int64), generate

    @intrinsic(prefer_literal=True)
    def prefetch(typing_context, data, at, written):  # type: ignore[no-untyped-def]  # noqa: F811, D103
        if not isinstance(written, types.Literal):
            return None
        will_write = written.literal_value

        def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
            i32, text = ir.IntType(32), ir.IntType(8).as_pointer()
            start = context.make_array(signature.args[0])(context, builder, args[0]).data
            place = builder.gep(builder.bitcast(start, text), [args[1]])
            kind = ir.FunctionType(ir.VoidType(), [text, i32, i32, i32])
            module = builder.module
            fetch = cgutils.get_or_insert_function(module, kind, "llvm.prefetch.p0")  # type: ignore[no-untyped-call]
            near_cache, of_data = 2, 1
            builder.call(fetch, [place, *(ir.Constant(i32, x) for x in (will_write, near_cache, of_data))])
            return context.get_dummy_value()

        return types.void(data, types.int64, written), generate
