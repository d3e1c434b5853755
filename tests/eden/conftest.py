"""A flow that is small enough for a test."""

import pytest

from edensim.config import load_config

TINY = {
    "machine": {"preset": "eyeriss-eden"},
    "dram": {"preset": "ddr4-2400r-8gb-x8"},
    "eden": {
        "network": "lenet-small", "train_images": 2500, "test_images": 400, "validation_images": 400, "epochs": 4,
        "boost_epochs": 1, "boost_ber": 5e-3, "rounds": 1, "images_per_draw": 50, "repeats": 1, "search_factor": 2.0,
        "max_loss": 0.1, "vdd": [1.14, 1.08], "tRCD_ns": [12.6], "parts": 2, "devices": 1,
        "machines": ["tpu-eden"],
    },
}  # fmt: skip


@pytest.fixture(scope="session")
def tiny():
    """Its configuration."""
    return load_config(TINY)
