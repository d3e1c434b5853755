"""`edensim inject IN --out OUT`: errors into the tensors of a file."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from edensim.cli import console
from edensim.cli.compiling import announced_compilation
from edensim.cli.inject_report import result_of, text_of
from edensim.cli.memory_option import dram_option, load_memory, preset_table
from edensim.cli.options import common, force_option, json_option, set_option
from edensim.cli.progress import Progress
from edensim.errors import ConfigError

if TYPE_CHECKING:
    from edensim.approx.file_injection import Memory
    from edensim.approx.partition_laws import Errors
    from edensim.approx.placing import PlacementFile

DEFAULT_DRAM = "ddr4-2400r-8gb-x8"


@click.command()
@click.argument("source", metavar="IN")
@click.option("--out", required=True, metavar="OUT", help="File to write, of the same format.")
@click.option("--ber", type=float, metavar="P", help="Bit error rate, 0 to 1.")
@click.option("--model", default="uniform", show_default=True, metavar="NAME", help="Error model that has this rate.")
@click.option("--param", "params", multiple=True, metavar="KEY=X", help="Parameter of the model, e.g. sigma=2.")
@click.option("--chip", metavar="NAME", help="Errors of a measured chip at the operating point, in place of --ber.")
@click.option("--experimental", is_flag=True, help="Also laws of the chip that nobody measured (tRAS, refresh).")
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
    help="Format where the file does not tell: int4, bf16, int8.",
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
    experimental: bool,
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
    """Corrupt the tensors of a file as approximate memory does.

    Files are .npz, .safetensors or raw bytes; their tensors come out as one read of the memory gives them.

    Without a placement tensors lie one behind the other from address 0 on. Files of any size are streamed
    (with a short tRP, where the address map leaves rows whole).

    \b
    edensim inject weights.safetensors --out read.safetensors --ber 1e-3 --seed 1
    edensim inject weights.npz --out read.npz --ber 1e-3 --model bitline --param sigma=2
    edensim inject data.bin --out read.bin --dtype int8 --chip A --set operating_point.tRCD_ns=7.5
    """  # noqa: D301
    from edensim.approx import file_injection as files
    from edensim.approx.partition_laws import device_of
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
        errors = _errors_of_chip(chip, memory, experimental)
    else:
        errors = _errors_of_model(model, ber or 0.0, params, memory, placed)
    file = open_tensor_file(source, _by_name(dtypes, "--dtype"))
    check_output(out, force)
    plan = files.FilePlan(
        device_of(errors, memory.address_map, memory.partitions, seed),
        files.place_tensors(file, keep, memory, placed),
        access,
        {name: _pair(text) for name, text in _by_name(bounds, "--bounds").items()},
        correction,
    )
    with announced_compilation(), Progress("bytes") as progress:
        reports = files.inject_file(file, out, plan, threads=threads, force=force, progress=progress)
    cause = {"chip": chip} if chip else {"model": model, "ber_asked": ber}
    data = {"source": source, "out": out, **cause, **result_of(reports, plan, errors)}
    data["wall_s"] = time.perf_counter() - began
    console.say_json(data) if as_json else console.say(text_of(data))


def _errors_of_chip(chip: str, memory: Memory, experimental: bool) -> Errors:
    from edensim.approx.chip_load import load_chip
    from edensim.approx.partition_laws import errors_of_chip

    assert memory.state is not None, "a chip needs the nominal values of a memory"
    return errors_of_chip(load_chip(chip), memory.state, memory.address_map.geometry, experimental=experimental)


def _errors_of_model(
    model: str, ber: float, params: tuple[str, ...], memory: Memory, placed: PlacementFile | None
) -> Errors:
    from edensim.approx.partition_laws import errors_of_model

    rates = placed.ber if placed is not None else {}
    try:
        return errors_of_model(model, ber, _numbers(params), memory.address_map.geometry, memory.partitions, rates)
    except ConfigError as error:
        known = memory.partitions.with_addresses if memory.partitions else ("",)
        if placed is None or not set(rates) - set(known):
            raise
        raise ConfigError(f"{placed.path}: [ber]: {problem}" for problem in error.problems) from None


def _memory(placed: PlacementFile | None, dram: str | None, overrides: tuple[str, ...], needed: bool) -> Memory:
    """The memory of the placement file, of --dram, or a plain one."""
    from edensim.approx.file_injection import Memory
    from edensim.config.load import load_tables
    from edensim.config.tree import Origin, build, merge
    from edensim.system.check import check_memory

    if placed is None or not placed.memory.value:
        if dram is not None or overrides or needed or placed is not None:
            return Memory.of(load_memory(dram or DEFAULT_DRAM, overrides).config)
        return Memory()
    tables = placed.memory
    if tables.get("dram") is None:
        if dram is not None and dram.endswith(".toml"):
            raise click.UsageError(f"{placed.path} and {dram} both describe the memory; give one of them.")
        preset = preset_table("dram", dram or DEFAULT_DRAM, "--dram")
        tables = merge(build(preset, Origin("set", "--dram")), tables)
    elif dram is not None:
        raise click.UsageError(f"{placed.path} describes a memory, so --dram cannot name another one.")
    return Memory.of(load_tables(tables, placed.path, list(overrides), check_memory).config)


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
