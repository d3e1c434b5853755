"""[machine] of kind "cpu": cores with their windows, the caches behind them, and how the code of a layer is written."""

from __future__ import annotations

from typing import Literal

from edensim.config.table import Name, Table, key

Style = Literal["darknet", "darknet_tiled", "openblas", "onednn", "onednn_prepacked", "fbgemm"]
STYLE_DOC = (
    "darknet: im2col and unblocked loops; darknet_tiled: the same in register tiles; openblas: im2col and Goto's "
    "blocked product; onednn: direct convolution, arrays reordered on every call (onednn_prepacked: never); "
    "fbgemm: int8 with packed panels"
)


class Cache(Table):
    """[machine.cache.NAME]: one level, l1 to l8 from the cores outwards."""

    size_bytes: int = key(..., "capacity; of a private cache, per core", "byte", ge=64, le=1 << 29)
    ways: int = key(..., "places per set (a power of two under plru)", ge=1, le=32)
    latency_cycles: int = key(..., "load to use, when this level has the line", "clock", ge=0, le=1000)
    shared: bool = key(False, "one for all cores (all levels below it too); else one per core")
    policy: Literal["lru", "plru", "random"] = key("lru", "which line leaves a full set")
    inclusive: bool = key(False, "a line that leaves here leaves the levels above too")
    hashed: bool = key(False, "upper address bits are folded into the set index, as sliced caches do")
    prefetcher: Literal["none", "stream", "stride"] = key(
        "none", "stream: neighbouring lines of a page; stride: constant steps of one array"
    )
    prefetch_degree: int = key(2, "lines brought in per access", "line", ge=1, le=16)
    prefetch_distance: int = key(1, "steps ahead of the access that the first of them lies", ge=1, le=64)


class CpuMachine(Table):
    """[machine] of kind "cpu": cores behind caches."""

    preset: Name | None = key(None, "shipped machine to start from")
    kind: Literal["cpu"] = key(..., "cores behind caches (cpu)")
    source: str = key("", "where the numbers come from")
    cores: int = key(1, "cores; each runs images of the batch by itself", ge=1, le=8)
    clock_mhz: float = key(..., "clock of the array or the cores", "MHz", ge=1, le=10_000)
    width: int = key(..., "instructions issued per clock", ge=1, le=16)
    window: int = key(..., "instructions in flight behind an outstanding load (reorder buffer)", ge=1, le=4096)
    loads: int = key(64, "outstanding loads (load queue)", ge=1, le=512)
    stores: int = key(32, "outstanding stores (store queue)", ge=1, le=512)
    misses: int = key(..., "lines fetched from memory at once (miss registers of a core)", ge=1, le=64)
    memory_ns: float = key(
        0.0, "from the last cache to the memory controller and back, whatever the memory does", "ns", ge=0, le=1000
    )
    cache: dict[str, Cache] = key(..., "levels of cache, l1 nearest to the cores")
    code: Style = key("openblas", STYLE_DOC)
    extrapolate: bool = key(
        False,
        "run only part of long outermost loops: once two blocks of iterations miss the caches alike, a few stand "
        "for those that follow (darknet, darknet_tiled; not with [errors], which need every read)",
    )
    layer_code: dict[str, Style] = key({}, 'style of single layers, e.g. {"conv1" = "onednn"}')

    @property
    def buffer_bytes(self) -> int:
        """Capacity of the last cache."""
        return max((level.size_bytes for level in self.cache.values()), default=0)
