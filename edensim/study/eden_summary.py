"""Results of `edensim eden` as a text: nominal against EDEN, what is tolerated, and the mapping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edensim.study.text_table import columns


def summarize_eden(results: Mapping[str, Any]) -> str:
    """The table that the verb prints."""
    parts = [_title(results), columns(_head(results)), columns(_tolerated(results)), _mapping(results), _front(results)]
    return "\n\n".join(parts)


def _title(results: Mapping[str, Any]) -> str:
    return (
        f"{results['network']} {results['precision']}, recipe {results['recipe']}, chip {results['chip']}, "
        f"{100 * results['max_loss']:g} point{'' if results['max_loss'] == 0.01 else 's'} of accuracy may be lost"
    )


def _head(results: Mapping[str, Any]) -> list[list[str]]:
    accuracy = results["accuracy"]
    rows = [["", "nominal", "EDEN", "change"]]
    change = 100 * (accuracy["eden"]["mean"] - accuracy["nominal"]["mean"])
    rows.append(["accuracy (95 %)", _share(accuracy["nominal"]), _share(accuracy["eden"]), f"{change:+.2f} points"])
    rows.append(["error-free control, same places", "", _share(accuracy["control"]), ""])
    rows += _costs(results, "")
    for machine, found in results.get("machines", {}).items():
        rows += _costs(found, f"{machine}: ")
    return rows


def _costs(found: Mapping[str, Any], prefix: str) -> list[list[str]]:
    rows = []
    for label, name, scale, unit in (
        ("DRAM energy", "dram_pj", 1e-6, "uJ"),
        ("system energy", "system_pj", 1e-6, "uJ"),
        ("time", "time_ns", 1e-3, "us"),
    ):
        a, b = found["nominal"][name], found["eden"][name]
        values = [f"{a * scale:.5g} {unit}", f"{b * scale:.5g} {unit}", f"{100 * (b / a - 1):+.1f} %"]
        rows.append([prefix + label, *values])
    return rows


def _share(found: Mapping[str, float]) -> str:
    return f"{100 * found['mean']:.2f} % ({100 * found['low']:.2f} to {100 * found['high']:.2f})"


def _tolerated(results: Mapping[str, Any]) -> list[list[str]]:
    before, found = results["before"], results["characterisation"]
    rows = [["tolerable bit error rate", "", "sure from", "sure below", "gain", "over control"]]
    for label, x in (("before", before), ("control", found["control"]), ("boosted", found["boosted"])):
        gain = f"x{x['ber'] / before['ber']:.2g}" if before["ber"] else "-"
        over = f"x{x['ber'] / found['control']['ber']:.2g}" if label == "boosted" and found["control"]["ber"] else ""
        rows.append([f"  {label}", f"{x['ber']:.3g}", f"{x['low']:.3g}", f"{x['high']:.3g}", gain, over])
    return rows


def _mapping(results: Mapping[str, Any]) -> str:
    mapping = results["mapping"]
    rows = [["part", "VDD", "tRCD", "tRP", "BER", "basis", "tensors"]]
    for name, point in mapping["parts"].items():
        inside = [tensor for tensor, part in mapping["places"].items() if part == name]
        told = ", ".join(inside[:4]) + (f" and {len(inside) - 4} more" if len(inside) > 4 else "")
        times = [f"{point[key]:.4g} ns" for key in ("tRCD_ns", "tRP_ns")]
        rows.append([name, f"{point['vdd']:.4g} V", *times, f"{point['ber']:.3g}", point["basis"], told or "(none)"])
    lines = [columns(rows, right_from=7)]
    lines.append(
        f"mapping: {mapping['method']}, {mapping['metadata_bytes']} bytes in the controller, estimated saving "
        f"{100 * mapping['estimated_saving']:.1f} %"
    )
    if "bound" in mapping:
        lines.append(
            f"estimated savings at these tolerances: coarse {100 * mapping['coarse_saving']:.2f} %, greedy "
            f"{100 * mapping['greedy_saving']:.2f} %, optimal {100 * mapping['optimal_saving']:.2f} % (no mapping "
            f"saves more than {100 * mapping['bound']:.2f} %)"
        )
    if not results.get("holds", True):
        lines.append(
            "the target is missed on the validation images even where no tensor has errors: the retrained network is "
            "below it; see eden.boost_epochs, eden.train_images and eden.max_loss"
        )
    elif results["steps_back"]:
        lines.append(f"tolerances were reduced {results['steps_back']} times until the accuracy held at the places")
    return "\n".join(lines)


def _front(results: Mapping[str, Any]) -> str:
    """Operating points that no other beats in error rate, energy and time at once."""
    rows = [["points no other beats", "tRCD", "tRP", "BER", "energy", "time", "basis"]]
    for c in results["front"]:
        times = [f"{c[key]:.4g} ns" for key in ("tRCD_ns", "tRP_ns")]
        rows.append(
            [f"  {c['vdd']:.4g} V", *times, f"{c['ber']:.3g}", f"{c['energy']:.3f}", f"{c['time']:.4f}", c["basis"]]
        )
    return columns(rows)
