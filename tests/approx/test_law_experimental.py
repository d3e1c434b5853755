"""Laws without chip data act only where the caller allows them, and in the direction physics gives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edensim.approx.chip_load import load_chip
from edensim.errors import ConfigError


def at(chip, **changes):
    """Reliability with the experimental laws."""
    return chip.reliability(replace(chip.nominal, **changes), experimental=True)


@pytest.mark.parametrize(("key", "value"), [("tRAS_ns", 25.0), ("tREFI_scale", 8.0)])
def test_only_when_allowed(key, value):
    """Both tRAS and the refresh interval must stay nominal unless the caller says experimental."""
    chip = load_chip("A")
    with pytest.raises(ConfigError, match="nobody has measured errors"):
        chip.reliability(replace(chip.nominal, **{key: value}))
    assert at(chip, **{key: value}).basis == "extrapolated"


def test_unknown_knob():
    """EDEN's profile has no law for tRP at all."""
    chip = load_chip("eden")
    with pytest.raises(ConfigError, match=r"tRP_ns = 10 ns, but this chip has no error law for tRP"):
        at(chip, tRP_ns=10.0)


def test_short_restore_costs_activation_time():
    """A short tRAS adds activation errors where tRCD has little slack, more the shorter it is; alone it adds none."""
    chip = load_chip("B")
    rates = [at(chip, tRAS_ns=t, tRCD_ns=7.5).ber for t in (35.0, 20.0, 16.0, 13.0)]
    assert rates[0] < rates[1] < rates[2] < rates[3]
    assert at(chip, tRAS_ns=20.0).ber == 0
    assert at(chip, tRAS_ns=2.0).ber > 0.4  # nothing was restored: the next activation reads noise


def test_retention():
    """Module counts of the data at 1024 and 2048 ms, 20 and 70 C; none up to 512 ms; growing with both."""
    chip = load_chip("C")
    bits = 1 << 34
    for interval, temperature, cells in (
        (1024, 20.0, 6.572),
        (2048, 20.0, 153.6),
        (1024, 70.0, 192.5),
        (2048, 70.0, 5922),
    ):
        result = at(chip, tREFI_scale=interval / 64, temperature_C=temperature)
        assert result.failures[0].share * bits == pytest.approx(cells, rel=1e-3)
    assert at(chip, tREFI_scale=8.0).failures == ()
    between = at(chip, tREFI_scale=24.0, temperature_C=45.0).ber
    assert (
        at(chip, tREFI_scale=24.0, temperature_C=20.0).ber
        < between
        < at(chip, tREFI_scale=24.0, temperature_C=70.0).ber
    )
