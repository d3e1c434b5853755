"""Where our presets differ from ramulator 2.1 for the same device, clock by clock, and whose number has which source.

The clocks are compared as both presets resolve them; every difference needs a reason here, or the page says that there
is none (a test keeps it from that).
"""

from __future__ import annotations

from typing import NamedTuple

from table import markdown

from edensim.config import Presets, load_config
from edensim.dram.timing import TimingSet, resolve_timing

PART, TITLE = "DRAM timing", "Differences from ramulator 2.1 and from data sheets"
MERIT = "clocks of our presets that differ from the parity preset of the same device"
LIMITS = [
    (
        "numbers that have one public source only (GDDR6, HBM2, HBM3)",
        "an error of that source is ours too; such presets say low trust",
    ),
]
PAIRS = {
    "ddr3l-1600-4gb-x8": "ddr3_1600_frfcfs32",
    "ddr4-2400r-8gb-x8": "ddr4_2400_frfcfs32",
    "ddr4-3200aa-8gb-x8": "ddr4_3200_frfcfs32",
    "ddr5-4800-16gb-x8": "ddr5_4800_frfcfs32",
    "lpddr5-6400-16gb-x16": "lpddr5_6400_allbank",
    "gddr6-14000-8gb-x16": "gddr6_14000_frfcfs32",
    "hbm2-2000-8gb-x128": "hbm2_2000_frfcfs32",
    "hbm3-6400-16gb-x64": "hbm3_6400_frfcfs32",
}
"""Our memory and the parity preset of the same device and data rate."""

CLOCK = "tREFI is a longest mean, so ours is rounded down; ramulator rounds it up, from a clock period in whole ps"
BUS = "ramulator lets a write to another rank follow as soon as a read would, into a bus that still carries data"
SPEED_BIN = "ours is the speed bin 4800B (40-39-39) of JESD79-5; ramulator has one of 36-36-36"
PER_BANK = "ours refreshes every bank once per tREFI; the parity preset keeps the interval that ramulator uses"
UNUSED = "of single-bank refreshes, which no preset of this family uses; our preset leaves it at its default"
SAME_BANK = "of same-bank refreshes (JESD79-5), which the parity preset does not have"
REASONS = {
    "nRTW_R": BUS,
    "nREFIpb": PER_BANK,
    "ddr4-2400r-8gb-x8 nREFI": CLOCK,
    "ddr4-2400r-8gb-x8 nRFC": "350 ns for 8 Gb (JESD79-4; DRAMsim3 too); ramulator has 360 ns",
    "ddr4-3200aa-8gb-x8 nRFC": "350 ns for 8 Gb (JESD79-4; DRAMsim3 too); ramulator has 360 ns",
    **{f"ddr5-4800-16gb-x8 {name}": SPEED_BIN for name in ("nCL", "nCWL", "nRCD", "nRP", "nRC")},
    "ddr5-4800-16gb-x8 nREFI": CLOCK,
    "ddr5-4800-16gb-x8 nRFC": "295 ns (Micron MT60B); JESD79-5 lets 0.3 % of a time go when it is rounded to clocks",
    "ddr5-4800-16gb-x8 nFAW": "32 clocks for a page of 1 KB (JESD79-5); ramulator has more",
    "ddr5-4800-16gb-x8 nCCD_L_WR": "tCCD_L_WR2 of x8 devices (JESD79-5); ramulator has the value of x4",
    **{f"ddr5-4800-16gb-x8 {name}": SAME_BANK for name in ("nREFIsb", "nREFSBRD", "nRFCsb")},
    "gddr6-14000-8gb-x16 nREFI": CLOCK,
    "gddr6-14000-8gb-x16 nRFC": "120 ns are 210 clocks exactly; ramulator rounds the clock period down",
    "gddr6-14000-8gb-x16 nREF_AFTER_PRE": "1: a refresh waits tRP after a precharge of one bank (JESD250); not there",
    "gddr6-14000-8gb-x16 nWTR_S": "10 clocks (Samsung K4Z80325BC tables 91, 92); ramulator's table has one less",
    "gddr6-14000-8gb-x16 nWTR_L": "12 clocks (Samsung K4Z80325BC tables 91, 92); ramulator's table has one less",
    "gddr6-14000-8gb-x16 nRFCpb": UNUSED,
    "gddr6-14000-8gb-x16 nRREFD": UNUSED,
    "hbm2-2000-8gb-x128 nRFC": "260 ns for 4 Gb per channel (JESD235A); ramulator has the 350 ns of 8 Gb",
    "hbm3-6400-16gb-x64 nRTW": "26 half clocks put the write a clock behind the read on the pins; ramulator waits more",
    "lpddr5-6400-16gb-x16 nRC": "tRAS + tRP in ns, rounded once; ramulator adds two rounded numbers",
    "lpddr5-6400-16gb-x16 nREFI": CLOCK,
    "lpddr5-6400-16gb-x16 nRTW": "a burst of one bank group lasts nBL_max clocks; ramulator counts nBL",
    "lpddr5-6400-16gb-x16 nWTR_R": "only the bus has to turn between ranks; ramulator waits longer",
    "lpddr5-6400-16gb-x16 nRPab_REF": "a refresh waits for the all-bank precharge, tRPab (JESD209-5); ramulator: tRP",
    "lpddr5-6400-16gb-x16 nACT2PBR": "a refresh of one bank draws an activation's current: tRRD (JESD209-5); not there",
}
"""By clock name, or by memory and clock name."""

RULES = [
    ("DDR3, DDR4, DDR5", "tRFC from a refresh to the next", "JESD79: no row; harmless until refreshes are postponed"),
    ("HBM2, HBM3", "refresh to refresh, all banks and single ones", "JESD235, JESD238: no rows"),
    ("LPDDR5, HBM2, HBM3", "single-bank refresh after an auto-precharge or all-bank precharge", "no rows"),
    (
        "closed rows (ClosedCAP)",
        "a row is closed under a request of the other direction that has opened it, and the bank's counter stays one "
        "too high for ever",
        "kept, because the commands shall be equal; it costs our own presets with closed rows a few clocks as well",
    ),
    (
        "closed rows (ClosedCAP)",
        "a precharge that waited is issued to a bank that is closed by then, perhaps while it refreshes",
        "kept in the parity presets; ours drop it",
    ),
    (
        "printed mean read latency",
        "the sum over all reads divided by those that were not forwarded",
        "ours divides by all reads",
    ),
    (
        "RoBaRaCoCh",
        "the rank lies below the bank group, despite the name; ChRaBaRoCo has the bank below the bank group",
        "kept: an order of our own names `Bg` where it shall be",
    ),
]
"""What else differs: where, what ramulator 2.1 (commit c5b1c3a) does or lacks, what we do."""

FILES = [
    ("DRAMsim3 (commit 2981759)", "DDR3_*_1600/1866 and LPDDR3_* say REFI for tREFI, and run with 7800 clocks"),
    ("DRAMsim3", "LPDDR4_8Gb_x16_2400 has currents and refresh times of DDR4, GDDR6_8Gb_x16 currents of GDDR5"),
    ("DRAMsim3", "IPP* and IDD3P are read nowhere"),
    ("ramulator 2.0a", "the DDR5 currents are those of DDR4"),
    ("DRAMSys 5.5", "SAMSUNG_K4B* has currents in mA where A is meant; most JEDEC_*_LPDDR4-* are zero"),
    ("DRAMPower 6.2 test memspecs", "the same toy currents for DDR4, DDR5, LPDDR4 and LPDDR5; second rails are zero"),
    (
        "Samsung K4Z80325BC table 82",
        "IDD0 is below IDD3N, so an activation would cost less than nothing: no GDDR6 power",
    ),
]
"""Published files that our presets do not follow, and why not."""


class Difference(NamedTuple):
    """One clock that differs."""

    memory: str
    name: str
    ours: int | None
    theirs: int | None

    @property
    def reason(self) -> str:
        """Whose number has which source, or an empty text."""
        return REASONS.get(f"{self.memory} {self.name}") or REASONS.get(self.name, "")


def timing_of(preset: str) -> TimingSet:
    """Clocks of a preset."""
    return resolve_timing(load_config({"dram": {"preset": preset}}).config.dram)


def differences() -> list[Difference]:
    """Every clock that differs between our memories and ramulator's, for pairs that are shipped."""
    shipped = set(Presets().names("dram"))
    found = []
    for memory, parity in PAIRS.items():
        if memory not in shipped or f"ramulator2:{parity}" not in shipped:
            continue
        ours, theirs = timing_of(memory).ck, timing_of(f"ramulator2:{parity}").ck
        names = [name for name in sorted(set(ours) | set(theirs)) if ours.get(name) != theirs.get(name)]
        found += [Difference(memory, name, ours.get(name), theirs.get(name)) for name in names]
    return found


def measure() -> tuple[str, str]:
    """All pairs."""
    found = differences()
    rows = [[d.memory, d.name, d.ours, d.theirs, d.reason or "NO REASON KNOWN"] for d in found]
    clocks = markdown(["memory", "clocks", "ours", "ramulator 2.1", "source"], rows)
    rules = markdown(["where", "ramulator 2.1", "source, and what we do"], RULES)
    files = markdown(["file", "what is wrong with it"], FILES)
    told = f"{len(found)} clocks of {len({d.memory for d in found})} memories, each with its source"
    return told, f"{clocks}\n\nConstraints and rules:\n\n{rules}\n\nFiles that our presets do not follow:\n\n{files}"
