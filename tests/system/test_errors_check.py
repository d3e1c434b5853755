"""Mistakes in `[errors]`: told in one go, with file and line, before anything runs."""

from __future__ import annotations

import numpy as np
import pytest

from edensim.config import load_config
from edensim.errors import ConfigError, InputError
from edensim.system.check import check_run

HEAD = """\
[workload]
network = "lenet"
[machine]
preset = "eyeriss-eden"
[dram]
preset = "ddr4-2400r-8gb-x8"
"""


def problems(tmp_path, monkeypatch, text, ranks=1):
    """What a configuration is refused for."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.toml").write_text(HEAD + f"ranks = {ranks}\n" * (ranks > 1) + text)
    with pytest.raises((ConfigError, InputError)) as found:
        load_config("c.toml", check=check_run)
    return str(found.value)


def test_all_at_once(tmp_path, monkeypatch):
    """A chip with a model's keys, a point without a law, one beside it, data and scope that are none: five of them."""
    text = '[operating_point]\ntRAS_ns = 20\n[errors]\nchip = "A"\nsigma = 2\ndata = "randm"\nscope = "rows"\n'
    found = problems(tmp_path, monkeypatch, text + "[compare.x]\ntREFI_scale = 4\n").splitlines()
    starts = (
        "c.toml:8: chip A: tRAS_ns",
        "c.toml:11: errors.sigma belongs to a model",
        "c.toml:12: errors.data = 'randm': expected random, zeros",
        "c.toml:13: errors.scope: found",
        "c.toml:15: chip A: tREFI_scale = 4",
    )
    assert len(found) == len(starts)
    for line, start in zip(found, starts, strict=True):
        assert line.startswith(start)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "errors: found neither of chip and model"),
        ('chip = "A"\nmodel = "uniform"\nber = 0.1', "errors: found both of chip and model"),
        ('model = "uniform"', "errors.ber is missing"),
        ('model = "uniform"\nber = 1.5', "errors.ber: found 1.5; expected a fraction from 0 to 1"),
        ('model = "uniform"\nber = nan', "errors.ber: found nan"),
        ('model = "bitline"\nber = 0.9', "model bitline reaches at most 0.5"),
        ('model = "uniform"\nber = 0.1\nsigma = 1', "errors.sigma is no parameter of model uniform"),
        ('model = "uniform"\npartition_ber = {fast = 0.1}', "there is no partition 'fast'; there are 'module'"),
        ('model = "uniform"\nber = 0.1\nexperimental = true', "errors.experimental belongs to a chip"),
        ('chip = "Q"', 'there is no chip preset "Q"'),
        ('chip = "my.csv"', "my.csv: cannot be read"),
        ('chip = "A"\ntemprature_C = 30', "errors.temprature_C: unknown key; did you mean temperature_C?"),
        ('chip = "A"\ndata = "no.npz"', "no.npz: no such file; expected tensors (.npz or .safetensors)"),
        ('chip = "A"\ndata = "bad.npz"', "bad.npz: is not an .npz archive"),
        ('chip = "A"\ndata = "a.npz"', "ip1.weights has 7 bytes; the run's precision and batch make it 400,000"),
        ('chip = "A"\ndata = "a.npz"', "the run has no tensor 'conv1.wieghts'; did you mean conv1.weights"),
        ('chip = "A"\ndata = "a.npz"', "conv2.weights is of type big-endian int16"),
    ],
)
def test_mistakes(tmp_path, monkeypatch, text, message):
    """One at a time."""
    wide = np.zeros(12500, ">i2")
    np.savez(
        tmp_path / "a.npz", **{"conv1.wieghts": np.zeros(3), "ip1.weights": np.zeros(7, "u1"), "conv2.weights": wide}
    )
    (tmp_path / "bad.npz").write_bytes(b"no archive")
    assert message in problems(tmp_path, monkeypatch, "[errors]\n" + text + "\n")


def test_ranks_whose_chips_are_supplied_in_different_ways(tmp_path, monkeypatch):
    """Reads of one partition would fail differently from rank to rank."""
    text = '[[partition]]\nname = "some"\nrank = [0]\nchips = [0, 1]\nvdd = 1.1\n'
    found = problems(tmp_path, monkeypatch, text + '[errors]\nchip = "A"\n', ranks=2)
    assert "partition 'module' lies in ranks whose chips have different supplies" in found
