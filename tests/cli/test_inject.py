"""`edensim inject`: rates, chips and placements from the command line, and what it says about mistakes."""

from __future__ import annotations

import numpy as np
import pytest

PLACEMENT = """\
[dram]
preset = "ddr4-2400r-8gb-x8"

[[partition]]
name = "fast"
banks = [2, 6]
tRCD_ns = 6.0

[tensors]
w = { partition = "fast", offset = 16384, bytes = 400000 }
b = { partition = "module", bytes = 300000 }
"""


@pytest.fixture
def files(tmp_path):
    """`a.npz` with the tensors w and b, and a placement of them in two partitions."""
    rng = np.random.default_rng(1)
    np.savez(
        tmp_path / "a.npz", w=rng.standard_normal(100_000).astype(np.float32), b=rng.integers(0, 256, 300_000, "u1")
    )
    (tmp_path / "p.toml").write_text(PLACEMENT)
    return tmp_path


def test_rate(edensim, files):
    """The rate asked for is delivered (within 6 sigma) and reported; the file holds what was reported."""
    data = edensim("inject", "a.npz", "--out", "o.npz", "--ber", "1e-2", "--seed", 4, "--json").json
    bits = 8 * 700_000
    assert data["bits_read"] == bits
    assert abs(data["bits_flipped"] - 0.01 * bits) < 6 * (0.01 * bits) ** 0.5
    before, after = np.load("a.npz"), np.load("o.npz")
    for name, found in data["tensors"].items():
        wrong = np.unpackbits(before[name].view("u1") ^ after[name].view("u1")).sum()
        assert wrong == found["bits_flipped"] == sum(found["by_bit"]) == np.sum(found["by_bank"])
    assert (data["basis"], data["model"]) == ("model", "uniform")


def test_chip_and_placement(edensim, files):
    """Only the partition below nominal fails, in its own banks; text tells tensors, bits, banks and the basis."""
    data = edensim("inject", "a.npz", "--out", "o.npz", "--chip", "A", "--placement", "p.toml", "--json").json
    assert data["tensors"]["b"]["bits_flipped"] == 0
    (channel,) = data["tensors"]["w"]["by_bank"]
    assert {k for k, n in enumerate(channel) if n} == {2, 6}
    fast = data["partitions"]["fast"]
    assert data["tensors"]["w"]["ber"] == pytest.approx(fast["expected_ber"], rel=0.2)
    assert (fast["basis"], data["partitions"]["module"]["basis"]) == ("scaled", "nominal")
    out = edensim("inject", "a.npz", "--out", "o.npz", "--chip", "A", "--placement", "p.toml", "--force").out
    assert "basis: scaled" in out
    assert "flips of fp32 by bit, 0 first: " in out
    assert "flips by channel:bank: 0:2 " in out


def test_rates_of_partitions(edensim, files):
    """`[ber]` gives partitions a rate each; threads make no difference."""
    (files / "p.toml").write_text(PLACEMENT + "\n[ber]\nfast = 0.02\n")
    runs = [("inject", "a.npz", "--placement", "p.toml", "--threads", n, "--out", f"{n}.npz", "--json") for n in (1, 3)]
    one, three = (edensim(*run).json for run in runs)
    assert one["tensors"]["b"]["ber"] == 0
    assert one["tensors"]["w"]["ber"] == pytest.approx(0.02, rel=0.05)
    assert one["tensors"] == three["tensors"]
    assert (files / "1.npz").read_bytes() == (files / "3.npz").read_bytes()


def test_correction(edensim, files):
    """Values beyond the bounds are replaced and counted."""
    call = ("inject", "a.npz", "--out", "o.npz", "--ber", "1e-2", "--bounds", "w=-6,6", "--keep", "b", "--json")
    data = edensim(*call).json
    assert data["tensors"]["w"]["values_corrected"] > 100
    assert np.abs(np.load("o.npz")["w"]).max() <= 6
    assert data["kept"] == ["b"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ber", "1.5"], "ber = 1.5: expected a bit error rate from 0 to 1"),
        (["--ber", "nan"], "ber = nan: expected a bit error rate from 0 to 1"),
        ([], "Give either --ber"),
        (["--ber", "0.1", "--chip", "A"], "Give either --ber"),
        (["--chip", "Z"], 'there is no chip preset "Z"'),
        (["--chip", "A", "--set", "operating_point.tRAS_ns=20"], "nobody has measured errors of a changed tRAS"),
        (["--ber", "0.1", "--model", "bitlne"], "did you mean bitline?"),
        (["--ber", "0.1", "--model", "bitline", "--param", "sigm=1"], "did you mean sigma?"),
        (["--ber", "0.9", "--model", "bitline"], "model bitline reaches at most 0.5"),
        (["--ber", "0.1", "--bounds", "w=5,-5"], "a lower and an upper bound"),
        (["--ber", "0.1", "--bounds", "q=-5,5"], "--bounds q: no tensor has this name"),
        (["--ber", "0.1", "--keep", "q"], "--keep q: no tensor has this name"),
        (["--ber", "0.1", "--placement", "no.toml"], "no.toml: not found"),
    ],
)
def test_mistakes(edensim, files, arguments, message):
    """One sentence, exit 2, and no file."""
    found = edensim("inject", "a.npz", "--out", "o.npz", *arguments)
    assert found.code == 2
    assert message in found.err
    assert not (files / "o.npz").exists()


@pytest.mark.parametrize(
    ("before", "after", "messages"),
    [
        ("tRCD_ns", "tRCDns", ["p.toml:7: partition.0.tRCDns: unknown key; did you mean tRCD_ns"]),
        ("bytes = 400000", "bytes = -1", ["p.toml:10: tensors.w.bytes = -1; expected a number of bytes"]),
        ("offset", "ofset", ["p.toml:10: tensors.w.ofset is no key; expected partition, offset and bytes; did"]),
        ("bytes = 400000", "bytes = 4", ["p.toml:10: tensors.w.bytes = 4, but the tensor has 400000"]),
        (
            "offset = 16384",
            "offset = 9000000000",
            ["p.toml:10: tensors.w ends at byte 9,000,400,000 of"],
        ),
        ('"fast", ', '"fst", ', ["p.toml: there is no partition 'fst'; did you mean 'fast'?"]),
        ("b = {", "c = {", ["p.toml: tensor 'b' of the file has no place"]),
        ('"module", ', '"fast", offset = 16400, ', ["before the tensor in front of it ends"]),
        ("w = {", "w = 3 #", ["p.toml:10: tensors.w = 3; expected { partition"]),
    ],
)
def test_mistakes_in_placements(edensim, files, before, after, messages):
    """File, line and key are named."""
    (files / "p.toml").write_text(PLACEMENT.replace(before, after, 1))
    found = edensim("inject", "a.npz", "--out", "o.npz", "--chip", "A", "--placement", "p.toml")
    assert found.code == 2
    assert all(message in found.err for message in messages)


def test_files_that_are_none(edensim, files):
    """Exit 3 for an input that is missing or damaged."""
    (files / "x.npz").write_bytes(b"PK\x03\x04")
    for name in ("x.npz", "nothing.npz"):
        found = edensim("inject", name, "--out", "o.npz", "--ber", "0.1")
        assert found.code == 3
        assert name in found.err
