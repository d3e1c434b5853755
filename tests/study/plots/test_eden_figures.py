"""Figures of `edensim eden`, from results written by hand."""

from edensim.study.plots.eden import draw_ber, draw_knob, draw_tolerable
from edensim.study.plots.style import encode, styled

LIMITS = {"low": 0.8, "mean": 0.9, "high": 0.95}
CURVE = {"curve": {"1e-05": LIMITS, "0.01": LIMITS}, "target": 0.85}


def texts(drawing):
    encode(drawing.figure, "svg")  # lays the ticks out
    axes = drawing.figure.axes
    ticks = [t for a in axes for t in (*a.get_xticklabels(), *a.get_yticklabels(), a.yaxis.get_offset_text())]
    return [t.get_text() for t in (*ticks, *(t for a in axes for t in a.texts))]


def test_ticks_can_be_read():
    """Powers of ten are no markup, nearly equal energies get no offset, a heat map says its numbers."""
    knob = [{"vdd": v, "ber": 0.0, "energy": 1 - 1e-5 * v, **dict.fromkeys(("before", "control", "boosted"), LIMITS)}
            for v in (1.0, 1.2)]  # fmt: skip
    results = {
        "before": CURVE, "curves": {"vdd": knob},
        "characterisation": {"control": CURVE, "boosted": CURVE, "fine": {"a.weights": 3.3e-3, "a.ifm": 0.0}},
    }  # fmt: skip
    with styled():
        ber, energy, field = (texts(x) for x in (draw_ber(results), draw_knob(results, "vdd"), draw_tolerable(results)))
    assert {"1e-5", "1e-4", "1e-3", "1e-2"} <= set(ber)
    assert not [t for t in (*ber, *energy) if "$" in t]
    assert not [t for t in energy if "e" in t]
    assert {"3.3e-3", "0"} <= set(field)
