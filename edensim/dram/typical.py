"""Measured currents as shares of the data-sheet maxima, and how they scale the costs of commands.

Data sheets give worst cases. What is scaled are *differences* (standby; the premium of open banks over closed ones; the
excess of a row cycle, a burst and a refresh over background), each by the share that was measured for its current.
Single currents scaled alone would contradict each other: IDD0 of vendor A would fall below IDD2N.

Not known: shares of VPP, of power-down and self refresh (taken as those of standby), of DDR5, LPDDR and HBM.
"""

from __future__ import annotations

from dataclasses import dataclass

from edensim.errors import ConfigError


@dataclass(frozen=True)
class Shares:
    """Measured over data-sheet current, in [0, 1]: IDD0, IDD2N, IDD3N, IDD4R, IDD4W, IDD5B."""

    row: float
    standby: float
    active: float
    read: float
    write: float
    refresh: float
    source: str


VAMPIRE = "Ghose et al., SIGMETRICS 2018 (VAMPIRE), 50 DDR3L-1600 modules"
SHARES = {
    "ddr3l_vendor_a": Shares(0.402, 0.383, 0.234, 0.459, 0.491, 0.886, VAMPIRE),
    "ddr3l_vendor_b": Shares(0.426, 0.766, 0.532, 0.795, 0.545, 0.720, VAMPIRE),
    "ddr3l_vendor_c": Shares(0.454, 0.549, 0.334, 0.954, 0.590, 0.880, VAMPIRE),
    # Refresh was not calibrated: left at the data sheet.
    "ddr4_rdimm": Shares(0.54, 0.576, 0.35, 0.553, 0.43, 1.0, "Shi et al., arXiv 2411.17960, DDR4-2133 RDIMM"),
}
BY_STANDARD = {"DDR3": "ddr3l_vendor_a", "DDR4": "ddr4_rdimm"}


def typical_shares(name: str, standard: str) -> Shares:
    """Shares by name; "auto" takes those of the standard.

    Raises
    ------
    ConfigError
        Nothing was measured for the standard.
    """
    if name == "auto":
        if standard not in BY_STANDARD:
            raise ConfigError(
                f"energy.currents = 'typical': nobody has published measured currents of {standard}; "
                f"use 'datasheet', or name the devices to borrow from: energy.typical_of = one of {', '.join(SHARES)}"
            )
        name = BY_STANDARD[standard]
    return SHARES[name]
