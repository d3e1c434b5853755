"""Every key a configuration may hold: type, unit, range and meaning. Nothing is accepted that is not listed here.

The models are strict (no coercion of "1.1" or true), closed (unknown keys are errors), finite (no NaN) and frozen.
Quantities carry their unit in the key (`tRCD_ns`, `clock_mhz`) or in the `unit` of the field.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edensim.config.eden_schema import Eden
from edensim.config.errors_schema import Errors
from edensim.config.machine_schema import Machine
from edensim.config.sweep_schema import Sweep
from edensim.config.table import Name, Table, key

Clocks = Annotated[int, Field(ge=0, le=10_000_000)]
Indices = list[int] | str
"""A list of indices, or "a:b" for a, a+1, …, b-1."""


class Workload(Table):
    """[workload]: the network, how its numbers are stored, and how many images run at once."""

    network: Name = key(
        ...,
        "built-in network, or path of a SCALE-Sim .csv, an .onnx file, a .toml layer list, or (on a CPU) a program's "
        "address trace (.trace, .lackey)",
    )
    precision: Literal["int4", "int8", "int16", "fp32"] = key("int8", "storage format of weights and feature maps")
    batch: int = key(1, "images per inference", ge=1, le=4096)
    layers: list[Name] | None = key(None, "run only these layers (default: all)")


class Timing(Table):
    """[dram.timing]: times in ns (rounded to clocks by the standard's rule) or, where a data sheet says so, clocks."""

    CL: int | None = key(None, "read latency", "clock", ge=1, le=1000)
    CWL: int | None = key(None, "write latency", "clock", ge=1, le=1000)
    tRCD_ns: float | None = key(None, "ACT to RD or WR", "ns", ge=0, le=1000)
    tRCDWR_ns: float | None = key(None, "ACT to WR where it differs from RD (GDDR, HBM)", "ns", ge=0, le=1000)
    tRP_ns: float | None = key(None, "PRE to ACT", "ns", ge=0, le=1000)
    tRPab_ns: float | None = key(None, "PRE of all banks to ACT or REF (LPDDR)", "ns", ge=0, le=1000)
    tRAS_ns: float | None = key(None, "ACT to PRE", "ns", ge=0, le=1000)
    tRC_ns: float | None = key(None, "ACT to ACT of one bank (default tRAS + tRP)", "ns", ge=0, le=2000)
    tWR_ns: float | None = key(None, "end of write data to PRE", "ns", ge=0, le=1000)
    tRTP_ns: float | None = key(None, "RD to PRE", "ns", ge=0, le=1000)
    tRRD_S_ns: float | None = key(None, "ACT to ACT, other bank group", "ns", ge=0, le=1000)
    tRRD_L_ns: float | None = key(None, "ACT to ACT, same bank group", "ns", ge=0, le=1000)
    tFAW_ns: float | None = key(None, "window of four ACTs", "ns", ge=0, le=1000)
    tWTR_S_ns: float | None = key(None, "end of write data to RD, other bank group", "ns", ge=0, le=1000)
    tWTR_L_ns: float | None = key(None, "end of write data to RD, same bank group", "ns", ge=0, le=1000)
    tCCD_L_ns: float | None = key(None, "column to column command, same bank group", "ns", ge=0, le=1000)
    tCCD_L_WR_ns: float | None = key(None, "write to write, same bank group (DDR5)", "ns", ge=0, le=1000)
    tRFC_ns: float | None = key(None, "duration of an all-bank refresh", "ns", ge=0, le=10_000)
    tRFC2_ns: float | None = key(None, "duration of a refresh in 2x granularity (DDR4, DDR5)", "ns", ge=0, le=10_000)
    tRFC4_ns: float | None = key(None, "duration of a refresh in 4x granularity (DDR4)", "ns", ge=0, le=10_000)
    tRFCpb_ns: float | None = key(None, "duration of a refresh of one bank (LPDDR, HBM)", "ns", ge=0, le=10_000)
    tRFCsb_ns: float | None = key(
        None, "duration of a refresh of the same bank of every group (DDR5)", "ns", ge=0, le=10_000
    )
    tREFSBRD_ns: float | None = key(None, "REFsb to ACT of another bank (DDR5)", "ns", ge=0, le=1000)
    tREFI_ns: float | None = key(None, "average interval of refresh commands", "ns", gt=0, le=1e6)
    tPBR2PBR_ns: float | None = key(None, "REFpb to REFpb of another bank (LPDDR5)", "ns", ge=0, le=1000)
    tPBR2ACT_ns: float | None = key(None, "REFpb to ACT of another bank (LPDDR5)", "ns", ge=0, le=1000)
    tRREFD_ns: float | None = key(None, "REFpb to REFpb or ACT of another bank (HBM)", "ns", ge=0, le=1000)
    tDQSCK_ns: float | None = key(None, "clock to data strobe (LPDDR)", "ns", ge=0, le=100)
    tDQSS: int | None = key(None, "write data start after WL (LPDDR)", "clock", ge=0, le=1000)
    tCKE_ns: float | None = key(None, "shortest stay in power-down, and out of it (tPD, tCKE)", "ns", ge=0, le=1000)
    tCKESR_ns: float | None = key(None, "shortest stay in self refresh", "ns", ge=0, le=1000)
    tXP_ns: float | None = key(None, "exit of power-down to a command", "ns", ge=0, le=1000)
    tXPDLL_ns: float | None = key(None, "slow exit of power-down to RD or WR (DDR3)", "ns", ge=0, le=1000)
    tXS_ns: float | None = key(None, "exit of self refresh to a command other than RD or WR", "ns", ge=0, le=10_000)
    tXSDLL: int | None = key(None, "exit of self refresh to RD or WR (tDLLK; DDR)", "clock", ge=0, le=10_000)
    tPDEN: int | None = key(None, "ACT, PRE, REF to power-down (tACTPDEN, tPRPDEN, tREFPDEN)", "clock", ge=0, le=1000)
    minimum_ck: dict[str, Clocks] = key(
        {}, "smallest value in clocks of a timing given in ns, e.g. {tRRD_L = 4}", "clock"
    )
    tRTRS: int = key(2, "bus turnaround between ranks", "clock", ge=0, le=1000)


class Rail(Table):
    """[dram.power.rails.NAME]: one supply and the data-sheet currents drawn from it, per device."""

    voltage_v: float = key(..., "nominal voltage", "V", ge=0.1, le=5)
    IDD0: float = key(..., "one bank activate-precharge", "mA", ge=0, le=1e6)
    IDD2N: float = key(..., "precharge standby", "mA", ge=0, le=1e6)
    IDD3N: float = key(..., "active standby", "mA", ge=0, le=1e6)
    IDD4R: float = key(..., "burst read", "mA", ge=0, le=1e6)
    IDD4W: float = key(..., "burst write", "mA", ge=0, le=1e6)
    IDD5B: float = key(..., "burst refresh", "mA", ge=0, le=1e6)
    IDD2P: float | None = key(None, "precharge power-down", "mA", ge=0, le=1e6)
    IDD2P_slow: float | None = key(None, "precharge power-down with the DLL off (DDR3, slow exit)", "mA", ge=0, le=1e6)
    IDD3P: float | None = key(None, "active power-down", "mA", ge=0, le=1e6)
    IDD6: float | None = key(None, "self refresh", "mA", ge=0, le=1e6)
    IDD5PB: float | None = key(None, "per-bank refresh, averaged over an eighth of tREFI (LPDDR)", "mA", ge=0, le=1e6)
    IDD5C: float | None = key(None, "same-bank refresh, during tRFCsb (DDR5)", "mA", ge=0, le=1e6)
    IDD6DS: float | None = key(None, "deep sleep (LPDDR5)", "mA", ge=0, le=1e6)
    IDD_precharge: float | None = key(None, "current while a row is precharged (default IDD0)", "mA", ge=0, le=1e6)
    follows_vdd: bool = key(False, "this rail is the one `operating_point.vdd` lowers (others stay nominal)")


class Interface(Table):
    """[dram.power.io]: what the data pins cost, per transferred bit."""

    vddq_v: float = key(..., "I/O supply", "V", ge=0.1, le=5)
    termination: Literal["pod", "sstl", "lvstl", "none"] = key(
        ..., "pod: zeros draw current (DDR4, DDR5, GDDR); sstl: both levels (DDR3); lvstl: ones (LPDDR4); none"
    )
    r_on_ohm: float = key(34.0, "driver resistance", "ohm", ge=0.1, le=1e6)
    r_tt_ohm: float = key(60.0, "termination resistance", "ohm", ge=0.1, le=1e6)
    c_load_pf: float = key(..., "switched capacitance of a data line", "pF", ge=0, le=1e6)
    ones_fraction: float = key(0.5, "share of ones on the bus when no data are simulated", "fraction", ge=0, le=1)
    toggle_rate: float = key(0.5, "edges per bit when no data are simulated", "fraction", ge=0, le=1)
    dbi: bool = key(False, "data-bus inversion: bytes with more than half of the costly level are sent inverted")
    source: str = key("", "where the numbers come from")


class Power(Table):
    """[dram.power]: supplies, currents and interface of one device."""

    part: str = key("", "device the currents belong to")
    source: str = key(..., "data sheet or file the currents come from")
    trust: Literal["high", "medium", "low"] = key("medium", "how well the source is confirmed")
    idd3n_basis: Literal["all_banks", "one_bank"] = key(..., "how many banks are open when IDD3N is measured")
    rho: float = key(1.0, "share of active background common to all banks", "fraction", ge=0, le=1)
    idd4_data: Literal["random", "static"] = key(
        "random", "data that moved when IDD4R and IDD4W were measured (static: zeros), for energy.data.law"
    )
    rails: dict[str, Rail] = key(..., "supplies by name (VDD, VPP, VDD1, VDD2 …)")
    io: Interface | None = key(None, "data pins")


class DramController(Table):
    """[dram.controller]: scheduling."""

    scheduler: Literal["FRFCFS_RowHit", "FRFCFS_Capped", "FRFCFS", "FCFS", "DRAMsim3"] = key(
        "FRFCFS_RowHit",
        "FRFCFS: oldest ready command; FRFCFS_RowHit: the same, but no row closes while an older request still hits "
        "it; FRFCFS_Capped: also no row serves more than `hit_cap` accesses while an older request waits for another "
        "row of its bank; FCFS: one request after the other; DRAMsim3: two stages of queues as in that program",
    )
    command_queue: Literal["per_bank", "per_rank"] | None = key(
        None, "whether every bank or every rank has a command queue (DRAMsim3; default per_bank)"
    )
    command_queue_size: int | None = key(
        None, "entries of a command queue (DRAMsim3; default 8)", "request", ge=1, le=256
    )
    hit_cap: int | None = key(
        None, "accesses of a row that may overtake another (FRFCFS_Capped; default 4)", "request", ge=1, le=1 << 20
    )
    read_queue: int = key(32, "entries per channel", "request", ge=1, le=4096)
    write_queue: int = key(32, "entries per channel", "request", ge=1, le=4096)
    write_high: float = key(0.8, "enter write mode above this share of the write queue", "fraction", gt=0, le=1)
    write_low: float = key(
        0.2,
        "leave write mode below this share; while writes come as fast as they drain, reads wait (seen in p99 latency)",
        "fraction",
        ge=0,
        lt=1,
    )
    door_burst: int = key(
        1,
        "places in a row that one of several machines (cores, engines) waiting for a full queue is given before the "
        "next has its turn; not in trace replay",
        "request",
        ge=1,
        le=4096,
    )
    row_policy: Literal["open", "closed", "timeout", "adaptive"] = key(
        "open",
        "open: rows stay open until another row is needed; closed: a row is closed after `row_cap` accesses; timeout: "
        "after `row_timeout_ck` without use or requests for it; adaptive: that time doubles for a bank whose next "
        "request would have hit, and halves when a request had to close a row",
    )
    row_timeout_ck: int | None = key(
        None,
        "time until an unused row is closed (timeout), or that to begin with (adaptive: a quarter to 64 times it); "
        "default tRC",
        "clock",
        ge=1,
        le=10_000_000,
    )
    row_cap: int | None = key(
        None, "accesses a row serves before it is closed (row_policy closed; default 1)", "request", ge=1, le=1 << 20
    )
    refresh: Literal["all_bank", "per_bank", "same_bank", "none"] = key(
        "all_bank",
        "all banks of a rank every tREFI, bank after bank in turn (LPDDR, HBM), the same bank of every group in turn "
        "(DDR5, in 2x granularity), or none",
    )
    refresh_granularity: Literal["1x", "2x", "4x"] = key(
        "1x", "fine-granularity refresh: twice or four times as many shorter ones (tRFC2_ns, tRFC4_ns; DDR4, DDR5)"
    )
    refresh_postponed: int = key(
        0, "refreshes of a rank, or of each of its banks, that may be owed while requests wait", "refresh", ge=0, le=8
    )
    power_down: Literal["none", "active", "precharge", "precharge_slow"] = key(
        "none",
        "state of a rank without work: active: power-down with its rows as they are; precharge: its rows are closed "
        "first; precharge_slow: the same with the DLL off (DDR3), which draws less and wakes later",
    )
    power_down_after_ck: int | None = key(
        None,
        "from the last column command of a rank without work to power-down; default tRC",
        "clock",
        ge=0,
        le=1 << 40,
    )
    self_refresh_after_us: float | None = key(
        None, "from the last column command of an idle rank to self refresh; default never", "us", ge=0, le=1e9
    )
    refresh_scatter_ck: int = key(
        0, "offset between the refreshes of successive ranks (0: together)", "clock", ge=0, le=10_000_000
    )
    bounding_ck: int = key(
        0,
        "latency that a check of loaded values against bounds adds to every read (EDEN's bounding logic: 1)",
        "clock",
        ge=0,
        le=100,
    )
    front_end: Literal["per_channel", "ramulator2"] = key(
        "per_channel",
        "trace replay: per_channel: a request per clock and channel, done with its last beat; ramulator2: a request "
        "per clock for the whole memory, a write done with its command",
    )


class Dram(Table):
    """[dram]: the memory device, its organisation and its controller."""

    preset: Name | None = key(None, "shipped memory to start from")
    organisation: Name | None = key(
        None, "shipped organisation of a device to start from; one of another device drops the currents of the preset"
    )
    speed_bin: Name | None = key(
        None, "shipped speed bin to start from; another one than the preset's drops the currents of the preset"
    )
    standard: Name = key(..., "family whose commands and constraints apply (DDR3-5, GDDR5-6, LPDDR3-5, HBM2-3)")
    source: str = key("", "data sheet and table of the organisation and timings")
    channels: int = key(1, "independent channels", ge=1, le=64)
    pseudo_channels: int = key(1, "pseudo-channels of a channel, which share its command buses (HBM)", ge=1, le=4)
    ranks: int = key(1, "ranks per channel", ge=1, le=8)
    stack_ids: int = key(1, "stack IDs: groups of dies that share the pins of a pseudo-channel (HBM3)", ge=1, le=8)
    data_rate_mt_s: int = key(..., "transfers per second and pin", "MT/s", ge=100, le=20_000)
    clock_ps: int | None = key(
        None,
        "clock period (default: 2e6 / data rate, exactly; 4e6 GDDR5, 8e6 GDDR6 and LPDDR5; HBM3: of half a clock)",
        "ps",
        ge=50,
        le=20_000,
    )
    channel_width_bits: int = key(..., "data pins of a channel (HBM: of a pseudo-channel)", "bit", ge=8, le=1024)
    device_width_bits: int = key(..., "data pins of a device", "bit", ge=4, le=1024)
    density_mbit: int = key(..., "capacity of a device", "Mbit", ge=64, le=1 << 20)
    bank_groups: int = key(1, "bank groups per rank", ge=1, le=16)
    banks_per_group: int = key(..., "banks per bank group", ge=1, le=64)
    rows: int = key(..., "rows per bank", ge=2, le=1 << 24)
    columns: int = key(..., "columns per row (each as wide as the device)", ge=8, le=1 << 16)
    burst_length: int = key(8, "transfers of one column command", ge=2, le=64)
    subarray_rows: int = key(512, "rows per subarray", ge=1, le=1 << 20)
    address_map: Name = key(
        "RoBaRaCoCh", "order of the address fields, high to low (Ro Ba Bg Ra Co Ch; HBM also Si Pc), or MOP4CLXOR"
    )
    address_hash: Name = key(
        "none",
        "what is XORed into channel, rank and bank: bank (BaBg^Ro), channel (Ch^RoBaBgRaCo), or terms like BaBg^Ro4 "
        "separated by spaces; right sides are folded",
    )
    channel_interleave_bytes: int | None = key(
        None,
        "addresses in a row that stay in one channel (default: as address_map places Ch)",
        "byte",
        ge=8,
        le=1 << 40,
    )
    address_wrap: bool = key(False, "addresses beyond the capacity wrap around instead of being errors")
    line_bytes: int | None = key(
        None,
        "one trace line of this size is one burst (parity presets); default: the burst size",
        "byte",
        ge=8,
        le=1 << 20,
    )
    timing: Timing = key(Timing(), "times of the speed bin")
    timing_ck: dict[str, Clocks] | None = key(
        None, "complete table of timings in clocks, instead of `timing` (parity presets)", "clock"
    )
    controller: DramController = key(DramController(), "scheduling")
    power: Power | None = key(None, "currents and supplies")


class OperatingPoint(Table):
    """[operating_point]: supply voltage and timings the memory really runs at; what is not given stays nominal."""

    vdd: float | None = key(None, "supply of the rail that follows VDD", "V", gt=0, le=5)
    tRCD_ns: float | None = key(None, "ACT to RD or WR (0: ideal)", "ns", ge=0, le=1000)
    tRAS_ns: float | None = key(None, "ACT to PRE", "ns", ge=0, le=1000)
    tRP_ns: float | None = key(None, "PRE to ACT", "ns", ge=0, le=1000)
    latency: Literal["as_given", "lowest_safe"] | None = key(
        None,
        "lowest_safe: tRCD, tRAS and tRP are the shortest that are safe at this VDD, data-sheet times stretched by the "
        "published circuit; as_given (default): data-sheet times and what is given here",
    )
    tREFI_scale: float | None = key(None, "factor on the refresh interval (clocks, rounded down)", "", gt=0, le=1000)
    delta_vdd: float | None = key(None, "change of the supply, instead of `vdd`", "V", ge=-5, le=5)
    delta_vdd_mode: Literal["relative", "absolute"] = key(
        "relative", "relative: scaled by nominal / delta_vdd_reference"
    )
    delta_vdd_reference: float = key(
        1.35, "nominal voltage of the chips on which the change was measured (EDEN)", "V", ge=0.1, le=5
    )
    delta_tRCD_ns: float | None = key(None, "change of tRCD, instead of `tRCD_ns`", "ns", ge=-1000, le=1000)
    delta_tRCD_mode: Literal["relative", "absolute"] = key(
        "relative", "relative: scaled by nominal / delta_tRCD_reference_ns"
    )
    delta_tRCD_reference_ns: float = key(
        12.5, "nominal tRCD of the chips on which the change was measured (EDEN)", "ns", ge=0.1, le=1000
    )


class Partition(OperatingPoint):
    """[[partition]]: a part of the memory with an operating point of its own; axes that are not given mean all."""

    name: Name = key(..., "name used by [placement]")
    channel: Indices | None = key(None, "channels")
    rank: Indices | None = key(None, "ranks")
    chips: Indices | None = key(
        None,
        "devices of a rank that have a supply of their own (VDD only: chips share commands, so their timings are those "
        "of their rank; tensors cannot be placed in chips, because every burst spans all chips of a rank)",
    )
    banks: Indices | None = key(None, "banks within a rank (bank group * banks per group + bank)")
    subarrays: Indices | None = key(None, "subarrays of a bank; tRCD, tRAS and tRP may be their own, VDD is the bank's")


class Switch(OperatingPoint):
    """[[switch]]: another operating point from a time of the run on; what is not given stays as it was before."""

    at_ns: float = key(
        ..., "time from the start of the run; the first clock of the memory at or after it", "ns", ge=0, le=1e15
    )
    mode: Literal["drained", "blocking", "immediate"] = key(
        "drained",
        "drained: no request is accepted until all are served, banks are closed and the settle time is over; blocking: "
        "requests wait in their queues meanwhile; immediate: from that clock on, without a pause",
    )
    settle_ns: float | None = key(
        None,
        "time without commands in which supply and timings change (not with immediate): the change of the supply over "
        "the slew rate of your regulator",
        "ns",
        ge=0,
        le=1e9,
    )
    settle_source: str = key("", "where settle_ns is from: data sheet of the regulator, measurement")
    partition: dict[str, OperatingPoint] = key({}, "new points of partitions, by name")


class Placement(Table):
    """[placement]: which partition holds which tensors; without it everything lies in the whole module."""

    weights: Name | None = key(None, "partition of all weights")
    ifm: Name | None = key(None, "partition of all input feature maps")
    ofm: Name | None = key(None, "partition of output maps that are nobody's input")
    tensors: dict[str, str] = key({}, 'partition of single tensors, e.g. {"conv1.weights" = "safe"}')


class SystemEnergy(Table):
    """[energy.system]: energies of what surrounds the memory, for the share of DRAM in the whole."""

    mac_pj: float | None = key(
        None, "one multiply-accumulate (default: Horowitz, ISSCC 2014, by precision)", "pJ", ge=0, le=1e6
    )
    registers_pj_per_mac: float = key(
        0.0,
        "register files per multiply-accumulate (0: not counted, so DRAM's share is an upper bound)",
        "pJ",
        ge=0,
        le=1e6,
    )
    sram_pj_per_byte: float | None = key(
        None, "one byte read from or written to the buffer (default: Horowitz, ISSCC 2014, by size)", "pJ", ge=0, le=1e6
    )
    sram_bytes_per_mac: float = key(
        0.0,
        "buffer traffic of the array per multiply-accumulate, beside what goes to and from DRAM",
        "byte",
        ge=0,
        le=1e6,
    )
    package_w: float = key(
        0.0,
        "power of the processor's package (CPU, GPU) while it works; it holds compute and buffers, which then count "
        "only as far as mac_pj and sram_pj_per_byte are given",
        "W",
        ge=0,
        le=1e5,
    )
    source: str = key("", "where the numbers given here come from")


class EnergyData(Table):
    """[energy.data]: what the data that move do to RD, WR and the data pins; rates stand for data nobody simulates."""

    law: Literal["none", "vampire_a", "vampire_b", "vampire_c", "ayna"] = key(
        "none",
        "none: RD and WR cost what the currents say, whatever moves; vampire: by ones and toggles, as measured on "
        "DDR3L of vendors A, B, C (Ghose et al., SIGMETRICS 2018); ayna: by toggles, as measured on HBM2 (HBM-Power)",
    )
    ones_fraction: float | None = key(
        None, "share of ones in the data (default: dram.power.io.ones_fraction, else 0.5)", "fraction", ge=0, le=1
    )
    toggle_rate: float | None = key(
        None, "edges per bit on the data pins (default: dram.power.io.toggle_rate, else 0.5)", "fraction", ge=0, le=1
    )
    line_toggle_rate: float | None = key(
        None,
        "share of bits that differ from the burst before (vampire; bank-group bus of ayna; default: toggle_rate)",
        "fraction",
        ge=0,
        le=1,
    )
    stack_toggle_rate: float | None = key(
        None, "toggle rate of the bus through the stack (ayna; default: toggle_rate)", "fraction", ge=0, le=1
    )


class Energy(Table):
    """[energy]: how counters become joules."""

    voltage_model: Literal["quadratic", "drampower", "array_only", "regulated"] = key(
        "quadratic",
        "quadratic: all that is fed from the rail goes with VDD squared; drampower: linearly (currents fixed); "
        "array_only: only the array's share is lowered, squared; regulated: its share goes linearly, the rest squared",
    )
    array_share_column: float = key(
        0.3, "array's share of RD and WR, for array_only and regulated (an assumption)", "fraction", ge=0, le=1
    )
    array_share_background: float = key(
        0.3, "array's share of background, for array_only and regulated (an assumption)", "fraction", ge=0, le=1
    )
    currents: Literal["datasheet", "typical"] = key("datasheet", "data-sheet maxima, or scaled to measured devices")
    typical_of: Literal["auto", "ddr3l_vendor_a", "ddr3l_vendor_b", "ddr3l_vendor_c", "ddr4_rdimm"] = key(
        "auto", "devices whose measured currents `typical` takes (auto: by standard; DDR3 vendor A, DDR4 RDIMM)"
    )
    rails: dict[str, Annotated[float, Field(gt=0, le=5)]] = key(
        {}, "supplies that do not follow VDD, by rail, e.g. {VPP = 2.4, VDDQ = 1.1} (default: nominal)", "V"
    )
    restore_credit: float = key(
        0.0,
        "share of the row energy not spent when a row closes at once, in proportion when it closes before nominal tRAS "
        "(C_cell / (C_cell + C_bitline), about 0.15 to 0.2)",
        "fraction",
        ge=0,
        le=0.3,
    )
    data: EnergyData = key(EnergyData(), "how the energy of RD, WR and the data pins depends on data")
    system: SystemEnergy = key(SystemEnergy(), "compute, buffers and package around the memory")


class Tenant(Workload):
    """[[tenant]]: a further network, or an address trace, on the same memory, at addresses of its own."""

    name: Name = key(..., "name used by results")
    machine: Machine | None = key(
        None,
        "where it runs (default: as [machine] says; on a CPU, further cores behind the caches that [machine] shares)",
    )
    start_ns: float = key(0.0, "when it starts", "ns", ge=0, le=1e12)


class Draft(Table):
    """A configuration as far as it is right in itself: its memory may be missing. Made for checks that look deeper."""

    title: str = key("", "one line for tables and figures")
    workload: Workload | None = key(None, "what runs")
    machine: Machine | None = key(None, "where it runs")
    tenant: list[Tenant] = key([], "networks that share the memory with that of [workload]")
    dram: Dram | None = key(None, "the memory")
    operating_point: OperatingPoint = key(OperatingPoint(), "supply and timings of the whole memory")
    compare: dict[str, OperatingPoint] = key({}, "further operating points that run beside it")
    partition: list[Partition] = key([], "parts with an operating point of their own")
    switch: list[Switch] = key([], "changes of the operating point at a time, in order of time")
    placement: Placement = key(Placement(), "where tensors lie")
    errors: Errors | None = key(None, "errors of the reads")
    energy: Energy = key(Energy(), "energy model")
    seed: int = key(0, "seed of everything that is drawn", ge=0, lt=1 << 63)
    eden: Eden | None = key(None, "what `edensim eden` boosts, characterises and maps")
    sweep: Sweep | None = key(None, "which keys `edensim sweep` varies")


class Config(Draft):
    """A whole configuration."""

    dram: Dram = key(..., "the memory")
