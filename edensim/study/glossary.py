"""What every key of `--json` and every column of a table means, with its unit.

A pattern has a `*` for one name that is the user's or the memory's, and `[]` for each entry of a list. Keys of a
point in `compare.NAME` are those of the main point; a sweep's table calls them `NAME:key`. What `results.csv` calls
`partition_energy_pj`, `NAME.act` is `partitions.NAME.energy_pj.act`. The reference pages of the documentation are made
from this list, and a test holds it against what is really written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_COMPONENTS = {
    "act": "activations: charge of a row, beyond standby",
    "pre": "precharges, beyond standby",
    "rd": "column path of reads, beyond standby",
    "wr": "column path of writes, beyond standby",
    "ref": "refreshes, beyond active standby",
    "background": "standing power: precharged, with open banks, and during refresh",
    "io": "data pins: termination and edges",
    "total": "sum of all components",
}
_RATES = {
    "ones": "share of ones",
    "pins": "edges per bit on the data pins",
    "lines": "share of bits that differ from the burst before",
    "stack": "toggle rate of the bus through a stack",
}
_CAUSED = {
    "act": "activations of the rows that its requests needed opened",
    "pre": "precharges of these rows",
    "rd": "its reads",
    "wr": "its writes",
    "io": "data pins during its bursts",
    "standing": "refreshes and standing power, shared out by bursts",
    "total": "all of these",
}
_STACK = {
    "compute": "time of cores in which instructions issue, mean of the cores",
    "l1": "waiting for the first cache",
    "l2": "waiting for the second cache",
    "l3": "waiting for the third cache",
    "row_hit": "waiting for memory, as far as it would have taken with the row open and nothing before it",
    "row_miss": "waiting for activations and precharges",
    "queue": "waiting for requests before it, and for places in queues",
    "refresh": "waiting for refreshes",
    "other": "no work, and the drain at the end of layers",
}
_KINDS = {"weights": "weights", "ifm": "input feature maps", "ofm": "output feature maps"}
_BITS = {"bits_read": "bits that the memory read", "bits_flipped": "of these, bits that came out wrong"}
_POINT = {
    "vdd": ("V", "supply of the rail that follows VDD, the highest of all banks"),
    "tRCD_ns": ("ns", "ACT to RD or WR"),
    "tRAS_ns": ("ns", "ACT to PRE"),
    "tRP_ns": ("ns", "PRE to ACT"),
    "latency": ("", "lowest_safe if the times are the lowest safe ones at VDD, else as_given"),
    "tREFI_scale": ("", "factor on the refresh interval"),
    "basis": ("", "how well founded the point is: nominal, measured, scaled or extrapolated"),
}


@dataclass(frozen=True)
class Term:
    """One key."""

    pattern: str
    unit: str
    meaning: str

    def matches(self, key: str) -> bool:
        """Whether this is the term of a key such as `energy_pj.act` or `layers[].row.hit`."""
        inner = re.escape(self.pattern).replace(r"\*", "[^.]+")
        return re.fullmatch(re.sub(r"\[\^\.\]\+$", ".+", inner), key) is not None  # the last name may have dots


def _terms(prefix: str, unit: str, meanings: dict[str, str]) -> list[Term]:
    return [Term(f"{prefix}.{name}", unit, meaning) for name, meaning in meanings.items()]


TERMS: dict[str, list[Term]] = {
    "A run": [
        Term("time_ns", "ns", "time of one inference of the batch, last write included"),
        Term("cycles", "clock", "the same in clocks of the memory, rounded up"),
        *_terms("requests", "request", {"read": "bursts read", "write": "bursts written"}),
        *_terms("bytes", "byte", {"read": "bytes read, whole bursts", "write": "bytes written, whole bursts"}),
        *_terms("bytes.by_kind", "byte", {kind: f"bytes that moved for {text}" for kind, text in _KINDS.items()}),
        *_terms(
            "row",
            "request",
            {
                "hit": "requests that found their row open",
                "miss": "requests that found their bank closed",
                "conflict": "requests that found another row open",
            },
        ),
        *_terms(
            "read_latency_ns",
            "ns",
            {
                "mean": "from acceptance by the controller to the last beat, mean over reads",
                "p50": "median; exact up to 8191 clocks, at most 1.6 % too high beyond",
                "p99": "99th percentile, likewise",
            },
        ),
        Term("bandwidth_gb_s", "GB/s", "bytes read and written over time"),
        Term("commands.*", "command", "commands issued, by name, all channels"),
        *_terms(
            "asleep",
            "fraction",
            {
                "active": "share of the time of all ranks in active power-down (dram.controller.power_down)",
                "precharge": "share in precharge power-down",
                "self_refresh": "share in self refresh",
            },
        ),
        Term("compute_ns", "ns", "time during which the array computed"),
        Term("load_wait_ns", "ns", "time during which the array waited for a load"),
        *_terms("cpi_stack_ns", "ns", _STACK),
        Term(
            "interference.*.time_ns",
            "ns",
            "time of a network's first run beside the others (`main`: that of [workload])",
        ),
        Term("interference.*.read_queue_ns", "ns", "time its reads were queued in the controller, mean"),
        Term("interference.*.row.*", "request", "its requests by what they found in their bank"),
        Term("interference.*.bytes.*", "byte", "bytes that it read and wrote"),
        Term("interference.*.slowdown", "", "its time over that with the memory, and shared caches, to itself"),
        Term("interference.*.added_read_queue_ns", "ns", "read_queue_ns beyond that which it has alone"),
        Term("interference.*.row_hits_lost", "request", "row hits that it has alone and not beside the others"),
        Term("interference.*.alone.time_ns", "ns", "the same with the memory to itself"),
        Term("interference.*.alone.read_queue_ns", "ns", "likewise"),
        Term("interference.*.alone.row.*", "request", "likewise"),
        Term("interference.*.alone.bytes.*", "byte", "likewise"),
        Term("extrapolated_share", "fraction", "time of iterations that were not run (machine.extrapolate)"),
        Term("warnings[]", "", "what a reader of the numbers should know"),
        Term("config_hash", "", "SHA-256 of the resolved configuration"),
        Term("version", "", "version of edensim"),
        Term("wall_s", "s", "time the simulation took (not part of result.json)"),
    ],
    "Energy": [
        *_terms("energy_pj", "pJ", _COMPONENTS),
        Term("energy_report.by_rail_pj.*.*", "pJ", "energy by supply rail and component; the data pins are VDDQ"),
        *_terms(
            "energy_report.by_command_pj",
            "pJ",
            {
                "ACT": "activations",
                "PRE": "precharges",
                "RD": "reads, with the data pins",
                "WR": "writes, with the data pins",
                "REF": "refreshes",
                "standing": "background, which no command causes",
            },
        ),
        Term("energy_report.by_rank_pj[][]", "pJ", "energy by channel and rank"),
        Term(
            "energy_report.by_bank_pj[][]",
            "pJ",
            "energy that each bank caused, by channel and bank; the rest is shared",
        ),
        *_terms("energy_report.by_kind_pj.*", "pJ", _CAUSED),
        Term("energy_report.by_tensor_pj.*", "pJ", "energy of each tensor, its `standing` included"),
        Term("energy_report.supplies_v.*", "V", "voltage of each supply; of VDD the highest of all banks"),
        Term("energy_report.power_mw", "mW", "mean power"),
        Term("energy_report.energy_per_bit_pj", "pJ", "total over bits moved"),
        Term("energy_report.follows_vdd_share", "fraction", "share of the total on the rail that follows VDD"),
        Term("energy_report.data.law", "", "law of data dependence"),
        Term("energy_report.data.rd", "", "factor of the data on reads"),
        Term("energy_report.data.wr", "", "factor of the data on writes"),
        Term("energy_report.data.seen", "", "whether the data are those that moved, bit errors of reads included"),
        *(
            Term(f"energy_report.data.{direction}.{name}", "fraction", f"of the data {done}: {what}")
            for direction, done in (("read", "read"), ("write", "written"))
            for name, what in _RATES.items()
        ),
        *_terms(
            "energy_report.system_pj",
            "pJ",
            {
                "compute": "multiply-accumulates",
                "sram": "on-chip buffers",
                "package": "package power over the time",
                "dram": "the memory",
                "total": "all of these",
            },
        ),
        Term("energy_report.system_pj.dram_share", "fraction", "share of the memory in the system"),
        Term("energy_report.system_pj.source", "", "source of the energies per operation"),
    ],
    "Operating points": [
        *(Term(f"operating_point.{name}", unit, meaning) for name, (unit, meaning) in _POINT.items()),
        *(Term(f"operating_point.partitions.*.{name}", unit, meaning) for name, (unit, meaning) in _POINT.items()),
        Term("saving.energy_pj", "fraction", "of a compared point: 1 - energy / energy of the main point"),
        Term("saving.time_ns", "fraction", "of a compared point: 1 - time / time of the main point"),
    ],
    "Switches": [
        Term("switches[].at_ns", "ns", "time for which the switch was asked"),
        Term("switches[].mode", "", "drained, blocking or immediate"),
        Term("switches[].settle_ns", "ns", "time without commands in which supply and timings change"),
        Term(
            "switches[].quiet_ns[]",
            "ns",
            "time from which the channel settled, all its banks closed; null: it was done before",
        ),
        Term(
            "switches[].since_ns[]", "ns", "time from which the new point held in the channel; null: it was done before"
        ),
        *(Term(f"switches[].operating_point.{name}", unit, meaning) for name, (unit, meaning) in _POINT.items()),
        *(
            Term(f"switches[].operating_point.partitions.*.{name}", unit, meaning)
            for name, (unit, meaning) in _POINT.items()
        ),
        Term("phases[].channel_ns[]", "ns", "time that the channel spent in this part, from switch to switch"),
        *_terms("phases[].energy_pj", "pJ", _COMPONENTS),
    ],
    "Partitions": [
        *(Term(f"partitions.*.operating_point.{name}", unit, meaning) for name, (unit, meaning) in _POINT.items()),
        *_terms("partitions.*.energy_pj", "pJ", _COMPONENTS),
        *_terms("partitions.*.bytes", "byte", {"read": "bytes read there", "write": "bytes written there"}),
        Term("partitions.*.stored_bytes", "byte", "bytes of tensors that lie there"),
        Term("partitions.*.tensors.*", "byte", "bytes of each tensor that lie there"),
        Term("shared_energy_pj.background", "pJ", "background that the banks of a rank share, no partition's own"),
    ],
    "Errors": [
        *_terms("errors", "bit", _BITS),
        Term("errors.ber", "fraction", "bits that came out wrong over bits read (read_ber in the table of a sweep)"),
        Term("errors.chip", "", "chip whose errors these are, null for a model's"),
        Term("errors.model", "", "error model, null for a chip's errors"),
        Term("errors.basis", "", "how well founded, the worst of all partitions; model: the rate was given"),
        Term("errors.scope", "", "which reads may fail: errors.scope of the configuration"),
        Term("errors.data", "", "what the tensors held: errors.data of the configuration"),
        Term("errors.seed", "", "seed of weak cells and outcomes"),
        *_terms("errors.by_tensor.*.*", "bit", _BITS),
        Term("errors.by_tensor.*.*.ber", "fraction", "the same for one tensor, by the name its reader has for it"),
        *_terms("errors.by_layer.*", "bit", _BITS),
        Term("errors.by_layer.*.ber", "fraction", "the same for the reads during one layer"),
        *(Term(f"errors.by_bank.{name}[][]", "bit", f"{text}, by channel and bank") for name, text in _BITS.items()),
        Term("errors.by_bit[]", "bit", "wrong bits by bit of the element, least significant first"),
        Term("errors.partitions.*.basis", "", "how well founded the errors of a partition are"),
        Term("errors.partitions.*.expected_ber", "fraction", "expectation for as many ones as zeros"),
        Term(
            "errors.partitions.*.ber_band[]",
            "fraction",
            "the same for the fewest and the most bits per failing line that the measurements leave open",
        ),
    ],
    "Errors after switches": [
        Term(
            "errors.after_switches[].*.basis", "", "errors.partitions.*.basis after each switch of the operating point"
        ),
        Term("errors.after_switches[].*.expected_ber", "fraction", "expectation for as many ones as zeros, likewise"),
        Term("errors.after_switches[].*.ber_band[]", "fraction", "what the measurements leave open, likewise"),
    ],
    "Layers": [
        Term("layers[].name", "", "name of the layer"),
        Term("layers[].time_ns", "ns", "from the start of the layer to its last write"),
        Term("layers[].compute_ns", "ns", "time during which the array computed"),
        Term("layers[].load_wait_ns", "ns", "time during which the array waited for a load"),
        Term("layers[].code", "", "style of the layer's code"),
        Term("layers[].tensor_bytes", "byte", "every tensor of the layer's GPU kernels once"),
        Term("layers[].tile_bytes", "byte", "loads and stores of all thread blocks"),
        *_terms(
            "layers[].l2",
            "",
            {
                "requests": "requests of SMs to the second-level cache",
                "sector_hits": "sectors of 32 bytes that it had",
                "sector_misses": "sectors that it did not have",
                "merged": "requests that joined a line on its way",
            },
        ),
        *_terms(
            "layers[].kernels[]",
            "",
            {
                "name": "kernel",
                "tile": "filters x pixels x depth of its blocks (empty: element by element)",
                "blocks": "thread blocks",
                "blocks_per_sm": "blocks that an SM holds at once",
            },
        ),
        Term("layers[].kernels[].time_ns", "ns", "from its start to the end of its last block"),
        *_terms("layers[].cpi_stack_ns", "ns", _STACK),
        Term("layers[].bytes.*", "byte", "bytes that moved, by direction and by kind of tensor"),
        Term("layers[].useful_bytes.*", "byte", "of these, bytes that were asked for (bursts carry neighbours too)"),
        Term("layers[].lower_bound_bytes", "byte", "weights, inputs and outputs each moved once"),
        Term("layers[].macs", "MAC", "multiply-accumulates"),
        Term("layers[].utilization", "fraction", "share of the array's multipliers at work while it computes"),
        Term("layers[].tiles", "tile", "tiles of the layer"),
        Term("layers[].row.*", "request", "row hits, misses and conflicts"),
        Term("layers[].energy_pj.*", "pJ", "energy by component"),
        Term("layers[].power_mw", "mW", "mean power during the layer"),
    ],
    "Timeline": [
        Term("timeline.bin_ns", "ns", "width of a bin"),
        Term("timeline.start_ns[]", "ns", "start of each bin"),
        Term("timeline.bytes_read[]", "byte", "bytes read in the bin"),
        Term("timeline.bytes_write[]", "byte", "bytes written in the bin"),
        Term("timeline.row_hit[]", "request", "row hits in the bin"),
        Term("timeline.row_other[]", "request", "row misses and conflicts in the bin"),
        *(
            Term(f"timeline.power_mw.{name}[]", "mW", f"mean power in the bin: {what}")
            for name, what in _COMPONENTS.items()
        ),
    ],
}


def term_of(key: str) -> Term | None:
    """The term of a key or column, None if the list lacks it."""
    key = re.sub(r"^(compare\.[^.]+\.|[^.:]+:)", "", key)
    key = re.sub(r"^partition_(\w+)\.([^.]+)", r"partitions.\2.\1", key)
    key = re.sub(r"^read_ber$", "errors.ber", key)
    key = re.sub(r"^(errors\.by_bank\.\w+)\.\d+\.\d+$", r"\1[][]", key)
    return next((term for terms in TERMS.values() for term in terms if term.matches(key)), None)


def flat_keys(data: object, prefix: str = "") -> set[str]:
    """Keys of nested data as the patterns write them; an empty list or table has no keys below it."""
    if isinstance(data, dict):
        return set().union(
            *(flat_keys(value, f"{prefix}.{name}" if prefix else str(name)) for name, value in data.items())
        )
    if isinstance(data, list):
        return set().union(*(flat_keys(value, f"{prefix}[]") for value in data))
    return {prefix}
