"""A run and a sweep, opened, with invented numbers; and what a browser would find in their reports."""

import copy
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from edensim.study.opened import OpenedRun, OpenedSweep
from edensim.system.result import Result

META = {
    "name": "tiny",
    "config_hash": "0123456789abcdef",
    "model_version": 1,
    "versions": {"edensim": "0.1.0", "numpy": "2.4.6"},
    "host": {"system": "Linux", "cores": 2},
    "command_line": ["edensim", "run", "my config.toml"],
    "started": "2026-01-02T03:04:05+00:00",
    "wall_s": 1.25,
    "seeds": {"seed": 7},
    "inputs": {"net.csv": "ab" * 32},
    "config": {
        "title": "Tiny network",
        "workload": {"network": "net.csv"},
        "machine": {
            "kind": "tpu",
            "source": "A long sentence that cites where all of these numbers were found.",
        },
        "dram": {"channels": 2},
    },
    "origins": {"workload.network": "tiny.toml:3", "dram.channels": "--set", "title": "tiny.toml:1"},
}
EXTRA = {
    "bytes": {"read": 2_000_000, "write": 1_500, "by_kind": {"weights": 1_900_000, "ifm": 100_000, "ofm": 1_500}},
    "bandwidth_gb_s": 6.0,
    "read_latency_ns": {"mean": 51.2},
    "row": {"hit": 280, "miss": 50, "conflict": 150},
    "commands": {"ACT": 200, "REF": 3},
}
VDD = "operating_point.vdd"


@dataclass
class Page(HTMLParser):
    """Elements, references and texts of a document; unbalanced or unknown structure is an error."""

    html: str
    tags: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str | None]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    stack: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.html)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        self.references += [value for name, value in attributes if name in ("src", "href", "srcset", "action", "data")]
        if tag not in ("meta", "img"):
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.texts)


@pytest.fixture
def read():
    """Parse the bytes of a report."""
    return lambda contents: Page(contents.decode())


@pytest.fixture
def opened_run(data):
    """A run with two layers and one compared point."""
    data |= EXTRA
    data["compare"]["eden"] |= EXTRA
    for layer in data["layers"]:
        layer |= {name: EXTRA[name] for name in ("bytes", "row")} | {"macs": 1000}
    return OpenedRun(Path("runs/tiny"), copy.deepcopy(META), Result(data))


def sweep(folder: Path, count: int) -> OpenedSweep:
    """Points along VDD, of which the second has failed."""
    values = [1.2 - 0.1 * k / count for k in range(count)]
    ok = [k != 1 for k in range(count)]
    energy = [1e6 * v * v if good else float("nan") for v, good in zip(values, ok, strict=True)]
    time = [1000.0 if good else float("nan") for good in ok]
    frame = pd.DataFrame(
        {
            "point": [f"{k:08x}" for k in range(count)],
            VDD: values,
            "status": ["ok" if good else "failed" for good in ok],
            "time_ns": time,
            "energy_pj.total": energy,
        }
    )
    meta = copy.deepcopy(META) | {"points": count + 3, "mode": "grid", "where": "vdd > 1"}
    return OpenedSweep(folder, meta, {VDD: values}, frame)


@pytest.fixture
def make_sweep(tmp_path):
    """`make_sweep(points)` in an empty folder."""
    return lambda count: sweep(tmp_path, count)
