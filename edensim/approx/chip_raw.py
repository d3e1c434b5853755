"""The public measurements themselves: reading them, and deriving from them the numbers of profiles A, B and C.

The files are not part of edensim. They come from two repositories of the SAFARI group:

- `data_latvar_sigmetrics2016.csv` of CMU-SAFARI/DRAM-Latency-Variation-Study (BSD-3): one row per test of a DDR3
  module, bit error rate of every bank (Chang et al., SIGMETRICS 2016);
- `dimm_faulty_cachelines_out.csv` and `retention_time_profile.csv` of CMU-SAFARI/DRAM-Voltage-Study: DDR3L modules,
  share of faulty cache lines by VDD, and retention (Chang et al., SIGMETRICS 2017).

Nothing in them says that vendor A of one study is vendor A of the other.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edensim.approx.laws_normal import share_of, z_of
from edensim.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

LATENCY, VOLTAGE, RETENTION = (
    "data_latvar_sigmetrics2016.csv",
    "dimm_faulty_cachelines_out.csv",
    "retention_time_profile.csv",
)
LINES = 1 << 25
"""Cache lines of a DDR3L module of 2 GiB."""
PATTERNS = ("0x0", "0xff", "0xaa", "0xcc")
SATURATED = 0.995
"""Share of the lines that can fail above which a point says nothing about the slope."""
BANKS = [f"Bank{k}" for k in range(8)]
TIMES_NS = (2.5, 5.0, 7.5)
Floats = NDArray[np.float64]


def read_latency(folder: str | Path) -> pd.DataFrame:
    """Tests of the latency study: bank rates, DIMMBER, Label (module), Pattern, Temperature, VendorMask, tRCD, tRP.

    Raises
    ------
    InputError
        If the file is missing or not the published one (11 970 tests).
    """
    return _read(folder, LATENCY, ["DIMMBER", "Label", "Pattern", "Temperature", "VendorMask", "tRCD", "tRP"], 11_970)


def read_voltage(folder: str | Path) -> pd.DataFrame:
    """Faulty cache lines of the voltage study: dimm_name, vdd (V), vendor, fraction (0 … 1).

    Raises
    ------
    InputError
        If the file is missing or not the published one (212 points).
    """
    frame = _read(folder, VOLTAGE, ["dimm_name", "vdd", "vendor", "error_cacheline_percent"], 212)
    return frame.assign(fraction=frame["error_cacheline_percent"] / 100)


def read_retention(folder: str | Path) -> pd.DataFrame:
    """Retention tests of the voltage study: vendor, vdd (V), temperature_C, interval_ms, cells that failed."""
    names = {"temperature(C)": "temperature_C", "refresh_interval(ms)": "interval_ms"}
    frame = _read(folder, RETENTION, [*names, "dimm_name", "total_dimm_bit_err_count"], None)
    return frame.rename(columns=names | {"total_dimm_bit_err_count": "cells"})


def module_trcd(latency: pd.DataFrame) -> pd.DataFrame:
    """Bit error rate of every module at 20 C by tRCD (index vendor, dimm, tRCD): one column per pattern, and `mean`."""
    tests = latency[(latency["Temperature"] == 20) & (latency["tRP"] == 12.5) & (latency["tRCD"] < 12.5)]
    tests = tests[tests["Pattern"].isin(PATTERNS)]
    by_pattern = tests.groupby(["VendorMask", "Label", "tRCD", "Pattern"])["DIMMBER"].median().unstack()
    return by_pattern.assign(mean=by_pattern[list(PATTERNS)].mean(axis=1))


def module_trp(latency: pd.DataFrame) -> pd.DataFrame:
    """Error rate of every module at 20 C by tRP: solid patterns, banks 1 to 7 (bank 0 is clean by order of testing)."""
    tests = latency[(latency["Temperature"] == 20) & (latency["tRCD"] == 12.5) & (latency["tRP"] < 12.5)]
    tests = tests[tests["Pattern"].isin(PATTERNS[:2])]
    rate = tests.assign(rate=tests[BANKS[1:]].mean(axis=1))
    medians = rate.groupby(["VendorMask", "Label", "tRP", "Pattern"])["rate"].median()
    return medians.groupby(level=[0, 1, 2]).mean().unstack()


def bank_quantiles(latency: pd.DataFrame, vendor: str) -> list[list[float]]:
    """How much the quantile of each bank lies above that of its module, median over modules, per tRCD knot."""
    tests = latency[(latency["Temperature"] == 20) & (latency["tRP"] == 12.5) & (latency["VendorMask"] == vendor)]
    tests = tests[tests["Pattern"].isin(PATTERNS)]
    banks = tests.groupby(["Label", "tRCD", "Pattern"])[BANKS].median().groupby(level=[0, 1]).mean()
    offsets = []
    for time in TIMES_NS:
        share = np.clip(2 * banks.xs(time, level="tRCD").to_numpy(), 1e-11, 1 - 1e-9)
        z = np.vectorize(z_of)(share) - np.vectorize(z_of)(share.mean(axis=1))[:, None]
        offsets.append(np.round(np.median(z, axis=0), 2).tolist())
    return offsets


def temperature_factors(latency: pd.DataFrame, vendor: str, tRCD_ns: float = 5.0) -> dict[float, float]:
    """Error rate of a vendor's modules by temperature (C) over that at 20 C, mean over those that were heated."""
    tests = latency[(latency["tRCD"] == tRCD_ns) & (latency["tRP"] == 12.5) & (latency["VendorMask"] == vendor)]
    tests = tests[tests["Pattern"].isin(PATTERNS)]
    medians = tests.groupby(["Label", "Temperature", "Pattern"])["DIMMBER"].median()
    rates = medians.groupby(level=[0, 1]).mean().unstack().dropna(axis=0)
    factors = rates.div(rates[20], axis=0).mean()
    return dict(zip(map(float, factors.index.tolist()), map(float, factors.tolist()), strict=True))


def module_quantiles(rates: pd.Series) -> pd.Series:
    """Quantiles of failing shares; those beyond 0.999 count as that, as the data give no more."""
    return rates.dropna().map(lambda share: z_of(min(share, 0.999)))


def vendor_knots(modules: pd.DataFrame, vendor: str) -> dict[str, Any]:
    """Knots of the tRCD law: z, one_share and their deviations between modules."""
    rows: dict[str, list[float]] = {name: [] for name in ("z", "z_sd", "one_share", "one_share_sd")}
    quantiles = []
    for time in TIMES_NS:
        frame = modules.loc[modules["mean"].notna()].xs((vendor, time), level=(0, 2))
        z = frame["mean"].map(lambda ber: z_of(min(2 * ber, 1 - 1e-6)))
        one = frame["0xff"] / (frame["0xff"] + frame["0x0"])
        rows["z"].append(float(z.median()))
        rows["z_sd"].append(float(z.std()))
        rows["one_share"].append(float(one.median()))
        inner = one[(one > 0) & (one < 1)].map(lambda a: math.log(a / (1 - a)))
        rows["one_share_sd"].append(float(inner.std()) if one.median() > 0 else 0.0)
        quantiles.append(z)
    pairs = [quantiles[i].corr(quantiles[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    return rows | {"z_correlation": max(0.0, float(np.mean(pairs)))}


def voltage_law(voltage: pd.DataFrame, vendor: str) -> dict[str, Any]:
    """Parameters of the line law: slope, v50 of every module, deviations.

    A Tobit regression z = slope (v50 of the module - V) + noise: a point without errors says z < Phi^-1(2^-25), one at
    saturation z > Phi^-1(0.995). Where no module has errors at two voltages (vendor A) the slope is the largest lower
    bound.
    """
    frame = voltage[voltage["vendor"] == vendor]
    half = 0.5 if vendor == "C" else 1.0
    names = sorted(frame["dimm_name"].unique(), key=lambda name: int(name[1:]))
    unseen = z_of(1 / LINES / half)
    z = np.array([z_of(min(f / half, SATURATED)) if f > 0 else unseen for f in frame["fraction"]])
    erring = frame[frame["fraction"] > 0].groupby("dimm_name")["vdd"].count()
    if erring.max() < 2:
        return _bound(frame, z, unseen)
    design = np.column_stack([-frame["vdd"].to_numpy(), *(frame["dimm_name"] == n for n in names)]).astype(float)
    side = np.where(z <= unseen, -1, np.where(z >= z_of(SATURATED), 1, 0))
    coefficients, sd = tobit(design, z, side)
    v50 = coefficients[1:] / coefficients[0]
    seen = [n in erring.index for n in names]
    return {
        "slope_per_v": float(coefficients[0]),
        "v50": float(v50[seen].mean()),
        "v50_sd": float(v50[seen].std(ddof=1)),
        "z_sd": sd,
        "modules": {n: float(v) for n, v, s in zip(names, v50, seen, strict=True) if s},
    }


def tobit(design: Floats, y: Floats, side: NDArray[np.int64]) -> tuple[Floats, float]:
    """Least squares where y is only a bound if side is -1 (y is at most that) or 1 (at least): coefficients, sd.

    EM: bounds are replaced by their expectation under the present line, until it moves by less than 1e-10.
    """
    solve = np.linalg.pinv(design)
    filled, sd = y.copy(), 1.0
    coefficients = solve @ filled
    bounds = np.flatnonzero(side)
    for _ in range(20_000):
        mean = design @ coefficients
        a = -side[bounds] * (y[bounds] - mean[bounds]) / sd
        hazard = np.exp(-a * a / 2) / math.sqrt(2 * math.pi) / np.array([max(share_of(x), 1e-300) for x in a])
        filled[bounds] = mean[bounds] + side[bounds] * sd * hazard
        spread = sd * sd * (1 - a * hazard - hazard * hazard)
        new = solve @ filled
        sd = math.sqrt((((filled - mean) ** 2).sum() + spread.sum()) / len(y))
        if np.abs(new - coefficients).max() < 1e-10:
            break
        coefficients = new
    return coefficients, sd


def retention_cells(retention: pd.DataFrame, vendor: str) -> pd.DataFrame:
    """Mean failing cells of a module by temperature (rows, C) and interval (columns, ms), all voltages together."""
    frame = retention[retention["dimm_name"].str.startswith(vendor)]  # the column "vendor" calls some of them "Other"
    modules = frame.groupby(["dimm_name", "vdd", "temperature_C", "interval_ms"])["cells"].mean()
    return modules.groupby(level=[2, 3]).mean().unstack()


def _bound(frame: pd.DataFrame, z: Floats, unseen: float) -> dict[str, Any]:
    vdd, names = frame["vdd"].to_numpy(), frame["dimm_name"].to_numpy()
    slope, seen = 0.0, np.flatnonzero(frame["fraction"].to_numpy() > 0)
    for k in seen:
        above = vdd[(names == names[k]) & (vdd > vdd[k])].min()
        slope = max(slope, float((z[k] - unseen) / (above - vdd[k])))
    v50 = {str(names[k]): float(vdd[k] + z[k] / slope) for k in seen}
    values = np.array(list(v50.values()))
    sd = float(values.std(ddof=1))
    return {"slope_per_v": slope, "v50": float(values.mean()), "v50_sd": sd, "z_sd": 0.0, "modules": v50}


def _read(folder: str | Path, name: str, columns: list[str], rows: int | None) -> pd.DataFrame:
    import pandas as pd

    path = Path(folder) / name
    try:
        frame = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as CSV ({error})") from None
    missing = [column for column in columns if column not in frame]
    if missing or (rows is not None and len(frame) != rows):
        raise InputError(
            f"{path}: found {len(frame):,} rows without {missing or 'a missing column'}; expected the published file"
            + (f" of {rows:,} rows" if rows else "")
        )
    return frame
