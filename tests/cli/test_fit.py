"""`edensim fit`: text, JSON, and files that are no reads."""

import numpy as np
import pytest

from edensim.approx.fit_reads import save_reads
from tests.approx.reads_maker import make_reads


@pytest.fixture
def reads(tmp_path):
    """A file of reads of the uniform model."""
    save_reads(tmp_path / "reads.npz", make_reads("uniform", 1))
    return "reads.npz"


def test_text(edensim, reads):
    """The choice, its parameters with intervals, and a table of banks."""
    outcome = edensim("fit", reads)
    assert outcome.code == 0
    assert "uniform:" in outcome.out
    assert "fail_probability" in outcome.out
    assert "bank" in outcome.out


def test_json(edensim, reads):
    """Parameters, intervals, all models, banks."""
    data = edensim("fit", reads, "--json").json
    assert data["model"] == "uniform"
    low, high = data["intervals"]["fail_probability"]
    assert low < 0.6 < high
    assert set(data["comparison"]) == {"uniform", "data_dependent", "bank_clustered", "wordline", "bitline"}
    assert len(data["banks"]) == 8


def test_chosen_models(edensim, reads):
    """--models restricts the choice."""
    data = edensim("fit", reads, "--models", "bitline,wordline", "--json").json
    assert set(data["comparison"]) == {"bitline", "wordline"}


def test_bad_input(edensim, reads, tmp_path):
    """Missing files, reads without repetitions, unknown models."""
    assert edensim("fit", "nowhere.npz").code == 3
    with np.load(tmp_path / reads) as file:
        np.savez(tmp_path / "once.npz", reads=file["reads"][:1], stored=file["stored"][:1])
    outcome = edensim("fit", "once.npz")
    assert (outcome.code, "no pattern was read twice" in outcome.err) == (3, True)
    assert edensim("fit", reads, "--models", "best").code == 2
