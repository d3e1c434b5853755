"""The size of a memory: how many channels, ranks, bank groups, banks, rows and bursts it has.

Modelled: a regular module in which every channel and rank is alike and every size except the number of channels is a
power of two. Not modelled: spare rows and columns, devices with 3 x 2^n bits (3, 6, 12 Gbit), modules of unlike ranks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from edensim.config.schema import Dram
from edensim.errors import ConfigError

MBIT = 1 << 20
LEVELS = ("Channel", "PseudoChannel", "Rank", "Sid", "BankGroup", "Bank")
"""Levels above the row, outermost first; a family has some of them."""
POWERS = """ranks bank_groups banks_per_group rows device_width_bits channel_width_bits burst_length pseudo_channels
    stack_ids""".split()


@dataclass(frozen=True, slots=True)
class Organisation:
    """How the banks of every channel are grouped, and how large they are; nothing is checked.

    The bank index counts through a channel, level by level: bank = (((pseudo-channel * ranks + rank) * stack_ids +
    stack ID) * bank_groups + bank group) * banks_per_group + bank in the group. What a precharge or refresh of all
    banks addresses is called a rank throughout: rank = bank // banks_per_rank, which in HBM is a pseudo-channel.

    Parameters
    ----------
    channels : int
        Independent channels.
    ranks, bank_groups, banks_per_group, rows : int
        Ranks per channel (or pseudo-channel), bank groups per rank (or stack ID), banks per bank group, rows per bank.
    columns : int
        *Bursts* per row, which is columns of a device / burst length.
    pseudo_channels, stack_ids : int
        Pseudo-channels of a channel (HBM), stack IDs of a rank (HBM3).
    """

    channels: int
    ranks: int
    bank_groups: int
    banks_per_group: int
    rows: int
    columns: int
    pseudo_channels: int = field(default=1, kw_only=True)
    stack_ids: int = field(default=1, kw_only=True)

    @property
    def ranks_per_channel(self) -> int:
        """Ranks of all pseudo-channels of a channel."""
        return self.pseudo_channels * self.ranks

    @property
    def groups_per_rank(self) -> int:
        """Bank groups of all stack IDs of a rank."""
        return self.stack_ids * self.bank_groups

    @property
    def banks_per_rank(self) -> int:
        """Banks of one rank."""
        return self.groups_per_rank * self.banks_per_group

    @property
    def banks(self) -> int:
        """Banks of one channel."""
        return self.ranks_per_channel * self.banks_per_rank

    @property
    def fan_out(self) -> dict[str, int]:
        """Level -> nodes under one node of the level above; 1 for the channel."""
        sizes = (self.pseudo_channels, self.ranks, self.stack_ids, self.bank_groups, self.banks_per_group)
        return dict(zip(LEVELS, (1, *sizes), strict=True))

    @property
    def spans(self) -> dict[str, int]:
        """Level -> banks below one of its nodes."""
        spans, left = {}, self.banks
        for level, size in self.fan_out.items():
            left //= size
            spans[level] = left
        return spans


@dataclass(frozen=True, slots=True)
class Geometry(Organisation):
    """Organisation of the whole memory, every size but the number of channels a power of two.

    Parameters
    ----------
    channels, ranks, bank_groups, banks_per_group, rows, columns, pseudo_channels, stack_ids : int
        See `Organisation`.
    device_width_bits, channel_width_bits : int
        Data pins of one device and of a channel (of HBM: of a pseudo-channel); powers of two.
    burst_length : int
        Transfers (beats) of one column command; a power of two.
    subarray_rows : int
        Rows per subarray; the last subarray of a bank may be shorter.

    Raises
    ------
    ConfigError
        If a size is not what is said above.
    """

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
        parts = {"pseudo_channels": dram.pseudo_channels, "stack_ids": dram.stack_ids}
        geometry = cls(dram.channels, dram.ranks, *shape, *widths, dram.subarray_rows, **parts)
        if geometry.device_bits != dram.density_mbit * MBIT:
            stacks = f"{dram.stack_ids} stack IDs x " if dram.stack_ids > 1 else ""
            raise ConfigError(
                f"dram.density_mbit = {dram.density_mbit} Mbit, but {stacks}{dram.bank_groups} bank groups x "
                f"{dram.banks_per_group} banks x {dram.rows} rows x {dram.columns} columns x "
                f"{dram.device_width_bits} bit are {geometry.device_bits / MBIT:g} Mbit"
            )
        return geometry

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
