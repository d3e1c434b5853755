"""CPU and GPU rows from stubbed measurements."""

import pytest

from edensim.study.ledger import zero_loss
from edensim.study.ledger.item import REACHED, SCALED, Context
from edensim.study.ledger.items import all_items
from edensim.study.ledger.processors import CPU, GPU


def lookup(setup, corner):
    """100 ns, 90 with less tRCD, 80 with none; half of the energy follows VDD, a fifth of it standby."""
    time = 80.0 if setup.ideal else 90.0 if setup.delta_tRCD_ns else 100.0
    found = dict.fromkeys([f"{kind}.{name}" for kind in ("vdd", "fixed") for name in PARTS], 0.0)
    found |= {"vdd.rd": 40.0, "vdd.background": 10.0, "fixed.background": 10.0, "fixed.io": 40.0}
    found |= {"row.hit": 3.0, "row.miss": 1.0, "row.conflict": 0.0, "cpi.queue": 25.0, "cpi.l1": 0.1}
    return found | {"time_ns": time, "nominal_vdd": 1.2}


PARTS = ("act", "pre", "rd", "wr", "ref", "background", "io")
CONTEXT = Context(lookup)


def rows_of(name):
    return {row.name: row for row in all_items()[name].rows(CONTEXT)}


def test_energy_rows():
    """YOLO fp32: 0.35 V of 1.35 V on half of the energy; int8 0.30 V; the mean is over the benchmarks."""
    rows = rows_of("cpu-energy")
    assert rows["YOLO fp32"].ours == pytest.approx(0.5 * (1 - (1.00 / 1.35) ** 2))
    assert rows["YOLO int8"].ours == pytest.approx(0.5 * (1 - (1.05 / 1.35) ** 2))
    benches = [row.ours for name, row in rows.items() if name not in ("mean",) and row.ours is not None]
    assert len(benches) == 12
    assert rows["mean"].ours == pytest.approx(sum(benches) / 12)
    assert "50% of the energy is on the lowered rail" in rows["YOLO fp32"].note


def test_speed_rows():
    """100 ns against 90 and 80; parts of the time below half a percent are not told."""
    rows = rows_of("cpu-speed")
    assert rows["YOLO fp32"].ours == pytest.approx(100 / 90 - 1)
    assert rows["YOLO fp32, tRCD = 0"].ours == pytest.approx(0.25)
    assert rows["mean"].ours == pytest.approx(100 / 90 - 1)
    assert rows["YOLO fp32"].note == "75% row hits; time: 25% queue"


def test_statuses_tell_what_stands_in_place_of_the_papers_benchmark():
    """FP32 runs the paper's kind of code, int8 another's."""
    rows = rows_of("cpu-speed")
    assert rows["VGG-16 fp32"].status == REACHED
    assert rows["VGG-16 int8"].status == SCALED
    assert "in place of OpenVINO's" in rows["VGG-16 int8"].note
    assert {row.status for row in rows_of("gpu-speed").values()} == {REACHED}


def test_benchmarks_are_those_of_the_paper():
    """Twelve on the CPU (six networks in FP32 and int8), four on the GPU."""
    assert (len(CPU.code), len(GPU.code)) == (12, 4)


def test_headline_is_made_of_the_items():
    """Means of the headline are those of the items it sums up."""
    rows, energy, speed = rows_of("headline"), rows_of("cpu-energy"), rows_of("gpu-speed")
    assert rows["CPU, DRAM energy saved"].ours == energy["mean"].ours
    assert rows["GPU, speed gained"].ours == speed["mean"].ours
    assert rows["CPU, speed gained, most"].ours == pytest.approx(100 / 90 - 1)


def test_no_loss_takes_the_share_of_the_rate_that_is_left():
    """With 0.4 of every rate left, YOLO int8 has 1.6 % of errors: -0.25 V and -2.0 ns, not -0.30 and -5.5."""
    measured = dict.fromkeys((f"{p} boosted" for p in ("int8", "fp32")), 1e-2)
    found = measured | {f"{name} no loss": 0.4 * rate for name, rate in measured.items()}
    context = Context(lookup, experiments=lambda experiment: found)
    bench = ("YOLO", "int8")
    assert zero_loss.share_left(context, *bench) == pytest.approx(0.4)
    assert zero_loss.saved(CPU, context, *bench) == pytest.approx(0.5 * (1 - (1.10 / 1.35) ** 2))
    assert zero_loss.gained(CPU, context, *bench) == pytest.approx(100 / (100 - 10 * 2.0 / 5.5) - 1)
    rows = {row.name: row for row in all_items()["cpu-speed"].rows(context)}
    assert rows["no loss of accuracy, mean"].status == SCALED
    assert rows["no loss of accuracy, mean"].ours < rows["mean"].ours
    assert "40% to 40%" in rows["no loss of accuracy, most"].note
