"""A sweep with invented numbers that follow a formula, in memory and as a folder."""

import csv
import io
import json
from itertools import product
from types import SimpleNamespace

import pandas as pd
import pytest

VDD, TRCD = "operating_point.vdd", "operating_point.tRCD_ns"
PARTS = {"act": 0.5e9, "pre": 0.3e9, "rd": 2.8e9, "wr": 0.4e9, "ref": 0.5e9, "background": 1.5e9, "io": 2.0e9}


def metrics(setting: dict) -> dict[str, float]:
    """Energy falls with VDD squared (but I/O), time with tRCD and rises as VDD falls, so that there is a front."""
    vdd, trcd, seed = setting.get(VDD, 1.2), setting.get(TRCD, 12.0), setting.get("seed", 0)
    time = 1e6 * (1 + trcd / 60) * (1.2 / vdd) / setting.get("dram.channels", 1) * (1 + 0.01 * seed)
    parts = {f"energy_pj.{k}": v * ((vdd / 1.2) ** 2 if k != "io" else 1.0) for k, v in PARTS.items()}
    own = {"bandwidth_gb_s": 5e6 / time, "read_latency_ns.mean": 80 + trcd, "commands.ACT": 9580}
    return {"time_ns": time, "energy_pj.total": sum(parts.values()), **parts, **own}


@pytest.fixture
def make_sweep():
    """Make a sweep from axes {key: values}; `failed` are indices of points without metrics."""

    def make(axes=None, mode="grid", failed=()):
        axes = axes or {VDD: [1.2, 1.1, 1.0], TRCD: [14.0, 12.0]}
        rows = []
        for k, values in enumerate(product(*axes.values()) if mode == "grid" else zip(*axes.values(), strict=True)):
            setting = dict(zip(axes, values, strict=True))
            status = "failed" if k in failed else "ok"
            measured = {} if k in failed else metrics(setting)
            rows.append({"point": f"{k:08x}", **setting, "status": status, **measured})
        return SimpleNamespace(meta={"mode": mode, "points": len(rows)}, axes=axes, frame=pd.DataFrame(rows))

    return make


@pytest.fixture
def sweep_folder(tmp_path, make_sweep, monkeypatch):
    """Write a sweep as a folder; reading it back is stood in for, as figures are what is tested here."""

    def write(name="sweep", **options):
        made = make_sweep(**options)
        folder = tmp_path / name
        folder.mkdir()
        made.frame.to_csv(folder / "results.csv", index=False)
        (folder / "sweep.json").write_text(json.dumps({**made.meta, "axes": made.axes}))
        return folder

    def load(folder):
        meta = json.loads((folder / "sweep.json").read_text())
        return SimpleNamespace(meta=meta, axes=meta["axes"], frame=pd.read_csv(folder / "results.csv"))

    monkeypatch.setattr("edensim.study.sweep.load_sweep", load, raising=False)
    return write


@pytest.fixture
def read_csv():
    """Rows of a CSV file in memory, as dicts of text."""
    return lambda data: list(csv.DictReader(io.StringIO(data.decode())))
