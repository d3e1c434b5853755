"""The page on switches of the operating point."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from edensim.jit import JIT_DISABLED


@pytest.mark.skipif(JIT_DISABLED, reason="thousands of requests")
def test_example_of_the_documentation_runs(edensim):
    """The configuration of docs/howto/switching.md and its commands: both switches come, no rule is broken."""
    text = (Path(__file__).parents[2] / "docs/howto/switching.md").read_text()
    blocks = dict(re.findall(r"^```(toml|sh)\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    Path("switching.toml").write_text(blocks["toml"])
    rng = np.random.default_rng(3)
    np.savez(
        "requests.npz", addr=(rng.integers(0, 1 << 20, 4000) * 64).astype(np.uint64), is_write=np.zeros(4000, np.uint8)
    )
    _, replay, check = (shlex.split(line)[1:] for line in blocks["sh"].splitlines())
    data = edensim(*replay, "--json").json
    assert [each["since_ns"][0] is not None for each in data["switches"]] == [True, True]
    assert sum(part["energy_pj"]["total"] for part in data["phases"]) == pytest.approx(data["energy_pj"]["total"])
    assert edensim(*check).code == 0
