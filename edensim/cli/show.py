"""`edensim show`: a configuration with the origin of every value, a network, a machine, a memory, a chip."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import click

from edensim.cli import console
from edensim.cli.memory_option import preset_table
from edensim.cli.options import InOrder, common, json_option, set_option
from edensim.cli.show_chip import show_chip
from edensim.study.text_table import columns

if TYPE_CHECKING:
    from edensim.config import Row


LONGEST_CELL = 40
"""Texts longer than this stand above the table instead of in it."""


class _ConfigByDefault(InOrder):
    """Takes a word that is no subject as the configuration to show."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            args = ["config", *args]
        return super().resolve_command(ctx, args)


@click.group(
    cls=_ConfigByDefault,
    context_settings={"ignore_unknown_options": True},
    short_help="Show a configuration, network, machine, memory or chip.",
)
def show() -> None:
    """Show a configuration (CONFIG [--origins]), or a workload, machine, dram or chip by name.

    \b
    edensim show configs/eyeriss-alexnet.toml --origins
    edensim show workload alexnet
    edensim show dram ddr4-2400r-8gb-x8
    edensim show chip A
    """  # noqa: D301


show.add_command(show_chip)


@show.command("config", short_help="A resolved configuration, and where its values come from.")
@click.argument("config")
@set_option
@click.option("--origins", is_flag=True, help="Tell for every value which file and line it comes from.")
@json_option
@common
def show_config(config: str, overrides: tuple[str, ...], origins: bool, as_json: bool) -> None:
    """Print the resolved configuration, as TOML that loads to the same configuration again."""
    from edensim.config import describe_text, load_config
    from edensim.system.check import check_shown

    resolved = load_config(config, set=list(overrides), check=check_shown)
    if as_json:
        data: dict[str, Any] = {"config": resolved.config.model_dump(mode="json"), "config_hash": resolved.hash}
        console.say_json(data | ({"origins": resolved.origins} if origins else {}))
    else:
        console.say(describe_text(resolved, origins=origins).rstrip("\n"))


@show.command("workload", short_help="Layers, MACs and sizes of a network, or all networks.")
@click.argument("name", required=False)
@click.option("--precision", default="int8", show_default=True, metavar="FORMAT", help="int4, int8, int16 or fp32.")
@click.option("--batch", default=1, show_default=True, metavar="N", help="Images at once.")
@json_option
@common
def show_workload(name: str | None, precision: str, batch: int, as_json: bool) -> None:
    """Print layers, MACs and sizes of a network (a built-in name, a SCALE-Sim .csv or an .onnx file), or list all."""
    from edensim.workloads.describe import describe_network
    from edensim.workloads.load import builtin_names, load_network

    if name is None:
        networks = [load_network(known) for known in builtin_names()]
        if as_json:
            console.say_json(
                {n.name: {"layers": len(n.layers), "macs": n.macs, "parameters": n.parameter_count} for n in networks}
            )
            return
        rows = [[n.name, len(n.layers), f"{n.macs:,}", f"{n.parameter_count:,}"] for n in networks]
        console.say(columns([["network", "layers", "MACs", "parameters"], *rows]))
        return
    network = describe_network(load_network(name), precision, batch)
    console.warn(network.warnings)
    if as_json:
        console.say_json({"layers": list(network.rows), "totals": network.totals, "warnings": list(network.warnings)})
        return
    sums = ("macs", "weight_bytes", "ifm_bytes", "ofm_bytes")
    head = ["layer", "kind", "shape", "MACs", "weights (B)", "ifm (B)", "ofm (B)"]
    body = [[r["layer"], r["kind"], r["shape"], *(f"{r[c]:,}" for c in sums)] for r in network.rows]
    totals = network.totals
    total = ["total", "", f"{totals['layers']} layers", *(f"{totals[c]:,}" for c in sums)]
    console.say(
        f"{totals['network']}: {totals['parameters']:,} parameters, {precision}, batch {batch}\n{totals['source']}\n"
    )
    console.say(columns([head, *body, total], right_from=3))


@show.command("machine", short_help="A shipped machine, or all.")
@click.argument("name", required=False)
@json_option
@common
def show_machine(name: str | None, as_json: bool) -> None:
    """Print a shipped machine, or list all."""
    _show_preset("machine", name, as_json)


@show.command("dram", short_help="A shipped memory, or all.")
@click.argument("name", required=False)
@json_option
@common
def show_dram(name: str | None, as_json: bool) -> None:
    """Print a shipped memory with its timings in clocks, or list all with peak bandwidth, latency and source."""
    if name is None:
        _list_memories(as_json)
    else:
        _show_preset("dram", name, as_json)


def _list_memories(as_json: bool) -> None:
    from edensim.config import Presets, load_config
    from edensim.config.memory_parts import PARTS
    from edensim.dram.timing import peak_bandwidth_gb_s, resolve_timing

    memories: dict[str, dict[str, Any]] = {}
    for name in Presets().names("dram"):
        dram = load_config({"dram": {"preset": name}}).config.dram
        timing = resolve_timing(dram)
        memories[name] = {
            "standard": dram.standard,
            "channels": dram.channels,
            "peak_bandwidth_gb_s": peak_bandwidth_gb_s(dram, timing),
            "unloaded_read_ns": timing.unloaded_read_ns,
            "currents": f"trust {dram.power.trust}" if dram.power else "none",
            "source": dram.source,
        }
    parts = {part: Presets().names(part) for part in PARTS}
    if as_json:
        console.say_json({"dram": memories} | parts)
        return
    head = ["memory", "standard", "channels", "peak (GB/s)", "read (ns)", "currents"]
    rows = [
        [name, m["standard"], m["channels"], f"{m['peak_bandwidth_gb_s']:.1f}", f"{m['unloaded_read_ns']:.1f}"]
        + [m["currents"]]
        for name, m in memories.items()
    ]
    console.say(columns([head, *rows], right_from=2))
    console.say("\npeak: all channels together; read: a single read of a closed row, to the last beat of its data\n")
    named: dict[str, list[str]] = {}
    for name, m in memories.items():
        named.setdefault(m["source"], []).append(name)
    console.say("\n".join(_wrapped(f"{', '.join(names)}: {source}") for source, names in named.items()))
    console.say("\nparts of which other memories can be made (dram.organisation, dram.speed_bin):")
    console.say("\n".join(_wrapped(f"{part}: {', '.join(names)}") for part, names in parts.items()))


def _show_preset(kind: str, name: str | None, as_json: bool) -> None:
    from edensim.config import Presets, describe, load_config

    if name is None:
        names = Presets().names(kind)
        if as_json:
            console.say_json({kind: names})
        else:
            console.say("\n".join(names))
        return
    # A configuration always has a memory, so a machine is shown beside any.
    other = {} if kind == "dram" else {"dram": {"preset": Presets().names("dram")[0]}}
    resolved = load_config(preset_table(kind, name, f"show {kind}") | other)
    data = getattr(resolved.config, kind).model_dump(mode="json", exclude_none=True)
    clocks = _clocks(resolved.config.dram) if kind == "dram" else {}
    if as_json:
        console.say_json(data | ({"clocks": clocks} if clocks else {}))
        return
    rows = [row for row in describe(resolved) if row.path[0] == kind and row.value is not None]
    prose = [row for row in rows if isinstance(row.value, str) and len(row.value) > LONGEST_CELL]
    for row in prose:
        console.say(_wrapped(f"{_key(row)}: {row.value}") + "\n")
    cells = [[_key(row), console.compact_json(row.value), row.unit, row.doc] for row in rows if row not in prose]
    console.say(columns(cells, right_from=9))
    if clocks:
        console.say("\n" + _wrapped("in clocks: " + ", ".join(f"{key} {value}" for key, value in clocks.items())))


def _key(row: Row) -> str:
    return ".".join(map(str, row.path[1:]))


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 100, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _clocks(dram: Any) -> dict[str, int]:
    from edensim.dram.timing import resolve_timing

    return {name: int(value) for name, value in sorted(resolve_timing(dram).ck.items())}
