"""Axes as lists, ends and command-line words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edensim.errors import ConfigError
from edensim.study.sweep.axes import expand, parse_axis

VDD = ("operating_point", "vdd")


def test_linspace_has_clean_values():
    """Seven steps from 1.35 to 1.05 hold 1.2, and the ends are exact."""
    assert expand({"linspace": [1.35, 1.05, 7]}, VDD) == [1.35, 1.3, 1.25, 1.2, 1.15, 1.1, 1.05]
    assert expand({"linspace": [1, 3, 1]}, VDD) == [1.0]


def test_range_is_half_open():
    """As in Python; also with fractions and downwards."""
    assert expand({"range": [0, 5]}, ("seed",)) == [0, 1, 2, 3, 4]
    assert expand({"range": [0, 5, 2]}, ("seed",)) == [0, 2, 4]
    assert expand({"range": [1.0, 1.3, 0.1]}, VDD) == [1.0, 1.1, 1.2]
    assert expand({"range": [3, 0, -1]}, ("seed",)) == [3, 2, 1]
    with pytest.raises(ConfigError, match="nowhere"):
        expand({"range": [0, 5, -1]}, ("seed",))


def test_whole_numbers_for_keys_that_count():
    """A linspace over channels gives channels; over a voltage it gives voltages."""
    assert [type(v) for v in expand({"linspace": [1, 4, 4]}, ("dram", "channels"))] == [int] * 4
    assert [type(v) for v in expand({"linspace": [1, 2, 2]}, VDD)] == [float] * 2


@pytest.mark.parametrize(
    ("text", "key", "spec"),
    [
        ("operating_point.vdd=1.35:1.05:7", "operating_point.vdd", {"linspace": [1.35, 1.05, 7]}),
        ("seed=1,2,3", "seed", [1, 2, 3]),
        ("dram.preset=a,ramulator2:DDR4_x", "dram.preset", ["a", "ramulator2:DDR4_x"]),
        ("dram.preset=ramulator2:x:y", "dram.preset", ["ramulator2:x:y"]),
        ('workload.network="a,b",c', "workload.network", None),
        ("workload.network=['a,b', \"c\"]", "workload.network", ["a,b", "c"]),
        ("dram.address_wrap=true,false", "dram.address_wrap", [True, False]),
        ("workload.precision=int8,fp32", "workload.precision", ["int8", "fp32"]),
        (" seed = 7", "seed", [7]),
        ("operating_point.vdd=null,1.1", "operating_point.vdd", [None, 1.1]),
    ],
)
def test_command_line_axes(text, key, spec):
    """What each spelling means; a list that is half TOML is refused."""
    if spec is None:
        with pytest.raises(ConfigError, match="TOML"):
            parse_axis(text)
    else:
        assert parse_axis(text) == (key, spec)


def test_null_is_not_given():
    """In lists of TOML, which has no such word, the text stands for it; in Python it is None."""
    assert expand(["null", None, 1.1], VDD) == [None, None, 1.1]


@given(st.text(max_size=60))
def test_only_readable_errors_escape(text):
    """Whatever is typed after --axis, the answer is an axis or a ConfigError."""
    try:
        key, spec = parse_axis(text)
        expand(spec, (key,))
    except ConfigError:
        pass


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.integers(2, 200))
def test_linspace_property(first, last, number):
    """Ends exact, as many as asked for, monotone."""
    values = expand({"linspace": [first, last, number]}, VDD)
    assert (values[0], values[-1], len(values)) == (first, last, number)
    assert values == sorted(values, reverse=last < first)
