"""What `edensim inject` did to a file, as data for --json and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edensim.study.text_table import columns

if TYPE_CHECKING:
    from edensim.approx.file_injection import FilePlan, TensorReport
    from edensim.approx.partition_laws import Errors

BANKS_SHOWN = 16


def result_of(reports: list[TensorReport], plan: FilePlan, errors: Errors) -> dict[str, Any]:
    """Flips of every tensor, by bit of its elements (least significant first) and by bank [channel][bank]."""
    from edensim.approx.partition_laws import worst_basis
    from edensim.version import __version__

    found = {r.tensor.name: (r.tensor, r.report) for r in reports if r.report is not None}
    bits, flips = sum(r.bits for _, r in found.values()), sum(r.flips for _, r in found.values())
    tensors = {
        name: {
            "dtype": tensor.element.name if tensor.element else tensor.dtype,
            "bytes": tensor.size_bytes,
            "bits_flipped": report.flips,
            "ber": report.ber,
            "values_corrected": report.corrected,
            "by_bit": report.by_bit,
            "by_bank": report.by_bank,
        }
        for name, (tensor, report) in found.items()
    }
    partitions = {
        name or "all": {"basis": part.basis, "expected_ber": part.ber, "notes": list(part.notes)}
        for name, part in errors.items()
    }
    return {
        "seed": plan.device.seed,
        "access": plan.access,
        "basis": worst_basis(errors),
        "partitions": partitions,
        "ber": flips / bits if bits else 0.0,
        "bits_read": bits,
        "bits_flipped": flips,
        "tensors": tensors,
        "kept": [r.tensor.name for r in reports if r.report is None],
        "version": __version__,
    }


def text_of(data: dict[str, Any]) -> str:
    """The same as tables: tensors, bits of each format, banks with the most flips."""
    table = [["tensor", "format", "bytes", "flips", "BER", "corrected"]]
    for name, x in data["tensors"].items():
        row = [name, x["dtype"], f"{x['bytes']:,}", f"{x['bits_flipped']:,}", f"{x['ber']:.3g}"]
        table.append([*row, f"{x['values_corrected']:,}"])
    total = [f"{data['bits_read'] // 8:,}", f"{data['bits_flipped']:,}", f"{data['ber']:.3g}", ""]
    table.append(["total", "", *total])
    parts = [columns(table)]
    if data["bits_flipped"]:
        parts += [_bits(data["tensors"]), _banks(data["tensors"])]
    told = [f"basis: {data['basis']}"] if data["basis"] != "model" else []
    told += dict.fromkeys(note for part in data["partitions"].values() for note in part["notes"])
    if data["kept"]:
        told.append(f"kept as they are: {', '.join(data['kept'])}")
    return "\n\n".join([*parts, "\n".join([f"{data['out']}: {data['bits_flipped']:,} bits flipped", *told])])


def _bits(tensors: dict[str, Any]) -> str:
    """Flips by bit of the element, one line for each format."""
    sums: dict[str, Any] = {}
    for x in tensors.values():
        sums[x["dtype"]] = sums.get(x["dtype"], 0) + x["by_bit"]
    lines = (f"flips of {name} by bit, 0 first: {' '.join(map(str, found.tolist()))}" for name, found in sums.items())
    return "\n".join(lines)


def _banks(tensors: dict[str, Any]) -> str:
    """The banks with the most flips."""
    found = sum(x["by_bank"] for x in tensors.values())
    flips = {(c, b): int(n) for c, row in enumerate(found) for b, n in enumerate(row) if n}
    most = sorted(flips, key=lambda place: (-flips[place], place))[:BANKS_SHOWN]
    shown = [f"{c}:{b} {flips[c, b]:,}" for c, b in sorted(most)]
    rest = f", {len(flips) - len(most)} more" if len(flips) > len(most) else ""
    return f"flips by channel:bank: {', '.join(shown)}{rest}"
