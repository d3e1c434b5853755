"""A folder with presets of its own, so that these tests do not depend on the data that edensim ships."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edensim.config import Resolved, load_config
from edensim.errors import ConfigError

DRAM = """\
standard = "DDR4"
source = "none, a test"
data_rate_mt_s = 2400
channel_width_bits = 64
device_width_bits = 8
density_mbit = 8192
bank_groups = 4
banks_per_group = 4
rows = 65536
columns = 1024

[timing]
CL = 16
tRCD_ns = 13.32
"""
MACHINE = """\
kind = "tpu"
array_rows = 256
array_cols = 256
clock_mhz = 700
buffer_bytes = 25165824
dataflow = "weight_stationary"
dma_bytes_per_cycle = 48.6
"""


class Desk:
    """Writes configuration files in the current (temporary) folder and loads them with the presets below it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.presets = folder / "presets"
        self.write("presets/dram/small-ddr4.toml", DRAM)
        self.write("presets/dram/parity/fast.toml", 'extends = ["small-ddr4"]\nchannels = 2\n')
        self.write("presets/machine/tpu-test.toml", MACHINE)

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return Path(name)

    def load(self, text: str | bytes, set: object = ()) -> Resolved:
        return load_config(self.write("x.toml", text), set=set, preset_root=self.presets)

    def problems(self, text: str | bytes, set: object = ()) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            self.load(text, set)
        assert caught.value.exit_code == 2
        return caught.value.problems

    def problem(self, text: str | bytes, set: object = ()) -> str:
        """The one and only problem of a configuration."""
        (problem,) = self.problems(text, set)
        return problem


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path)


@pytest.fixture
def ok() -> Callable[[str], str]:
    """Text of a valid configuration with more lines after the first two."""
    return lambda more="": '[dram]\npreset = "small-ddr4"\n' + more
