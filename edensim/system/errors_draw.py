"""The errors of the reads of a run, drawn from where their bits lie and counted by tensor, layer and bank.

The world hands over its column commands; every read of a line is one more access to it (0, 1, 2 …), with the weak cells
of its place and luck of its own. So what is drawn depends on the seed, the place and the number of the read alone, not
on how many commands come at once. Reads that the controller answers from its write queue never see a cell.

Where a failing precharge returns the row before, that is the row which the bank had open before in the simulated order
of commands; before its first activation of a run a bank held random bits.

Not modelled: errors that are restored into the array by a failing activation, and with that errors of later reads which
earlier ones caused; writes that fail; the effect of wrong values on what is computed or read next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edensim import rng
from edensim.approx.device import Device
from edensim.approx.element import ELEMENTS
from edensim.approx.partition_laws import device_of, worst_basis
from edensim.approx.reads import BurstFlips, read_errors
from edensim.dram.controller import DramSystem
from edensim.memory import Placement
from edensim.system.errors_source import ErrorSource
from edensim.system.moved_data import MovedData
from edensim.system.previous_rows import PreviousRows
from edensim.system.stored_data import RANDOM, Storages, StoredData

Ints = NDArray[np.int64]
AT_ONCE = 1 << 18
"""Column commands drawn at once."""


class ErrorDraw:
    """Errors of one run.

    Parameters
    ----------
    source : ErrorSource
        What fails, and what is stored.
    system : DramSystem
        The memory.
    placement : Placement
        Where tensors lie.
    precision : str
        Storage format of the elements, a name of `ELEMENTS`.
    later : sequence of ErrorSource
        What fails after each switch of the operating point.
    """

    def __init__(
        self,
        source: ErrorSource,
        system: DramSystem,
        placement: Placement,
        precision: str,
        later: Sequence[ErrorSource] = (),
    ) -> None:
        geometry = system.geometry
        self.source, self.element = source, ELEMENTS[precision]
        self.address_map, self.geometry = system.address_map, geometry
        self.storages = Storages(placement, geometry.burst_bytes)
        sizes = {tensor.name: tensor.bytes for tensor in placement.tensors.values()}
        self.stored = StoredData(self.storages, source.table.data, source.data(sizes), source.seed)
        pins = geometry.channel_width_bits // 8
        self.moved = None  # random bits are what the rates of random data describe
        if source.table.data != RANDOM:
            self.moved = MovedData(geometry.channels * geometry.pseudo_channels, geometry.burst_bytes, pins)
        self.sources = [source, *later]
        self._devices = [
            device_of(each.errors, system.address_map, system.state.partitions, each.seed) for each in self.sources
        ]
        self.device_at = [self._devices[0]] * geometry.channels  # what holds in each channel now
        devices = self._devices
        self.needs_data = any(not law.symmetric for device in devices for law in device.laws)
        self.previous = PreviousRows(geometry) if any(device.reads_previous_row for device in devices) else None
        self.reads = np.zeros(self.storages.lines, np.int64)  # of every line so far
        kept = self.storages.lines * geometry.burst_bytes if source.table.save_tensors else 0
        self.wrong = np.zeros(kept, np.uint8)  # bits that were wrong in the first read of each line
        shape = (geometry.channels, geometry.banks)
        self.bursts_by_bank, self.flips_by_bank = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        self.flips_by_bit = np.zeros(self.element.bits, np.int64)
        self.by_layer: dict[str, list[int]] = {}
        self.by_tensor: dict[str, list[int]] = {}
        self._waiting: list[Ints] = []
        self._layer_bursts, self._layer_flips = (np.zeros(len(self.storages.names) + 1, np.int64) for _ in range(2))

    @property
    def device(self) -> Device:
        """What fails before any switch of the operating point."""
        return self._devices[0]

    def columns(self, entries: Ints) -> None:
        """Take column commands as `World` hands them over."""
        self._waiting.append(entries)
        if sum(map(len, self._waiting)) >= AT_ONCE:
            self._draw()

    def end_layer(self, name: str) -> None:
        """Count what came since the last layer's end to this one."""
        self._draw()
        bits = 8 * self.geometry.burst_bytes
        total = self.by_layer.setdefault(name, [0, 0])
        for k in np.flatnonzero(self._layer_bursts):
            bursts, flips = int(self._layer_bursts[k]) * bits, int(self._layer_flips[k])
            for entry in (total, self.by_tensor.setdefault(self._name(int(k) - 1, name), [0, 0])):
                entry[0] += bursts
                entry[1] += flips
        self._layer_bursts[:], self._layer_flips[:] = 0, 0

    def _name(self, storage: int, layer: str) -> str:
        """Name by which a layer knows a storage, else the storage's own."""
        if storage < 0:
            return "(outside of tensors)"
        own = self.storages.names[storage]
        tensors = self.storages.placement.tensors
        for kind in ("weights", "ifm", "psum", "ofm"):
            tensor = tensors.get(f"{layer}.{kind}")
            if tensor is not None and own in (tensor.name, tensor.alias_of):
                return tensor.name
        return own

    def _draw(self) -> None:
        if not self._waiting:
            return
        entries = np.concatenate(self._waiting)
        self._waiting = []
        line, first, is_read = entries >> 2, (entries >> 1 & 1).astype(bool), (entries & 1) == 0
        channel, bank, row, column = self.address_map.decode(line)
        before = None if self.previous is None else self.previous.of(channel, bank, row, first)[is_read]
        reads = np.flatnonzero(is_read)
        flips = self._draw_reads(
            line[reads], first[reads], channel[reads], bank[reads], row[reads], column[reads], before
        )
        if self.moved is not None:
            data = self.stored.of_lines(line)
            np.bitwise_xor.at(data, (reads[flips.read], flips.bit >> 3), (1 << (flips.bit & 7)).astype(np.uint8))
            g = self.geometry
            self.moved.see(channel * g.pseudo_channels + bank // (g.banks // g.pseudo_channels), is_read, data)

    def _draw_reads(
        self,
        line: Ints,
        first: NDArray[np.bool_],
        channel: Ints,
        bank: Ints,
        row: Ints,
        column: Ints,
        before: Ints | None,
    ) -> BurstFlips:
        """Draw and count the errors of reads; their places among these reads."""
        virtual = self.storages.virtual_lines(line)
        storage, _ = self.storages.places(virtual)
        access = self._count(virtual)
        self._layer_bursts += np.bincount(storage + 1, minlength=len(self._layer_bursts))
        np.add.at(self.bursts_by_bank, (channel, bank), 1)
        if not any(device.laws for device in self.device_at):
            return BurstFlips(np.zeros(0, np.int64), np.zeros(0, np.int64))
        risk = np.flatnonzero(first) if self.source.table.scope == "first_burst" else np.arange(len(line))
        stored = self.stored.of_lines(line[risk]) if self.needs_data else None
        held = None
        if before is not None:
            held = self._held(channel[risk], bank[risk], before[risk], column[risk], line[risk])
        flips = self._flips((channel[risk], bank[risk], row[risk], column[risk], access[risk]), stored, held)
        which = risk[flips.read]
        np.add.at(self.flips_by_bank, (channel[which], bank[which]), 1)
        self._layer_flips += np.bincount(storage[which] + 1, minlength=len(self._layer_flips))
        self.flips_by_bit += np.bincount(flips.bit % self.element.bits, minlength=self.element.bits)
        if len(self.wrong):
            self._note(BurstFlips(virtual[which], flips.bit), access[which])
        return BurstFlips(which, flips.bit)

    def _flips(
        self, at: tuple[Ints, Ints, Ints, Ints, Ints], stored: NDArray[np.uint8] | None, held: NDArray[np.uint8] | None
    ) -> BurstFlips:
        """Errors of reads (channel, bank, row, column, number), in every channel by what holds there now."""
        if all(device is self.device_at[0] for device in self.device_at):
            return read_errors(self.device_at[0], *at, stored, held)
        found = []
        for device in dict.fromkeys(self.device_at):
            mine = np.flatnonzero(np.array([each is device for each in self.device_at])[at[0]])
            data = (None if x is None else x[mine] for x in (stored, held))
            channel, bank, row, column, access = (x[mine] for x in at)
            flips = read_errors(device, channel, bank, row, column, access, *data)
            found.append(BurstFlips(mine[flips.read], flips.bit))
        return BurstFlips(*(np.concatenate(columns) for columns in zip(*found, strict=True)))

    def switch(self, channel: int, switches: int) -> None:
        """From now on the reads of a channel fail as after so many switches; all before were handed over."""
        self._draw()
        self.device_at[channel] = self._devices[switches]

    def _count(self, virtual: Ints) -> Ints:
        """Number of each read among those of its line; lines outside of tensors count as read for the first time."""
        order = np.argsort(virtual, kind="stable")
        ranked = virtual[order]
        new = np.ones(len(order), bool)
        new[1:] = ranked[1:] != ranked[:-1]
        starts = np.flatnonzero(new)
        lengths = np.diff(np.append(starts, len(order)))
        number = np.empty(len(order), np.int64)
        number[order] = np.arange(len(order)) - np.repeat(starts, lengths)
        inside = virtual >= 0
        number[inside] += self.reads[virtual[inside]]
        known = ranked[starts] >= 0
        self.reads[ranked[starts][known]] += lengths[known]
        return number

    def _held(self, channel: Ints, bank: Ints, before: Ints, column: Ints, line: Ints) -> NDArray[np.uint8]:
        """What the row open before holds in the columns of reads; unknown rows (-1) hold random bits."""
        other = self.address_map.encode(channel, bank, np.maximum(before, 0), column)
        held = self.stored.of_lines(other)
        unknown = np.flatnonzero(before < 0)
        words = -(-self.geometry.burst_bytes // 8)
        key = rng.key(self.source.seed, "before the run")
        bits = rng.draw(key, line[unknown, None] * words + np.arange(words))
        held[unknown] = np.ascontiguousarray(bits).view(np.uint8)[:, : self.geometry.burst_bytes]
        return held

    def _note(self, flips: BurstFlips, access: Ints) -> None:
        """Remember the wrong bits of first reads."""
        mine = (access == 0) & (flips.read >= 0)
        at = flips.read[mine] * self.geometry.burst_bytes + (flips.bit[mine] >> 3)
        np.bitwise_xor.at(self.wrong, at, (1 << (flips.bit[mine] & 7)).astype(np.uint8))

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Every tensor with memory of its own as its first read returned it; lines never read hold what was stored.

        Nothing unless `errors.save_tensors` asks for it.
        """
        found: dict[str, NDArray[Any]] = {}
        if not self.source.table.save_tensors:
            return found
        for k, name in enumerate(self.storages.names):
            values = self.stored.of_tensor(k)
            begin = int(self.storages.base[k])
            values ^= self.wrong[begin : begin + len(values)]
            found[name] = values.view(self.element.storage)
        return found

    def report(self) -> dict[str, Any]:
        """Errors of the run as plain data."""
        table = self.source.table
        every = {f"{k} {name}": part for k, each in enumerate(self.sources) for name, part in each.errors.items()}
        bits = 8 * self.geometry.burst_bytes
        return {
            **_rate(int(self.bursts_by_bank.sum()) * bits, int(self.flips_by_bank.sum())),
            "chip": table.chip,
            "model": table.model,
            "basis": worst_basis(every),
            "scope": table.scope,
            "data": table.data,
            "seed": self.source.seed,
            "by_tensor": {name: _rate(*found) for name, found in self.by_tensor.items()},
            "by_layer": {name: _rate(*found) for name, found in self.by_layer.items()},
            "by_bank": {
                "bits_read": (self.bursts_by_bank * bits).tolist(),
                "bits_flipped": self.flips_by_bank.tolist(),
            },
            "by_bit": self.flips_by_bit.tolist(),
            "partitions": expected_errors(self.source),
            **(
                {"after_switches": [expected_errors(each) for each in self.sources[1:]]}
                if len(self.sources) > 1
                else {}
            ),
        }

    @property
    def warnings(self) -> list[str]:
        """What a reader of the rates has to know."""
        parts = (part for source in self.sources for part in source.errors.values())
        notes = dict.fromkeys(note for part in parts for note in part.notes)
        return [f"[errors] {note}" for note in notes]


def expected_errors(source: ErrorSource) -> dict[str, Any]:
    """What reads are expected to suffer, by partition."""
    return {
        name: {"basis": part.basis, "expected_ber": part.ber, "ber_band": list(part.ber_band)}
        for name, part in source.errors.items()
    }


def _rate(bits: int, flips: int) -> dict[str, Any]:
    return {"ber": flips / bits if bits else 0.0, "bits_read": bits, "bits_flipped": flips}
