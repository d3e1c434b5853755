"""What a thread block of a kernel asks of memory, step by step, as requests of one line and a mask of 32-byte sectors.

Two kinds of kernels:

* GEMM, a convolution as an implicit matrix product (cuDNN's implicit GEMM, CUTLASS): a block makes `tile_m` filters of
  `tile_n` pixels. Step k loads `tile_k` columns of the weights and the same rows of the patch matrix, which exists only
  as addresses. The block ends by storing its tile.
* STREAM, anything element by element (pooling, sums, copies, activations, depthwise convolutions): a block reads its
  share of each input and writes its share of the output.

A warp's load becomes one request per line it touches (coalescing). Weights, and all maps with the channels last, are
loaded 16 bytes per lane; maps with the channels first 4 bytes per lane, along the pixels. Nothing is merged across
warps, because the first-level cache is not used by such loads. Sectors that a store fills only in part count as full.
"""

from __future__ import annotations

import numpy as np

from edensim.jit import jit

GEMM, STREAM = range(2)
SECTOR = 32
LANE_BYTES, WARP = 16, 32
PLAIN_BYTES = 4
STREAMS = 4
# a request: line << 24 | sectors << 16 | kind of tensor << 14 | tensor
LINE_SHIFT, MASK_SHIFT, KIND_SHIFT, TENSOR_MASK = 24, 16, 14, 0xFFFF
LAUNCH_FIELDS = """kind ctas steps slots step_time bits line_shift channels_last
    tile_m tile_n tile_k tiles_m tiles_n M N K C H W R S P Q stride_h stride_w pad_top pad_left dilation_h dilation_w
    channels filters weights ifm ofm weights_tensor ifm_tensor ofm_tensor inputs""".split()
STREAM_FIELDS = ("stream_base", "stream_bytes", "stream_halo", "stream_tensor")  # place 0: the output
LAUNCH = np.dtype(
    (
        np.record,
        [(name, np.int64) for name in LAUNCH_FIELDS] + [(name, np.int64, (STREAMS,)) for name in STREAM_FIELDS],
    )
)
"""A kernel: `ctas` blocks of `steps` steps of `step_time` clocks, `slots` blocks per SM at once; shapes; places.

`weights`, `ifm`, `ofm`: byte addresses; `*_tensor`: kind and number of a tensor. M filters and C channels per group;
N pixels of the whole batch.
"""


@jit
def touch(launch, out, n, first, last, tensor):
    """Append bytes [first, last] to the requests; joins the one before if `n` allows it and the line is the same.

    `n` counts requests in its upper part; its lowest bit is set when the last request is of the same warp.
    """
    sector = first >> 5
    end = last >> 5
    joins = n & 1
    n >>= 1
    per_line = launch.line_shift - 5
    while sector <= end:
        line = sector >> per_line
        bit = 1 << ((sector & ((1 << per_line) - 1)) + MASK_SHIFT)
        if joins and out[n - 1] >> LINE_SHIFT == line:
            out[n - 1] |= bit
        else:
            out[n] = (line << LINE_SHIFT) | bit | tensor
            n += 1
            joins = 1
        sector += 1
    return (n << 1) | 1


@jit
def weight_requests(launch, group, m0, k0, out, n):
    """Rows m0.. and columns k0.. of the weight matrix [filters][K], 16 bytes per lane."""
    rows = min(launch.tile_m, launch.M - m0)
    width = min(launch.tile_k, launch.K - k0)
    per_warp = max(1, WARP * LANE_BYTES * 8 // (launch.tile_k * launch.bits))
    for row in range(rows):
        if row % per_warp == 0:
            n &= ~1
        first = (group * launch.M + m0 + row) * launch.K + k0
        begin = launch.weights + (first * launch.bits >> 3)
        end = launch.weights + ((first + width) * launch.bits - 1 >> 3)
        n = touch(launch, out, n, begin, end, launch.weights_tensor)
    return n


@jit
def patches_first(launch, group, n0, k0, out, n):
    """Rows k0.. and pixels n0.. of the patch matrix of a map [image][channel][row][column]."""
    per_warp = WARP * PLAIN_BYTES * 8 // launch.bits
    pixels = launch.P * launch.Q
    taps = launch.R * launch.S
    for k in range(k0, min(k0 + launch.tile_k, launch.K)):
        channel = k // taps
        r = k % taps // launch.S
        s = k % launch.S
        image = n0 // pixels
        p = n0 % pixels // launch.Q
        q = n0 % launch.Q
        for j in range(min(launch.tile_n, launch.N - n0)):
            if j % per_warp == 0:
                n &= ~1
            h = p * launch.stride_h - launch.pad_top + r * launch.dilation_h
            w = q * launch.stride_w - launch.pad_left + s * launch.dilation_w
            if 0 <= h < launch.H and 0 <= w < launch.W:
                x = ((image * launch.channels + group * launch.C + channel) * launch.H + h) * launch.W + w
                begin = launch.ifm + (x * launch.bits >> 3)
                n = touch(launch, out, n, begin, launch.ifm + ((x + 1) * launch.bits - 1 >> 3), launch.ifm_tensor)
            q += 1
            if q == launch.Q:
                q = 0
                p += 1
                if p == launch.P:
                    p = 0
                    image += 1
    return n


@jit
def patches_last(launch, group, n0, k0, out, n):
    """The same of a map [image][row][column][channel]: runs of channels of one tap."""
    per_warp = max(1, WARP * LANE_BYTES * 8 // (launch.tile_k * launch.bits))
    pixels = launch.P * launch.Q
    for j in range(min(launch.tile_n, launch.N - n0)):
        if j % per_warp == 0:
            n &= ~1
        image = (n0 + j) // pixels
        p = (n0 + j) % pixels // launch.Q
        q = (n0 + j) % launch.Q
        k = k0
        last = min(k0 + launch.tile_k, launch.K)
        while k < last:
            channel = k % launch.C
            tap = k // launch.C
            count = min(last - k, launch.C - channel)
            h = p * launch.stride_h - launch.pad_top + tap // launch.S * launch.dilation_h
            w = q * launch.stride_w - launch.pad_left + tap % launch.S * launch.dilation_w
            if 0 <= h < launch.H and 0 <= w < launch.W:
                x = ((image * launch.H + h) * launch.W + w) * launch.channels + group * launch.C + channel
                begin = launch.ifm + (x * launch.bits >> 3)
                end = launch.ifm + ((x + count) * launch.bits - 1 >> 3)
                n = touch(launch, out, n, begin, end, launch.ifm_tensor)
            k += count
    return n


@jit
def tile_stores(launch, group, m0, n0, out, n):
    """The output tile of a block."""
    rows = min(launch.tile_m, launch.M - m0)
    columns = min(launch.tile_n, launch.N - n0)
    if launch.channels_last:
        per_warp = max(1, WARP * LANE_BYTES * 8 // (launch.tile_m * launch.bits))
        for j in range(columns):
            if j % per_warp == 0:
                n &= ~1
            x = (n0 + j) * launch.filters + group * launch.M + m0
            begin = launch.ofm + (x * launch.bits >> 3)
            n = touch(launch, out, n, begin, launch.ofm + ((x + rows) * launch.bits - 1 >> 3), launch.ofm_tensor)
        return n
    per_warp = WARP * PLAIN_BYTES * 8 // launch.bits
    pixels = launch.P * launch.Q
    for row in range(rows):
        j = 0
        while j < columns:
            n &= ~1
            image = (n0 + j) // pixels
            pixel = (n0 + j) % pixels
            count = min(min(columns - j, per_warp - j % per_warp), pixels - pixel)
            x = (image * launch.filters + group * launch.M + m0 + row) * pixels + pixel
            begin = launch.ofm + (x * launch.bits >> 3)
            n = touch(launch, out, n, begin, launch.ofm + ((x + count) * launch.bits - 1 >> 3), launch.ofm_tensor)
            j += count
    return n


@jit
def share(launch, cta, stream, out, n):
    """The part of a stream that belongs to a block, with `stream_halo` bytes more on either side."""
    total = launch.stream_bytes[stream]
    begin = max(0, total * cta // launch.ctas - launch.stream_halo[stream])
    end = min(total, total * (cta + 1) // launch.ctas + launch.stream_halo[stream])
    if end > begin:
        base = launch.stream_base[stream]
        n = touch(launch, out, n & ~1, base + begin, base + end - 1, launch.stream_tensor[stream])
    return n


@jit
def step_requests(launch, cta, step, out):
    """Put the requests of a step of a block into `out` (int64); step `steps` are the stores. Returns how many."""
    n = 0
    if launch.kind == STREAM:
        if step == launch.steps:
            return share(launch, cta, 0, out, n) >> 1
        for stream in range(1, launch.inputs + 1):
            n = share(launch, cta, stream, out, n)
        return n >> 1
    group = cta // (launch.tiles_m * launch.tiles_n)
    tile = cta % (launch.tiles_m * launch.tiles_n)
    m0 = tile % launch.tiles_m * launch.tile_m
    n0 = tile // launch.tiles_m * launch.tile_n
    if step == launch.steps:
        return tile_stores(launch, group, m0, n0, out, n) >> 1
    n = weight_requests(launch, group, m0, step * launch.tile_k, out, n)
    if launch.channels_last:
        n = patches_last(launch, group, n0, step * launch.tile_k, out, n & ~1)
    else:
        n = patches_first(launch, group, n0, step * launch.tile_k, out, n & ~1)
    return n >> 1
