"""Conditions on points: a small language that is never evaluated as code."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edensim.errors import ConfigError
from edensim.study.sweep.expression import condition

POINT = {"operating_point.vdd": 1.2, "dram.preset": "x", "seed": 3, "dram.address_wrap": True, "partition.0.vdd": 1.1}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("operating_point.vdd >= 1.1", True),
        ("1 < seed < 4 and not (dram.preset == 'y')", True),
        ("1 < seed < 3", False),
        ("seed * 2 + 1 == 7", True),
        ("seed - 1 - 1 == 1", True),
        ("12 / seed / 2 == 2", True),
        ("-seed < 0", True),
        ("2 - -seed == 5", True),
        ("seed == 1 or seed == 2 or seed == 3", True),
        ("seed == 3 or seed == 2 and seed == 9", True),
        ("(seed == 3 or seed == 2) and seed == 9", False),
        ("not seed == 3", False),
        ("not not seed == 3", True),
        ("dram.address_wrap", True),
        ("dram.address_wrap == false", False),
        ("partition.0.vdd > 1e0 and partition.0.vdd < 1.2e+0", True),
        ("seed != 0 and 3 / seed == 1", True),
        ("seed == 3 or 1 / (seed - 3) > 0", True),
        ('dram.preset != "and"', True),
    ],
)
def test_meaning(text, value):
    """Precedence, chains, short circuits, quotes."""
    assert condition(text, POINT)(POINT) is value


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("vdd > 1", "did you mean operating_point.vdd"),
        ("operating_point.vd > 1", "did you mean operating_point.vdd"),
        ("seed >", "column 7"),
        ("seed > 1 seed", "column 10"),
        ("(seed > 1", "expected )"),
        ("__import__('os').system('x')", "no axis"),
        ("seed.__class__ == 1", "no axis"),
        ("[1][0] == 1", "cannot be read"),
        ("seed ** 2 > 1", "column 7"),
        ("lambda: 1", "no axis"),
        ("seed if seed else 1", "follows"),
        ("and", "expected a number"),
        ("1x > 2", "cannot be read"),
        ("", "the end"),
        ("(" * 200 + "seed", "deeper"),
        ("-" * 200 + "seed > 1", "deeper"),
        ("not " * 200 + "true", "deeper"),
    ],
)
def test_what_is_not_understood(text, says):
    """Refused when read, with the place."""
    with pytest.raises(ConfigError, match="where") as error:
        condition(text, POINT)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("seed", "expected a comparison"),
        ("seed == 'x'", "cannot be compared"),
        ("seed / 0 > 1", "zero"),
        ("dram.preset + 1 > 2", "not both numbers"),
        ("seed and true", "neither true nor false"),
        ("true + 1 == 2", "not both numbers"),
    ],
)
def test_what_has_no_value(text, says):
    """Refused where it is evaluated."""
    with pytest.raises(ConfigError, match="where") as error:
        condition(text, POINT)(POINT)
    assert says in str(error.value)


SIGNS = ["(", ")", "<", "==", "-", "*", "/", "é", "[", "\\"]
WORDS = st.sampled_from([*POINT, "1", "2.5", "'x'", "and", "or", "not", "true", *SIGNS])


@given(st.lists(WORDS, max_size=12).map(" ".join) | st.text(max_size=40))
def test_only_readable_errors_escape(text):
    """Any text gives true, false or a ConfigError."""
    with contextlib.suppress(ConfigError):
        assert condition(text, POINT)(POINT) in (True, False)
