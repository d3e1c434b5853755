"""The one place that fixes how kernels are compiled, and the few machine instructions they need.

Compiled kernels are kept on disk (see `kernel_cache`). With `NUMBA_DISABLE_JIT=1` every intrinsic is replaced by its
plain-Python twin and results are the same.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import threading
from collections.abc import Callable
from typing import Any

import numba as nb
import numpy as np
from llvmlite import ir
from numba import types
from numba._dispatcher import compute_fingerprint
from numba.core import cgutils
from numba.extending import intrinsic, overload
from numba.np import arrayobj

from edensim import kernel_cache


def _symbol_name(kind: types.Type) -> tuple[str, tuple[str]]:
    """Name of a record type within symbols of compiled code, from all its fields.

    numba takes a number that counts types per process. Two kernels for different records, compiled and cached by
    different processes, then share a symbol, and a third process that loads both jumps into the wrong one.
    """
    return type(kind).__name__, (hashlib.sha256(kind.name.encode()).hexdigest()[:16],)


types.Record.mangling_args = property(_symbol_name)  # type: ignore[assignment]
types.NestedArray.mangling_args = property(_symbol_name)  # type: ignore[assignment,method-assign]

_index_of_numba = arrayobj.fix_integer_index


def _index(context: Any, builder: Any, kind: Any, index: Any, size: Any) -> Any:
    """Kernels index from the front; numba's wrap-around of negative indices would cost up to a fifth of their time.

    It stays as it is in functions that are not edensim's.
    """
    if builder.function.name.startswith("_ZN7edensim"):
        return context.cast(builder, index, kind, types.intp if kind.signed else types.uintp)
    return _index_of_numba(context, builder, kind, index, size)  # type: ignore[no-untyped-call]


arrayobj.fix_integer_index = _index

JIT_DISABLED = bool(nb.config.DISABLE_JIT)  # type: ignore[attr-defined]
LANES = 16
"""Banks are padded to a multiple of this, the width of `raise_lanes`."""
OPTIONS: Any = {"error_model": "numpy", "nogil": True, "fastmath": False, "no_cfunc_wrapper": True}


def jit(function: Callable[..., Any]) -> Any:
    """Compile a kernel: no fast-math, NumPy error model, GIL released, cached on disk."""
    return _compiled(function)


def jit_inline(function: Callable[..., Any]) -> Any:
    """As `jit`, for a step with one or two callers: its body is pasted in, which saves the call (10 % on streams)."""
    return _compiled(function, forceinline=True)


def jit_pasted(function: Callable[..., Any]) -> Any:
    """As `jit_inline`, for a step that is given arrays: numba pastes it in, so they are not counted (`jit_uncounted`).

    That takes a fifth more time to compile than to let LLVM do it.
    """
    return _compiled(function, inline="always")


def _compiled(function: Callable[..., Any], **options: Any) -> Any:
    kernel = nb.njit(**OPTIONS, **options)(function)
    if not JIT_DISABLED:
        _same_for_all_constants(kernel)
        kernel_cache.keep(kernel, function)
    return kernel


def _same_for_all_constants(kernel: Any) -> None:
    """Compile a step once for all values of its arguments.

    numba compiles it for each constant it is called with, and for the constants that loop variables begin with before
    their type is known: together a third of the time of compiling, for no gain in speed.
    """
    typed = kernel.get_call_template

    def widened(args: Any, kws: Any) -> Any:
        widen = types.unliteral
        return typed(tuple(map(widen, args)), {name: widen(kind) for name, kind in kws.items()})  # type: ignore[no-untyped-call]

    kernel.get_call_template = widened


def jit_uncounted(function: Callable[..., Any]) -> Any:
    """As `jit`, without reference counts of arrays; the function and what it calls cannot make arrays.

    Every call otherwise counts each array it is given up and down, with instructions that wait for all memory traffic
    under way and that threads contend for: too dear for steps that are taken once per row, let alone once per bit.
    """
    return _compiled(function, _nrt=False)


_entries: dict[tuple[Any, bytes], Any] = {}


def compiled_for(kernel: Any, arguments: tuple[Any, ...]) -> Any:
    """The kernel as it is compiled for arguments of these types, which nobody looks at again.

    Looking at a dozen arguments takes half a microsecond in every call: as long as a kernel whose work is short.
    """
    if JIT_DISABLED:
        return kernel
    kinds = kernel, compute_fingerprint(arguments)  # a quick name of their types, from which numba finds its own
    if kinds not in _entries:
        _entries[kinds] = kernel.compile(tuple(map(nb.typeof, arguments)))
    return _entries[kinds]


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


def find_lane(words: Any, x: int, key: int, mask: int, count: int) -> int:
    """First k < count <= 16 with `words[x+k] & mask == key` (uint32), or `count`. Reads 16 words."""
    for k in range(count):
        if int(words[x + k]) & mask == key:
            return k
    return count


def push_lanes(words: Any, x: int, last: int, front: int) -> None:
    """`words[x:x+last+1] = [front, *words[x:x+last]]`, last < 16 (uint32). Reads and writes 16 words."""
    words[x + 1 : x + last + 1] = words[x : x + last].copy()
    words[x] = front


# The same for at most 8 lanes: a wider access to neighbouring sets would wait for the one before (store forwarding).
find_lane_8, push_lanes_8 = find_lane, push_lanes


def copy_bytes(target: Any, to: int, source: Any, at: int, count: int) -> None:
    """Copy source[at : at + count] to target[to : to + count]; uint8 arrays that do not overlap, nothing is checked."""
    target[to : to + count] = source[at : at + count]


def view_floats(address: int, rows: int, columns: int) -> Any:
    """Float32 array (rows, columns), contiguous, that lies at an address; whose memory it is must outlive it."""
    return np.ctypeslib.as_array((ctypes.c_float * (rows * columns)).from_address(address)).reshape(rows, columns)


floats_at = view_floats  # in kernels


_turn = threading.Lock()


def take_turn(turns: Any, step: int) -> int:
    """`turns[0]`, which goes up by `step` at once, whichever threads do this at the same time (int64)."""
    with _turn:
        first = int(turns[0])
        turns[0] = first + step
    return first


LINE_BYTES = 64
"""Bytes of a cache line, and of a step of `join_lines` and `copy_lines`."""
AHEAD_BYTES = 8192
"""How far ahead they fetch what they read if they write past the caches: measured, half or twice of it is slower."""
STREAMS, CLEARS, COUNTS = 1, 2, 4
"""Ways of `join_lines`, added up: past the caches, clear the mask, count its bits by place in their line."""
PLANES = 8


def join_lines(
    target: Any, to: int, source: Any, at: int, mask: Any, begin: int, lines: int, planes: Any, ways: int
) -> int:
    """Write `source ^ mask` to `target`, so many lines from the bytes `to`, `at` and `begin` on.

    Returns the bits that were set in the mask. The arrays are uint8. With STREAMS the lines go to memory past the
    caches, without being read first; byte `to` of `target` must then begin a cache line, and `finish_streams` must be
    called when all are under way. With CLEARS the mask is cleared. With COUNTS the bits are also counted by their place
    in a line: bit k of line p of `planes` (PLANES + 1 lines of uint64) is bit p of the number of place k, and its last
    line collects what runs over. It holds one bit only: at most 2^PLANES - 1 lines until it is taken out.
    """
    here = slice(begin, begin + lines * LINE_BYTES)
    target[to : to + lines * LINE_BYTES] = source[at : at + lines * LINE_BYTES] ^ mask[here]
    found = int.from_bytes(mask[here].tobytes()).bit_count()
    if ways & COUNTS:
        kept = planes.reshape(-1, LINE_BYTES // 8)
        for change in mask[here].copy().view(kept.dtype).reshape(-1, LINE_BYTES // 8):
            for p in range(PLANES):
                kept[p], change = kept[p] ^ change, kept[p] & change
            kept[PLANES] |= change
    if ways & CLEARS:
        mask[here] = 0
    return found


def copy_lines(target: Any, to: int, source: Any, at: int, lines: int) -> None:
    """As `join_lines` with STREAMS, without a mask."""
    target[to : to + lines * LINE_BYTES] = source[at : at + lines * LINE_BYTES]


def finish_streams() -> None:
    """Wait until lines that went past the caches can be seen by all threads."""


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

    def _words(context: Any, builder: Any, signature: Any, args: Any, lanes: int) -> Any:
        """Pointer to `lanes` words from `args[1]` on in the uint32 array `args[0]`."""
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.bitcast(builder.gep(data, [args[1]]), ir.VectorType(ir.IntType(32), lanes).as_pointer())

    def _spread(builder: Any, value: Any, lanes: int) -> Any:
        """An int64 in all lanes, as int32."""
        none = ir.Constant(ir.VectorType(ir.IntType(32), lanes), ir.Undefined)
        one = builder.insert_element(none, builder.trunc(value, ir.IntType(32)), ir.Constant(ir.IntType(32), 0))
        return builder.shuffle_vector(one, none, ir.Constant(none.type, [0] * lanes))

    def _find_lane(lanes: int) -> Any:
        def find_lane(typing_context, words, x, key, mask, count):  # type: ignore[no-untyped-def]
            def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
                i64 = ir.IntType(64)
                held = builder.load(_words(context, builder, signature, args, lanes), align=4)
                held = builder.and_(held, _spread(builder, args[3], lanes))
                same = builder.icmp_unsigned("==", held, _spread(builder, args[2], lanes))
                bits = builder.zext(builder.bitcast(same, ir.IntType(lanes)), i64)
                end = builder.shl(ir.Constant(i64, 1), args[4])
                inside = builder.and_(bits, builder.sub(end, ir.Constant(i64, 1)))
                return builder.cttz(builder.or_(inside, end), ir.Constant(ir.IntType(1), 1))

            return types.int64(words, types.int64, types.int64, types.int64, types.int64), generate

        return intrinsic(find_lane)

    def _push_lanes(lanes: int) -> Any:
        def push_lanes(typing_context, words, x, last, front):  # type: ignore[no-untyped-def]
            def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
                pointer = _words(context, builder, signature, args, lanes)
                held = builder.load(pointer, align=4)
                order = ir.Constant(held.type, [lanes, *range(lanes - 1)])
                moved = builder.shuffle_vector(held, _spread(builder, args[3], lanes), order)
                lane = ir.Constant(held.type, list(range(lanes)))
                moves = builder.icmp_unsigned("<=", lane, _spread(builder, args[2], lanes))
                builder.store(builder.select(moves, moved, held), pointer, align=4)
                return context.get_dummy_value()

            return types.void(words, types.int64, types.int64, types.int64), generate

        return intrinsic(push_lanes)

    find_lane, push_lanes = _find_lane(LANES), _push_lanes(LANES)
    find_lane_8, push_lanes_8 = _find_lane(8), _push_lanes(8)

    @intrinsic
    def copy_bytes(typing_context, target, to, source, at, count):  # type: ignore[no-untyped-def]  # noqa: F811, D103
        # The C library knows how to copy without reading the target's cache lines first; a loop does not.
        def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
            i1, text, i64 = ir.IntType(1), ir.IntType(8).as_pointer(), ir.IntType(64)
            copy = builder.module.declare_intrinsic("llvm.memcpy", [text, text, i64])
            goes, comes = (_bytes_at(context, builder, signature, args, k) for k in (0, 2))
            builder.call(copy, [goes, comes, args[4], ir.Constant(i1, 0)])
            return context.get_dummy_value()

        return types.void(target, types.int64, source, types.int64, types.int64), generate

    @intrinsic
    def floats_at(typing_context, address, rows, columns):  # type: ignore[no-untyped-def]  # noqa: F811, D103
        kind = types.Array(types.float32, 2, "C")

        def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
            array = context.make_array(kind)(context, builder)
            size = context.get_constant(types.intp, 4)
            data = builder.inttoptr(args[0], array.data.type)
            strides = [builder.mul(args[2], size), size]
            arrayobj.populate_array(array, data, list(args[1:]), strides, size, None)  # type: ignore[no-untyped-call]
            return array._getvalue()

        return kind(types.int64, types.int64, types.int64), generate

    @intrinsic
    def take_turn(typing_context, turns, step):  # type: ignore[no-untyped-def]  # noqa: F811, D103
        def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
            counter = context.make_array(signature.args[0])(context, builder, args[0]).data
            return builder.atomic_rmw("add", counter, args[1], "monotonic")

        return types.int64(turns, types.int64), generate

    _WIDE = ir.VectorType(ir.IntType(64), LINE_BYTES // 8)

    def _over_lines(builder: Any, lines: Any, state: Any, step: Any) -> Any:
        """Loop over lines: `step(offset, state)` makes the body; it returns new vectors, this the last."""
        i64, before, function = ir.IntType(64), builder.block, builder.function
        head, body, end = (function.append_basic_block(f"lines.{name}") for name in ("head", "body", "end"))
        builder.branch(head)
        builder.position_at_end(head)
        line = builder.phi(i64)
        line.add_incoming(ir.Constant(i64, 0), before)
        so_far = [builder.phi(_WIDE) for _ in state]
        for now, first in zip(so_far, state, strict=True):
            now.add_incoming(first, before)
        builder.cbranch(builder.icmp_signed("<", line, lines), body, end)
        builder.position_at_end(body)
        for now, new in zip(so_far, step(builder.mul(line, ir.Constant(i64, LINE_BYTES)), so_far), strict=True):
            now.add_incoming(new, body)
        line.add_incoming(builder.add(line, ir.Constant(i64, 1)), body)
        builder.branch(head)
        builder.position_at_end(end)
        return so_far

    def _bytes_at(context: Any, builder: Any, signature: Any, args: Any, k: int) -> Any:
        """Pointer to byte `args[k + 1]` of the array `args[k]`."""
        data = context.make_array(signature.args[k])(context, builder, args[k]).data
        return builder.gep(builder.bitcast(data, ir.IntType(8).as_pointer()), [args[k + 1]])

    def _line_at(builder: Any, start: Any, offset: Any) -> Any:
        return builder.bitcast(builder.gep(start, [offset]), _WIDE.as_pointer())

    def _past_caches(builder: Any, store: Any, read: Any) -> None:
        """Make a store go past the caches, and begin to fetch what lies `AHEAD_BYTES` after the line just read.

        The processor itself stops fetching ahead at the end of a page, and when it guesses a branch wrong.
        """
        i32 = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [read.type, i32, i32, i32])
        fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")  # type: ignore[no-untyped-call]
        will_write, nearest_cache, of_data = 0, 3, 1
        place = builder.gep(read, [ir.Constant(ir.IntType(64), AHEAD_BYTES // LINE_BYTES)])
        builder.call(fetch, [place, *(ir.Constant(i32, x) for x in (will_write, nearest_cache, of_data))])
        store.set_metadata("nontemporal", builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)]))

    @intrinsic(prefer_literal=True)
    def join_lines(typing_context, target, to, source, at, mask, begin, lines, planes, ways):  # type: ignore[no-untyped-def]  # noqa: F811, D103
        if not isinstance(ways, types.Literal):
            return None
        streams, clears, counts = (bool(ways.literal_value & way) for way in (STREAMS, CLEARS, COUNTS))

        def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
            goes, comes, masks = (_bytes_at(context, builder, signature, args, k) for k in (0, 2, 4))
            data = context.make_array(signature.args[7])(context, builder, args[7]).data
            numbers = builder.bitcast(data, ir.IntType(8).as_pointer())
            places = [
                _line_at(builder, numbers, ir.Constant(ir.IntType(64), p * LINE_BYTES))
                for p in range((PLANES + 1) * counts)
            ]
            count, total = (
                cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [_WIDE]), f"llvm.{name}.v8i64")  # type: ignore[no-untyped-call]
                for kind, name in ((_WIDE, "ctpop"), (ir.IntType(64), "vector.reduce.add"))
            )

            def step(offset: Any, state: Any) -> Any:
                found, *kept = state
                stored = _line_at(builder, comes, offset)
                old = builder.load(stored, align=1)
                place = _line_at(builder, masks, offset)
                change = builder.load(place, align=1)
                if clears:
                    builder.store(ir.Constant(_WIDE, None), place, align=1)
                goal = _line_at(builder, goes, offset)
                store = builder.store(builder.xor(old, change), goal, align=LINE_BYTES if streams else 1)
                if streams:
                    _past_caches(builder, store, stored)
                found = builder.add(found, builder.call(count, [change]))
                for p in range(PLANES * counts):
                    kept[p], change = builder.xor(kept[p], change), builder.and_(kept[p], change)
                if counts:
                    kept[PLANES] = builder.or_(kept[PLANES], change)
                return [found, *kept]

            state = [ir.Constant(_WIDE, None), *(builder.load(place, align=8) for place in places)]
            found, *kept = _over_lines(builder, args[6], state, step)
            for number, place in zip(kept, places, strict=True):
                builder.store(number, place, align=8)
            return builder.call(total, [found])

        i64 = types.int64
        return i64(target, i64, source, i64, mask, i64, i64, planes, ways), generate

    @intrinsic
    def copy_lines(typing_context, target, to, source, at, lines):  # type: ignore[no-untyped-def]  # noqa: F811, D103
        def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
            goes, comes = (_bytes_at(context, builder, signature, args, k) for k in (0, 2))

            def step(offset: Any, state: Any) -> Any:
                stored = _line_at(builder, comes, offset)
                old = builder.load(stored, align=1)
                store = builder.store(old, _line_at(builder, goes, offset), align=LINE_BYTES)
                _past_caches(builder, store, stored)
                return state

            _over_lines(builder, args[4], [], step)
            return context.get_dummy_value()

        return types.void(target, types.int64, source, types.int64, types.int64), generate

    @intrinsic
    def finish_streams(typing_context):  # type: ignore[no-untyped-def]  # noqa: F811, D103
        def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
            builder.fence("seq_cst")
            return context.get_dummy_value()

        return types.void(), generate
