"""Files of reads: what is written comes back; everything else is refused in one sentence."""

from __future__ import annotations

import numpy as np
import pytest

from edensim.approx.fit_reads import Reads, count_flips, load_reads, save_reads
from edensim.errors import InputError, OutputError
from tests.approx.reads_maker import make_reads


def arrays(**changes):
    """Arrays of a good file, with changes (None: left out)."""
    reads = make_reads("uniform", rows=8, bits=64, reads=4)
    good = {"reads": reads.reads, "stored": reads.stored, "pattern": reads.pattern} | changes
    return {name: value for name, value in good.items() if value is not None}


def test_round_trip(tmp_path):
    """Reads, places and the operating point survive."""
    reads = make_reads("uniform", rows=8, bits=64, reads=4)
    reads.setting.update(vdd=1.1, tRCD_ns=10.0)
    save_reads(tmp_path / "r.npz", reads)
    back = load_reads(tmp_path / "r.npz")
    for name in ("reads", "stored", "pattern", "channel", "bank", "row"):
        assert (getattr(back, name) == getattr(reads, name)).all()
    assert back.setting == {"vdd": 1.1, "tRCD_ns": 10.0}
    with pytest.raises(OutputError, match="exists already"):
        save_reads(tmp_path / "r.npz", reads)


def test_places_may_be_left_out(tmp_path):
    """Without places the rows are the first of bank 0."""
    np.savez(tmp_path / "r.npz", **arrays())
    back = load_reads(tmp_path / "r.npz")
    assert (back.bank == 0).all()
    assert (back.row == np.arange(8)).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stored": None}, "holds no stored"),
        ({"reads": np.zeros((4, 8, 8))}, "reads is float64"),
        ({"reads": np.zeros((4, 8), np.uint8)}, r"reads is uint8 of shape \(4, 8\)"),
        ({"reads": np.zeros((0, 8, 8), np.uint8)}, "none of them 0"),
        ({"stored": np.zeros((2, 8, 9), np.uint8)}, r"stored has shape \(2, 8, 9\); expected \(patterns, 8, 8\)"),
        ({"pattern": np.array([0, 1, 0, 2])}, "pattern must hold 0 … 1"),
        ({"pattern": np.array([0.0, 1.0, 0.0, 1.0])}, "pattern is float64"),
        ({"pattern": None}, "no array `pattern`"),
        ({"bank": np.zeros(3, np.int64)}, "bank must hold"),
        ({"row": np.full(8, -1)}, "row must hold"),
        ({"vdd": np.float64(np.nan)}, "vdd must be one finite number"),
        ({"vdd": np.array([1.0, 1.1])}, "vdd must be one finite number"),
    ],
)
def test_bad_arrays(tmp_path, changes, message):
    """Wrong shapes, types and numbers are named with what was expected."""
    np.savez(tmp_path / "r.npz", **arrays(**changes))
    with pytest.raises(InputError, match=message):
        load_reads(tmp_path / "r.npz")


def test_without_repetitions(tmp_path):
    """One read of each pattern is refused: P and F need repeated reads."""
    one = arrays()
    np.savez(tmp_path / "r.npz", reads=one["reads"][:2], stored=one["stored"], pattern=np.array([0, 1]))
    with pytest.raises(InputError, match="no pattern was read twice"):
        load_reads(tmp_path / "r.npz")


def test_unreadable(tmp_path):
    """Missing files, text and pickled objects."""
    with pytest.raises(InputError, match="cannot be read"):
        load_reads(tmp_path / "nowhere.npz")
    (tmp_path / "text.npz").write_text("no zip")
    with pytest.raises(InputError, match="cannot be read"):
        load_reads(tmp_path / "text.npz")
    np.savez(tmp_path / "object.npz", reads=np.array([{}], object), stored=np.zeros((1, 1, 1), np.uint8))
    with pytest.raises(InputError, match="without pickled objects"):
        load_reads(tmp_path / "object.npz")


def test_several_channels():
    """Banks of different channels are different banks."""
    reads = make_reads("uniform", rows=8, bits=64, reads=4)
    both = Reads(reads.reads, reads.stored, reads.pattern, np.arange(8) % 2, reads.bank * 0, reads.row)
    assert len(np.unique(count_flips(both).bank)) == 2
