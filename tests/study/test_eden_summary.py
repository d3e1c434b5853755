"""The text of `edensim eden`: every number the user asked for, from results written by hand."""

from edensim.study.eden_summary import summarize_eden

POINT = {"vdd": 1.08, "tRCD_ns": 12.3, "tRP_ns": 13.32, "ber": 0.006, "basis": "scaled", "energy": 0.85, "time": 0.9999}


def share(mean):
    return {"mean": mean, "low": mean - 0.01, "high": mean + 0.01}


def rate(ber):
    return {"ber": ber, "low": ber / 2, "high": 2 * ber}


RESULTS = {
    "network": "lenet-small", "precision": "int8", "recipe": "best", "chip": "eden", "max_loss": 0.01,
    "accuracy": {"nominal": share(0.95), "eden": share(0.945), "control": share(0.93)},
    "nominal": {"dram_pj": 2e6, "system_pj": 4e6, "time_ns": 1000.0},
    "eden": {"dram_pj": 1.7e6, "system_pj": 3.7e6, "time_ns": 990.0},
    "before": rate(2e-4), "characterisation": {"control": rate(2e-3), "boosted": rate(4e-3)},
    "mapping": {
        "method": "greedy", "places": {"conv1.weights": "part0"}, "parts": {"part0": POINT, "part1": POINT},
        "metadata_bytes": 3, "estimated_saving": 0.15, "coarse_saving": 0.1, "greedy_saving": 0.15,
        "optimal_saving": 0.16, "bound": 0.16,
    },
    "front": [POINT], "steps_back": 2,
}  # fmt: skip


def test_summary_tells_everything():
    """Accuracy with interval, both energies, time, gains over base and control, mapping, bound, front, steps back."""
    text = summarize_eden(RESULTS)
    for part in (
        "95.00 % (94.00 to 96.00)", "94.50 % (93.50 to 95.50)", "-0.50 points", "-15.0 %", "-7.5 %", "-1.0 %",
        "x20", "x2", "1 point of accuracy", "conv1.weights", "(none)", "no mapping saves more than 16.00 %",
        "reduced 2 times", "3 bytes in the controller", "points no other beats", "1.08 V  12.3 ns  13.32 ns  0.006",
    ):  # fmt: skip
        assert part in text


def test_a_missed_target_is_told():
    """Tolerances that were reduced to nothing held nothing."""
    text = summarize_eden(RESULTS | {"holds": False, "steps_back": 8})
    assert "the target is missed" in text
    assert "until the accuracy held" not in text


def test_nothing_tolerated_is_shown_without_a_gain():
    """Where the network tolerated nothing before, there is no factor."""
    results = RESULTS | {"before": rate(0.0)}
    assert "x" not in "".join(line for line in summarize_eden(results).splitlines() if "control " in line[:10])
