"""Settings of all tests."""

import os
import re

import pytest
from hypothesis import HealthCheck, settings

# Deadlines are timed assertions, and the machines that run these tests are shared.
# The gate (CI is set) draws the same examples every time; elsewhere every run draws new ones.
settings.register_profile(
    "edensim",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("edensim")


def pytest_configure(config):
    config.addinivalue_line("markers", "faults: a row of the table of faults (tests/study/test_fault_table.py)")


def pytest_collection_modifyitems(items):
    """`pytest -m faults` runs every test that bears the number of a row in its name."""
    for item in items:
        if re.match(r"test_rows?_\d", item.name):
            item.add_marker(pytest.mark.faults)
