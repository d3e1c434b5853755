"""The one place that fixes how kernels are compiled, and the few machine instructions they need.

numba's disk cache notices edits of a kernel's own file only, so the cache folder is keyed by a hash of all kernel
sources (everything in `*_kernel.py`, the command numbers and this file), the versions and the processor. With
`NUMBA_DISABLE_JIT=1` every intrinsic is replaced by its plain-Python twin and results are the same.
"""

from __future__ import annotations

import functools
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
from numba.extending import intrinsic, overload  # noqa: E402


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


OPTIONS: Any = {"error_model": "numpy", "nogil": True, "fastmath": False}


def jit(function: Callable[..., Any]) -> Any:
    """Compile a kernel: no fast-math, NumPy error model, GIL released, cached on disk."""
    return nb.njit(cache=True, **OPTIONS)(function)


def jit_inline(function: Callable[..., Any]) -> Any:
    """As `jit`, for a step with a single caller: its body is pasted in, which saves the call (10 % on streams)."""
    return nb.njit(inline="always", cache=True, **OPTIONS)(function)


def choose_kernel(choose: Callable[[Callable[[str], int]], Any]) -> Any:
    """A kernel `f(ch, tab, t)` that is one of several, chosen by the type of the record `ch`.

    `choose` is given a function from field name to length of that nested array and returns a kernel. Unlike a branch
    over lengths within a kernel, this compiles only the one that is needed. Its body becomes part of the caller: a
    call to the chosen kernel would be optimised twice (a third more compile time).
    """

    @functools.wraps(choose)
    def kernel(ch: Any, tab: Any, t: int) -> Any:
        return choose(lambda name: len(ch[name]))(ch, tab, t)

    if not JIT_DISABLED:

        @overload(kernel, jit_options=OPTIONS)
        def compiled(ch, tab, t):  # type: ignore[no-untyped-def]
            return choose(lambda name: ch.fields[name].type.shape[0]).py_func

    return kernel


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
