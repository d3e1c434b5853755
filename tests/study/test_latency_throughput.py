"""Open-loop replays at rising rates: what is offered is delivered until the memory saturates."""

import numpy as np
import pytest

from edensim.config import load_config
from edensim.dram.controller import DramSystem
from edensim.errors import ConfigError
from edensim.study.latency_throughput import COLUMNS, measure, poisson_reads
from edensim.study.plots.figures import draw


@pytest.fixture(scope="module")
def memory():
    return load_config({"dram": {"preset": "ddr4-2400r-8gb-x8"}})


@pytest.fixture(scope="module")
def frame(memory):
    return measure(memory, rates=[1.0, 6.0, 30.0], requests=8000)


def test_low_rates_are_delivered_and_high_ones_saturate(frame):
    """At 1 GB/s the memory delivers what is offered within 3 %; at 30 GB/s no more than its buses carry."""
    assert list(frame.columns) == list(COLUMNS)
    assert frame["peak_gb_s"].unique() == pytest.approx([19.2])
    low, high = frame[frame["offered_gb_s"] == 1.0], frame[frame["offered_gb_s"] == 30.0]
    assert low["bandwidth_gb_s"].to_numpy() == pytest.approx([1.0, 1.0], rel=0.03)
    assert (high["bandwidth_gb_s"] < 19.2).all()


def test_latency_rises_with_the_rate_and_with_disorder(frame):
    """Mean latency grows along each curve; random reads wait longer and deliver less than a stream."""
    stream, random = (frame[frame["pattern"] == name].reset_index(drop=True) for name in ("stream", "random"))
    for curve in (stream, random):
        assert (np.diff(curve["latency_ns"]) > 0).all()
        assert (curve["latency_p50_ns"] <= curve["latency_p99_ns"]).all()
    assert (random["latency_ns"] > stream["latency_ns"]).all()
    assert random["bandwidth_gb_s"].iloc[-1] < stream["bandwidth_gb_s"].iloc[-1]


def test_unloaded_latency_is_that_of_the_data_sheet(memory):
    """At 0.01 GB/s a random read finds its bank closed or another row open: tRCD + CL + burst, at most tRP more."""
    ck = DramSystem(memory.config.dram).timing.ck
    period = float(DramSystem(memory.config.dram).period / 1000)
    latency = measure(memory, rates=[0.01], patterns=["random"], requests=400)["latency_p50_ns"].iloc[0]
    least = (ck["nRCD"] + ck["nCL"] + ck["nBL"]) * period
    assert least <= latency <= least + (ck["nRP"] + 2) * period


def test_measurement_repeats_and_can_be_drawn(memory, frame, tmp_path):
    """The same arguments give the same table, which survives a CSV file and is what the figure shows."""
    import pandas as pd

    assert measure(memory, rates=[1.0, 6.0, 30.0], requests=8000).equals(frame)
    frame.to_csv(tmp_path / "curve.csv", index=False)
    drawing = draw(pd.read_csv(tmp_path / "curve.csv"), "latency")
    assert [row[1:] for row in drawing.rows] == frame[list(COLUMNS[1:])].to_numpy().tolist()


def test_arrivals_have_the_rate_asked_for(memory):
    """Mean gap = line / rate; arrivals ascend; addresses are lines of the memory."""
    system = DramSystem(memory.config.dram)
    made = poisson_reads(system, "random", 8.0, 50_000, seed=1)
    span_ns = float(made.arrival[-1]) * float(system.period) / 1000
    assert 50_000 * 64 / span_ns == pytest.approx(8.0, rel=0.02)
    assert (np.diff(made.arrival.astype(np.int64)) >= 0).all()
    assert not (made.addr % 64).any()
    assert made.addr.max() < system.geometry.capacity_bytes


def test_number_of_rates_spreads_them_up_to_the_peak(memory):
    """`rates=3`: a third, two thirds and all of the peak; progress counts the points."""
    seen = []
    frame = measure(memory, rates=3, patterns=["stream"], requests=200, progress=lambda *now: seen.append(now))
    assert frame["offered_gb_s"].tolist() == pytest.approx([6.4, 12.8, 19.2])
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_wrong_arguments_are_told_together(memory):
    """All problems in one error."""
    with pytest.raises(ConfigError) as told:
        measure(memory, rates=[0.0, float("nan")], patterns=["randm"], requests=0, seed=-1)
    assert len(told.value.problems) == 5
    assert "did you mean random" in told.value.problems[0]
    with pytest.raises(ConfigError, match="0 rates"):
        measure(memory, rates=0)
