"""`edensim inject IN --out OUT`: errors into the tensors of a file."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from edensim.cli import console
from edensim.cli.compiling import announced_compilation
from edensim.cli.memory_option import dram_option, load_memory
from edensim.cli.options import common, force_option, json_option, set_option
from edensim.cli.progress import Progress
from edensim.errors import ConfigError
from edensim.study.text_table import columns

if TYPE_CHECKING:
    from edensim.approx.file_injection import FilePlan, Memory, TensorReport
    from edensim.approx.placing import PlacementFile

DEFAULT_DRAM = "ddr4-2400r-8gb-x8"


@click.command()
@click.argument("source", metavar="IN")
@click.option("--out", required=True, metavar="OUT", help="File to write, of the same format.")
@click.option("--ber", type=float, metavar="P", help="Bit error rate, 0 to 1.")
@click.option("--model", default="uniform", show_default=True, metavar="NAME", help="Error model that has this rate.")
@click.option("--param", "params", multiple=True, metavar="KEY=X", help="Parameter of the model, e.g. sigma=2.")
@click.option("--chip", metavar="NAME", help="Errors of a measured chip at the operating point, in place of --ber.")
@click.option("--placement", metavar="FILE", help="TOML file that says where tensors lie, and in which memory.")
@dram_option(None)
@set_option
@click.option("--seed", type=click.IntRange(0, (1 << 64) - 1), default=0, show_default=True, help="The device.")
@click.option("--access", type=click.IntRange(0, (1 << 63) - 1), default=0, show_default=True, help="Which read of it.")
@click.option(
    "--dtype",
    "dtypes",
    multiple=True,
    metavar="[NAME=]FORMAT",
    help="Format where the file does not tell: int4, bf16 …",
)
@click.option(
    "--bounds", multiple=True, metavar="[NAME=]LOW,HIGH", help="Replace values that come out beyond these bounds."
)
@click.option(
    "--correction", type=click.Choice(["zero", "saturate"]), default="zero", show_default=True, help="By zero or bound."
)
@click.option("--keep", multiple=True, metavar="NAME", help="Leave a tensor as it is (wildcards allowed; repeatable).")
@click.option(
    "--threads", type=click.IntRange(1, 1024), help="Threads (default: all processors); no influence on bits."
)
@force_option
@json_option
@common
def inject(
    source: str,
    out: str,
    ber: float | None,
    model: str,
    params: tuple[str, ...],
    chip: str | None,
    placement: str | None,
    dram: str | None,
    overrides: tuple[str, ...],
    seed: int,
    access: int,
    dtypes: tuple[str, ...],
    bounds: tuple[str, ...],
    correction: str,
    keep: tuple[str, ...],
    threads: int | None,
    force: bool,
    as_json: bool,
) -> None:
    r"""Corrupt the tensors of a file (.npz, .safetensors, raw bytes) as one read from approximate memory does.

    Without a placement tensors lie one behind the other from address 0 on. Files of any size are streamed.

    \b
    edensim inject weights.safetensors --out read.safetensors --ber 1e-3 --seed 1
    edensim inject weights.npz --out read.npz --ber 1e-3 --model bitline --param sigma=2
    edensim inject data.bin --out read.bin --dtype int8 --chip A --set operating_point.tRCD_ns=7.5
    """
    from edensim.approx import file_injection as files
    from edensim.approx.placing import read_placement
    from edensim.approx.tensor_file import open_tensor_file
    from edensim.output import check_output

    began = time.perf_counter()
    placed = read_placement(placement) if placement is not None else None
    rates = placed.ber if placed is not None else {}
    if (chip is None) == (ber is None and not rates):
        raise click.UsageError("Give either --ber (or [ber] of the placement), or --chip.")
    if chip is not None and (rates or params):
        raise click.UsageError("A chip brings its own rates: --param and [ber] of the placement go with --model.")
    memory = _memory(placed, dram, overrides, chip is not None)
    if chip is not None:
        laws = files.laws_of_chip(chip, memory)
    else:
        laws = files.laws_of_model(model, ber or 0.0, _numbers(params), memory, rates)
    file = open_tensor_file(source, _by_name(dtypes, "--dtype"))
    check_output(out, force)
    plan = files.FilePlan(
        files.make_device(laws, memory, seed),
        files.place_tensors(file, keep, memory, placed),
        access,
        {name: _pair(text) for name, text in _by_name(bounds, "--bounds").items()},
        correction,
    )
    with announced_compilation(), Progress("bytes") as progress:
        reports = files.inject_file(file, out, plan, threads=threads, force=force, progress=progress)
    data = _result(reports, plan, source, out, {"chip": chip} if chip else {"model": model, "ber_asked": ber})
    data["wall_s"] = time.perf_counter() - began
    console.say_json(data) if as_json else console.say(_text(data))


def _memory(placed: PlacementFile | None, dram: str | None, overrides: tuple[str, ...], needed: bool) -> Memory:
    """The memory of the placement file, of --dram, or a plain one."""
    from edensim.approx.file_injection import Memory
    from edensim.config import load_config

    if placed is not None and "dram" in placed.memory:
        if dram is not None:
            raise click.UsageError(f"{placed.path} describes a memory, so --dram cannot name another one.")
        return Memory.of(load_config(placed.memory, set=list(overrides)).config)
    if placed is not None and placed.memory and (dram is None or not dram.endswith(".toml")):
        table = {"dram": {"preset": dram or DEFAULT_DRAM}} | placed.memory
        return Memory.of(load_config(table, set=list(overrides)).config)
    if placed is not None and placed.memory:
        raise click.UsageError(f"{placed.path} and {dram} both describe the memory; give one of them.")
    if dram is not None or overrides or needed or placed is not None:
        return Memory.of(load_memory(dram or DEFAULT_DRAM, overrides).config)
    return Memory()


def _by_name(texts: tuple[str, ...], option: str) -> dict[str, str]:
    """[NAME=]VALUE … as a table; without a name it stands for all."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.rpartition("=")
        name = name if equals else "*"
        if name in found:
            raise ConfigError(f"{option} {text}: given twice for {name}")
        found[name] = value
    return found


def _numbers(params: tuple[str, ...]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in _by_name(params, "--param").items():
        try:
            found[name] = float(value)
        except ValueError:
            raise ConfigError(f"--param {name}={value}: expected KEY=NUMBER, e.g. sigma=2") from None
    return found


def _pair(text: str) -> tuple[float, float]:
    try:
        low, high = (float(word) for word in text.split(","))
    except ValueError:
        raise ConfigError(f"--bounds {text}: expected two numbers, LOW,HIGH, e.g. -5,5") from None
    return low, high


def _result(
    reports: list[TensorReport], plan: FilePlan, source: str, out: str, cause: dict[str, Any]
) -> dict[str, Any]:
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
    return {
        "source": source,
        "out": out,
        **cause,
        "seed": plan.device.seed,
        "access": plan.access,
        "ber": flips / bits if bits else 0.0,
        "bits_read": bits,
        "bits_flipped": flips,
        "tensors": tensors,
        "kept": [r.tensor.name for r in reports if r.report is None],
        "version": __version__,
    }


def _text(data: dict[str, Any]) -> str:
    table = [["tensor", "format", "bytes", "flips", "BER", "corrected"]]
    for name, x in data["tensors"].items():
        row = [name, x["dtype"], f"{x['bytes']:,}", f"{x['bits_flipped']:,}", f"{x['ber']:.3g}"]
        table.append([*row, f"{x['values_corrected']:,}"])
    total = [f"{data['bits_read'] // 8:,}", f"{data['bits_flipped']:,}", f"{data['ber']:.3g}", ""]
    table.append(["total", "", *total])
    kept = f"\nkept as they are: {', '.join(data['kept'])}" if data["kept"] else ""
    return f"{columns(table)}\n\n{data['out']}: {data['bits_flipped']:,} bits flipped{kept}"
