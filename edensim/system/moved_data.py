"""What the data that really move look like: ones, edges on the pins, differences from burst to burst.

Every column command is looked at, in the order in which they were issued; reads as they arrive, bit errors included.
The bus is taken to hold the last beat until the next burst of its channel, whatever its direction, and zeros before the
first. Not modelled: inversion (the pins see the data as they are, `edensim.dram.interface` inverts in the mean), check
bits, writes that replaced one another in the write queue.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edensim.dram.data_dependence import BurstData, Moved

READ, WRITE = range(2)


class MovedData:
    """Counts over the bursts of all data buses.

    Parameters
    ----------
    buses : int
        Independent data buses: channels and pseudo-channels.
    burst_bytes, beat_bytes : int
        Bytes of a burst, and of one beat on the pins.
    """

    def __init__(self, buses: int, burst_bytes: int, beat_bytes: int) -> None:
        self.beat_bytes = beat_bytes
        self.bits = 8 * burst_bytes
        self.bursts, self.ones, self.edges, self.differing = (np.zeros(2, np.int64) for _ in range(4))
        self._last = np.zeros((buses, burst_bytes), np.uint8)

    def see(self, bus: NDArray[np.int64], is_read: NDArray[np.bool_], data: NDArray[np.uint8]) -> None:
        """Take bursts in order: their bus, direction and bytes, uint8 [bursts, burst_bytes]."""
        for b in np.unique(bus):
            mine = bus == b
            self._see(b, np.where(is_read[mine], READ, WRITE), data[mine])

    def _see(self, bus: int, direction: NDArray[np.int64], data: NDArray[np.uint8]) -> None:
        before = np.concatenate([self._last[bus][None], data[:-1]])
        beats = np.concatenate([before[:, -self.beat_bytes :], data], axis=1)
        counts = {
            "ones": data,
            "edges": beats[:, self.beat_bytes :] ^ beats[:, : -self.beat_bytes],
            "differing": data ^ before,
        }
        self.bursts += np.bincount(direction, minlength=2)
        for name, bits in counts.items():
            total = np.bincount(direction, weights=np.bitwise_count(bits).sum(axis=1), minlength=2)
            getattr(self, name)[:] += total.astype(np.int64)
        self._last[bus] = data[-1]

    def rates(self, assumed: BurstData) -> Moved:
        """Rates of reads and of writes; `assumed` for a direction in which nothing moved."""
        return Moved(*(self._rates(direction, assumed) for direction in (READ, WRITE)))

    def _rates(self, direction: int, assumed: BurstData) -> BurstData:
        bits = int(self.bursts[direction]) * self.bits
        if not bits:
            return assumed
        pins = float(self.edges[direction] / bits)
        return BurstData(float(self.ones[direction] / bits), pins, float(self.differing[direction] / bits), pins)
