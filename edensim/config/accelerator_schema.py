"""[machine] of an accelerator: its array, its buffer and its link to memory."""

from __future__ import annotations

from typing import Literal

from edensim.config.table import Name, Table, key


class AcceleratorMachine(Table):
    """[machine] of kind "eyeriss" or "tpu": an array of processing elements that moves tiles."""

    preset: Name | None = key(None, "shipped machine to start from")
    kind: Literal["eyeriss", "tpu"] = key(
        ..., "row-stationary array (eyeriss) or systolic weight-stationary array (tpu)"
    )
    source: str = key("", "where the numbers come from")
    array_rows: int = key(..., "rows of processing elements", ge=1, le=4096)
    array_cols: int = key(..., "columns of processing elements", ge=1, le=4096)
    clock_mhz: float = key(..., "clock of the array or the cores", "MHz", ge=1, le=10_000)
    buffer_bytes: int = key(..., "on-chip buffer shared by weights and feature maps", "byte", ge=1024, le=1 << 40)
    double_buffered: bool = key(True, "load the next tile while the present one computes")
    psum_bytes: int = key(4, "bytes of a partial sum, in the buffer and in DRAM if it spills", "byte", ge=1, le=8)
    compute_model: Literal["native", "scalesim_compat"] = key(
        "native", "native: row-stationary passes or weight tiles; scalesim_compat: SCALE-Sim fold formulas"
    )
    dataflow: Literal["row_stationary", "weight_stationary", "output_stationary", "input_stationary"] = key(
        ..., "what stays in the array; scalesim_compat knows the last three"
    )
    dma_outstanding: int = key(64, "read requests under way at once", "request", ge=1, le=4096)
    dma_bytes_per_cycle: float = key(
        ..., "widest transfer between DRAM and buffer per array clock", "byte", ge=0.01, le=65_536
    )
    tiling: Literal["search", "row_stationary"] = key(
        "search",
        "search: tiles of least DRAM traffic; row_stationary: the Eyeriss chip's rules (filters bypass the buffer)",
    )
    tile_goal: Literal["traffic", "time", "traffic_time"] = key(
        "traffic_time", "what tiles minimise: DRAM traffic, estimated time, or the product of both"
    )
    fmaps_in_dram: bool = key(True, "feature maps live in DRAM (false: they stay on chip, as in TPU v1)")
    compression: Literal["none", "rlc"] = key("none", "run-length coding of feature maps in DRAM (Eyeriss)")
    zero_fraction: float = key(0.0, "share of zeros in feature maps, used by compression", "fraction", ge=0, le=1)
    # row-stationary processing elements
    spad_ifm_words: int = key(12, "input words a PE holds", "word", ge=1, le=1 << 24)
    spad_filter_words: int = key(224, "filter words a PE holds", "word", ge=1, le=1 << 24)
    spad_psum_words: int = key(24, "partial sums a PE holds", "word", ge=1, le=1 << 24)
    # weight-stationary systolic array
    weight_fifo_tiles: int = key(4, "weight tiles fetched ahead", "tile", ge=1, le=8)
    accumulators: int = key(4096, "accumulator rows", "row", ge=1, le=1 << 32)
