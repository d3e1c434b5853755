"""The numbers of a GPU as its kernels see them, and how many thread blocks an SM holds at once.

Modelled: blocks limited by threads, registers, shared memory and block slots. Not modelled: how registers and shared
memory are rounded to allocation units.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from edensim.errors import ConfigError

ACCUMULATOR_BYTES = 4
MOST_REQUESTS = 1 << 15  # of a step


@dataclass(frozen=True)
class Tile:
    """A GEMM kernel: filters x pixels of a block, products per step and accumulator, threads."""

    m: int
    n: int
    k: int
    threads: int

    @classmethod
    def parse(cls, text: str, where: str = "machine.tiles") -> Tile:
        """Read "128x128x8/256": filters x pixels x depth / threads."""
        shape, slash, threads = text.partition("/")
        try:
            m, n, k = (int(x) for x in shape.split("x"))
            tile = cls(m, n, k, int(threads))
        except ValueError:
            slash = ""
        if not slash or min(m, n, k, tile.threads) < 1 or tile.threads % 32 or tile.threads > 1024:
            raise ConfigError(
                f'{where}: found "{text}"; expected filters x pixels x depth / threads such as "128x128x8/256", with '
                "32 to 1024 threads, a multiple of 32"
            )
        if m * n > MOST_REQUESTS or (m + n) * k > MOST_REQUESTS:
            raise ConfigError(
                f'{where}: found "{text}"; expected at most {MOST_REQUESTS} outputs and at most {MOST_REQUESTS} '
                "elements loaded per step"
            )
        return tile


@dataclass(frozen=True)
class Device:
    """A GPU.

    Parameters
    ----------
    clock_mhz : Fraction
        Of the SMs, the crossbar and the second-level cache.
    sms : int
        Streaming multiprocessors.
    macs_per_cycle : dict of str to int
        Multiply-accumulates of an SM per clock, by precision.
    lanes : int
        Elements an SM handles per clock in element-wise kernels.
    threads, registers, shared_bytes, blocks : int
        What an SM has for its blocks; `blocks` is the most it holds.
    thread_registers : int
        Registers of a thread of a GEMM kernel beside its accumulators.
    stages : int
        Tiles of loads in flight and in use per block: 1 none ahead, 2 double buffered …
    tiles : tuple of Tile
        GEMM kernels to choose from.
    channels_last : bool
        Maps lie as [image][row][column][channel], else [image][channel][row][column].
    sm_bytes : Fraction
        Data an SM receives per clock.
    line_bytes : int
        Of the second-level cache.
    """

    clock_mhz: Fraction
    sms: int
    macs_per_cycle: dict[str, int]
    lanes: int
    threads: int
    registers: int
    shared_bytes: int
    blocks: int
    thread_registers: int
    stages: int
    tiles: tuple[Tile, ...]
    channels_last: bool
    sm_bytes: Fraction
    line_bytes: int

    def occupancy(self, tile: Tile, bits: int) -> int:
        """Blocks of a GEMM kernel that an SM holds at once; 0 if not even one fits."""
        accumulators = -(-tile.m * tile.n * ACCUMULATOR_BYTES // (4 * tile.threads))
        registers = min(255, accumulators + self.thread_registers) * tile.threads
        shared = self.stages * (tile.m + tile.n) * tile.k * bits // 8
        return min(
            self.blocks, self.threads // tile.threads, self.registers // registers, self.shared_bytes // max(1, shared)
        )

    def block_slots(self, threads: int) -> int:
        """Blocks of an element-wise kernel that an SM holds at once."""
        return max(1, min(self.blocks, self.threads // threads))
