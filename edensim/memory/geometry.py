"""The size of a memory: how many channels, ranks, bank groups, banks, rows and bursts it has.

Modelled: a regular module in which every channel and rank is alike and every size except the number of channels is a
power of two. Not modelled: spare rows and columns, devices with 3 x 2^n bits (3, 6, 12 Gbit), modules of unlike ranks.
"""

from __future__ import annotations

from dataclasses import dataclass

from edensim.config.schema import Dram
from edensim.errors import ConfigError

MBIT = 1 << 20
POWERS = ("ranks", "bank_groups", "banks_per_group", "rows", "device_width_bits", "channel_width_bits", "burst_length")


@dataclass(frozen=True, slots=True)
class Geometry:
    """Organisation of the whole memory.

    Parameters
    ----------
    channels : int
        Independent channels, any number.
    ranks, bank_groups, banks_per_group, rows : int
        Ranks per channel, bank groups per rank, banks per bank group, rows per bank; powers of two.
    columns : int
        *Bursts* per row, which is columns of a device / burst length; a power of two.
    device_width_bits, channel_width_bits : int
        Data pins of one device and of a channel; powers of two.
    burst_length : int
        Transfers (beats) of one column command; a power of two.
    subarray_rows : int
        Rows per subarray; the last subarray of a bank may be shorter.

    Raises
    ------
    ConfigError
        If a size is not what is said above.
    """

    channels: int
    ranks: int
    bank_groups: int
    banks_per_group: int
    rows: int
    columns: int
    device_width_bits: int
    channel_width_bits: int
    burst_length: int
    subarray_rows: int = 512

    def __post_init__(self) -> None:
        problems = [_not_a_power(f"dram.{name}", getattr(self, name)) for name in POWERS]
        problems.append(_not_a_power("dram.columns / dram.burst_length", self.columns))
        if self.channels < 1 or self.subarray_rows < 1:
            problems.append("dram.channels and dram.subarray_rows must be at least 1")
        if self.channel_width_bits % self.device_width_bits or self.channel_width_bits % 8:
            problems.append(
                f"dram.channel_width_bits = {self.channel_width_bits} must be a whole number of devices of "
                f"dram.device_width_bits = {self.device_width_bits} and of bytes"
            )
        if any(problems):
            raise ConfigError([x for x in problems if x])

    @classmethod
    def from_config(cls, dram: Dram) -> Geometry:
        """Read the geometry of a `[dram]` table and check that it multiplies to the density of the device.

        Raises
        ------
        ConfigError
            If rows, columns, banks and width do not make `density_mbit`, or a size is not a power of two.
        """
        if dram.columns % dram.burst_length:
            raise ConfigError(
                f"dram.columns = {dram.columns} must be a multiple of dram.burst_length = {dram.burst_length}"
            )
        shape = (dram.bank_groups, dram.banks_per_group, dram.rows, dram.columns // dram.burst_length)
        widths = (dram.device_width_bits, dram.channel_width_bits, dram.burst_length)
        geometry = cls(dram.channels, dram.ranks, *shape, *widths, dram.subarray_rows)
        if geometry.device_bits != dram.density_mbit * MBIT:
            raise ConfigError(
                f"dram.density_mbit = {dram.density_mbit} Mbit, but {dram.bank_groups} bank groups x "
                f"{dram.banks_per_group} banks x {dram.rows} rows x {dram.columns} columns x "
                f"{dram.device_width_bits} bit are {geometry.device_bits / MBIT:g} Mbit"
            )
        return geometry

    @property
    def banks_per_rank(self) -> int:
        """Banks of one rank."""
        return self.bank_groups * self.banks_per_group

    @property
    def banks(self) -> int:
        """Banks of one channel; bank index = (rank * bank_groups + bank group) * banks_per_group + bank."""
        return self.ranks * self.banks_per_rank

    @property
    def subarrays(self) -> int:
        """Subarrays of one bank, a shorter last one included."""
        return -(-self.rows // self.subarray_rows)

    @property
    def devices_per_rank(self) -> int:
        """Devices (chips) that share one burst."""
        return self.channel_width_bits // self.device_width_bits

    @property
    def device_bits(self) -> int:
        """Capacity of one device in bit."""
        return self.banks_per_rank * self.rows * self.columns * self.burst_length * self.device_width_bits

    @property
    def burst_bytes(self) -> int:
        """Bytes of one burst, the unit ("line") of every address inside edensim."""
        return self.channel_width_bits * self.burst_length // 8

    @property
    def row_bytes(self) -> int:
        """Bytes of one row of all devices of a rank."""
        return self.columns * self.burst_bytes

    @property
    def lines(self) -> int:
        """Bursts in the whole memory."""
        return self.channels * self.banks * self.rows * self.columns

    @property
    def capacity_bytes(self) -> int:
        """Bytes in the whole memory."""
        return self.lines * self.burst_bytes


def is_power_of_two(number: int) -> bool:
    """Whether `number` is a power of two (1 included)."""
    return number > 0 and number & (number - 1) == 0


def _not_a_power(name: str, value: int) -> str:
    return "" if is_power_of_two(value) else f"{name} = {value} must be a power of two"
