"""What simple loads must take on every shipped memory, worked out from its timings alone (see `closed_forms`)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edensim.dram.standard import standard_names
from edensim.jit import JIT_DISABLED
from tests.dram.closed_forms import FORMS, Form, closed_row_read, memory
from tests.dram.preset_dram import OWN, table

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="thousands of requests per memory need compiled kernels")


def test_every_standard_is_covered() -> None:
    """There is a shipped memory of every family, so that none is left out below."""
    assert {table(name)["standard"] for name in OWN} == set(standard_names())


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
@pytest.mark.parametrize("name", OWN)
def test_simple_loads_take_what_the_timings_say(name: str, form: Callable[[str], Form]) -> None:
    """Unloaded latencies and the rate of one bank are exact; streams and reads of all banks keep their bounds."""
    found = form(name)
    assert found.holds, f"{form.__doc__} {found}"


@pytest.mark.parametrize("name", OWN)
def test_what_is_listed_is_what_is_simulated(name: str) -> None:
    """The latency in `edensim show dram` is that of the lone read."""
    timing, clocks = memory(name).timing, closed_row_read(name).simulated
    assert timing.unloaded_read_ns == pytest.approx(clocks * float(timing.period) / 1000)
