"""Devices in the memory specification format of DRAMPower and DRAMSys (`memspec` JSON): SI units, timings in clocks.

Read: organisation, timings that matter for energy, currents of every rail, `factRho`, impedances. The rail that
`operating_point.vdd` lowers is VDD, VDD2, VDD2H or VDD2C. Known traps are errors with a hint: currents in mA, voltages
in mV, misspelt keys.

Not read: partial-array self refresh, pre- and postambles, interface data rates.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edensim.config import schema
from edensim.dram.power_device import PowerDevice
from edensim.errors import InputError, did_you_mean

# Per standard: rail -> (voltage key, letter of its currents, what follows the number of the current).
RAILS: dict[str, dict[str, tuple[str, str, str]]] = {
    "DDR3": {"VDD": ("vdd", "idd", "")},
    "DDR4": {"VDD": ("vdd", "idd", ""), "VPP": ("vpp", "ipp", "")},
    "DDR5": {"VDD": ("vdd", "idd", ""), "VPP": ("vpp", "ipp", "")},
    "LPDDR4": {"VDD1": ("vdd1", "idd", "1"), "VDD2": ("vdd2", "idd", "2")},
    "LPDDR5": {"VDD1": ("vdd1", "idd", "1"), "VDD2H": ("vdd2h", "idd", "2h"), "VDD2L": ("vdd2l", "idd", "2l")},
    "LPDDR6": {"VDD1": ("vdd1", "idd", "1"), "VDD2C": ("vdd2c", "idd", "2c"), "VDD2D": ("vdd2d", "idd", "2d")},
}
RAILS["LPDDR3"] = RAILS["LPDDR4"]
FOLLOWS = ("VDD", "VDD2", "VDD2H", "VDD2C")
CURRENTS = {"IDD0": "0", "IDD2N": "2n", "IDD3N": "3n", "IDD4R": "4r", "IDD4W": "4w", "IDD2P": "2p", "IDD3P": "3p"}
REFRESH_MODES = {"DDR4": {1: "5B", 2: "5F2", 4: "5F4"}, "DDR5": {1: "5b", 2: "5f"}, "DDR3": {1: "5B"}}
ONE_BANK = ("LPDDR3", "LPDDR4", "LPDDR5", "LPDDR6")
LARGEST_A, LARGEST_V = 5.0, 5.0
SMALLEST_A = 1e-3
WHAT = "a memspec JSON of DRAMPower (voltages in V, currents in A, tCK in s, timings in clocks)"


class _Section:
    """One table of the file; reading a missing or wrong entry is an error that names it."""

    def __init__(self, path: Path, name: str, table: Any) -> None:
        if not isinstance(table, Mapping):
            raise InputError(f"{path}: memspec.{name} is missing; expected {WHAT}")
        self.path, self.name, self.table = path, name, table

    def number(self, key: str, low: float = 0.0, high: float = 1e12, default: float | None = None) -> float:
        if key not in self.table and default is not None:
            return default
        value = self.table.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            hint = did_you_mean(key, self.table) if value is None else ""
            found = "nothing" if value is None else repr(value)[:40]
            raise InputError(
                f"{self.path}: memspec.{self.name}.{key}: found {found}, "
                f"expected a number from {low:g} to {high:g}{hint}"
            )
        return float(value)

    def whole(self, key: str, low: int = 0, high: int = 1 << 30, default: int | None = None) -> int:
        value = self.number(key, low, high, default)
        if value != int(value):
            raise InputError(f"{self.path}: memspec.{self.name}.{key}: found {value:g}, expected a whole number")
        return int(value)


def load_memspec(path: str | Path) -> PowerDevice:
    """Read a device from a memspec JSON file.

    Raises
    ------
    InputError
        Missing or damaged file, an unknown standard, a missing, impossible or wrongly scaled entry.
    """
    path = Path(path)
    try:
        spec = json.loads(path.read_text(encoding="utf-8-sig"))["memspec"]
        standard = str(spec["memoryType"])
    except OSError as problem:
        raise InputError(f"{path}: cannot be read ({problem.strerror}); expected {WHAT}") from None
    except (ValueError, KeyError, TypeError, RecursionError) as problem:
        raise InputError(f"{path}: {type(problem).__name__}: {problem}; expected {WHAT}") from None
    if standard not in RAILS:
        hint = did_you_mean(standard, RAILS, f"known are {', '.join(RAILS)}")
        raise InputError(f"{path}: memspec.memoryType is {standard[:40]!r}{hint}")
    names = ("memarchitecturespec", "memtimingspec", "mempowerspec")
    arch, timing, power = (_Section(path, name, spec.get(name)) for name in names)
    bankwise = _Section(path, "bankwisespec", spec.get("bankwisespec") or {})
    banks, groups = arch.whole("nbrOfBanks", 1, 4096), arch.whole("nbrOfBankGroups", 0, 64, 1) or 1
    if banks % groups:
        raise InputError(f"{path}: memspec.memarchitecturespec: {banks} banks do not divide into {groups} bank groups")
    rate, length = arch.whole("dataRate", 1, 64), arch.whole("burstLength", 1, 1024)
    mode = arch.whole("RefMode", 0, 4, 1) or 1
    wck = timing.whole("WCK2CK", 1, 8, 1) if standard in ("LPDDR5", "LPDDR6") else 1
    return PowerDevice(
        name=str(spec.get("memoryId", path.stem))[:200],
        standard=standard,
        ranks=arch.whole("nbrOfRanks", 1, 64, 1),
        bank_groups=groups,
        banks=banks,
        devices=max(arch.whole("nbrOfDevices", 0, 1024, 1), 1),
        width_bits=arch.whole("width", 1, 1024),
        burst_length=length,
        clock_ns=timing.number("tCK", 1e-11, 1e-7) * 1e9,
        clocks=_clocks(standard, timing, length, rate, wck, mode),
        spare_ck=0,
        burst_ck=length / rate / wck,
        idd3n_basis="one_bank" if standard in ONE_BANK else "all_banks",
        column_base=_column_base(standard, groups),
        rho=bankwise.number("factRho", 0, 1, 1.0),
        rails={name: _rail(path, standard, name, power, mode) for name in RAILS[standard]},
        lines=_lines(path, spec.get("memimpedancespec"), power),
        wck_per_ck=wck if standard in ("LPDDR5", "LPDDR6") else 0,
        wck_always_on=bool(arch.table.get("WCKalwaysOn", False)),
    )


def _column_base(standard: str, groups: int) -> Any:
    if standard not in ONE_BANK:
        return "all_banks"
    return "two_banks" if standard == "LPDDR6" or (standard == "LPDDR5" and groups > 1) else "one_bank"


def _clocks(standard: str, timing: _Section, length: int, rate: int, wck: int, mode: int) -> dict[str, int]:
    """Clocks by the names of edensim; the offsets of RDA and WRA are DRAMPower's, which follow JEDEC's figures."""
    low_power = standard in ONE_BANK
    clocks = {"nRAS": timing.whole("RAS", 1), "nRP": timing.whole("RPpb" if low_power else "RP", 1)}
    keys = {"LPDDR5": ("RCD_S",), "LPDDR6": ("RCD_r", "RCD_w")}.get(standard, ("RCD",))
    clocks["nRCD"] = max(timing.whole(key) for key in keys)
    burst, written = length // (rate * wck), timing.whole("WL") + timing.whole("WR")
    if standard == "LPDDR4" or standard == "LPDDR3":
        clocks["nRDA"] = timing.whole("RTP") + (0 if length == 16 else 8 if standard == "LPDDR4" else 0)
        clocks["nWRA"] = written + length // 2 + 1
    elif low_power:
        clocks["nRDA"], clocks["nWRA"] = burst + timing.whole("RBTP"), written + burst + 1
    else:
        clocks["nRDA"], clocks["nWRA"] = timing.whole("AL", default=0) + timing.whole("RTP"), written + burst
    if low_power:
        clocks |= {"nRFC": timing.whole("RFCab", 1), "nREFI": timing.whole("REFI", 1)}
        if standard == "LPDDR6":
            clocks["nRFCdb"] = timing.whole("RFCdb", 1)
        else:
            clocks["nRFCpb"] = timing.whole("RFCpb", 1)
        if standard == "LPDDR5":
            clocks["nRFC2b"] = clocks["nRFCpb"]
    elif standard == "DDR5":
        name = "RFC2_slr" if mode == 2 else "RFC1_slr"
        clocks |= {"nRFC": timing.whole(name, 1), "nREFI": timing.whole("REFI1", 1)}
        clocks["nRFCsb"] = timing.whole("RFCsb_slr", 1)
    else:
        name = {2: "RFC2", 4: "RFC4"}.get(mode, "RFC1") if standard == "DDR4" else "RFC"
        clocks |= {"nRFC": timing.whole(name, 1), "nREFI": timing.whole("REFI", 1)}
    return clocks


def _rail(path: Path, standard: str, name: str, power: _Section, mode: int) -> schema.Rail:
    """Currents of one rail in mA, refused where they look like mA in a file of amperes or break their order."""
    voltage_key, letters, tail = RAILS[standard][name]
    voltage = power.number(voltage_key, 0, 1e6)
    if not 0.1 <= voltage <= LARGEST_V:
        hint = f"; {voltage:g} mV would be {voltage / 1000:g} V" if voltage >= 100 else ""
        raise InputError(f"{path}: memspec.mempowerspec.{voltage_key} is {voltage:g}; expected 0.1 to 5 V{hint}")
    keys = {field: f"{letters}{short}{tail}" for field, short in CURRENTS.items()}
    keys["IDD6"] = f"{letters}6{tail}" if standard in ONE_BANK else f"{letters}6n"
    if standard in ONE_BANK:
        keys["IDD5B"] = f"{letters}5{tail}"
        keys["IDD5PB"] = f"{letters}5pdb{tail}" if standard == "LPDDR6" else f"{letters}5pb{tail}"
        if standard in ("LPDDR5", "LPDDR6"):
            keys["IDD6DS"] = f"{letters}6ds{tail}"
    else:
        keys["IDD5B"] = letters + REFRESH_MODES[standard].get(mode, REFRESH_MODES[standard][1])
        if standard == "DDR5":
            keys["IDD5C"] = f"{letters}5c"
    optional = ("IDD2P", "IDD3P", "IDD6", "IDD6DS", "IDD5PB", "IDD5C")
    found = {field: key for field, key in keys.items() if field not in optional or key in power.table}
    ampere = {field: power.number(key, 0, 1e6) for field, key in found.items()}
    largest = max(ampere, key=lambda field: ampere[field])
    if ampere[largest] > LARGEST_A:
        raise InputError(
            f"{path}: memspec.mempowerspec.{found[largest]} is {ampere[largest]:g} A; expected less than "
            f"{LARGEST_A:g} A. The file seems to hold mA where A is meant: write {ampere[largest] / 1000:g}"
        )
    beta = f"iBeta_{voltage_key}"
    if beta in power.table:
        ampere["IDD_precharge"] = power.number(beta, 0, LARGEST_A)
    try:
        return schema.Rail(voltage_v=voltage, follows_vdd=name in FOLLOWS, **{k: v * 1000 for k, v in ampere.items()})
    except ValidationError as problem:
        raise InputError(f"{path}: memspec.mempowerspec, rail {name}: {problem.errors()[0]['msg']}") from None


def _lines(path: Path, table: Any, power: _Section) -> dict[str, float]:
    if not isinstance(table, Mapping):
        return {}
    section = _Section(path, "memimpedancespec", table)
    lines = {"vddq": power.number("vddq", 0, LARGEST_V, 0.0)}
    for key, value in table.items():
        lines[str(key)] = float(value) if isinstance(value, bool) else section.number(str(key), 0)
        if str(key).endswith("_R_eq") and lines[str(key)] == 0:
            raise InputError(f"{path}: memspec.memimpedancespec.{key} is 0 ohm; expected a resistance above 0")
    return lines
