"""`edensim eden CONFIG`: boost, characterise, map, evaluate; and each step alone on the files of the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edensim.cli import console
from edensim.cli.compiling import announced_compilation
from edensim.cli.options import InOrder, common, force_option, format_option, json_option, set_option
from edensim.cli.progress import Progress
from edensim.errors import ConfigError

if TYPE_CHECKING:
    from edensim.eden.flow import Flow

F = TypeVar("F", bound=Callable[..., Any])
ALL = "all"


class _Steps(InOrder):
    """Takes a configuration in place of a step for all of them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = [ALL, *args]
        return super().parse_args(ctx, args)


def _step(function: F) -> F:
    """Options of all steps."""
    options = (
        click.argument("config"),
        set_option,
        click.option("--out", metavar="DIR", help="Folder (default: runs/<config>-eden-<hash>); goes on where it is."),
        click.option("--from-fit", metavar="FIT", help="Error model of the device: what `edensim fit --json` printed."),
        force_option,
        json_option,
        common,
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.group(cls=_Steps, short_help="Boost, characterise, map: which voltage for which tensor.")
def eden() -> None:
    """Find the voltage and latency for every tensor of a network that keep its accuracy.

    \b
    edensim eden configs/eden-lenet.toml                 everything; the same command goes on after a kill
    edensim eden boost configs/eden-lenet.toml           one step, on the files of the steps before it
    edensim run runs/eden-lenet-eden-<hash>/mapped.toml  the mapped network again
    """  # noqa: D301


@eden.command(ALL, short_help="Repeat all steps until nothing improves; simulate; compare.")
@_step
@click.option("--no-figures", is_flag=True, help="Draw nothing.")
@format_option("png")
def everything(config: str, as_json: bool, no_figures: bool, formats: list[str], **options: Any) -> None:
    """Repeat boost, characterise and map until nothing improves; simulate and evaluate the final placement."""
    from edensim.study.plots.formats import check_formats

    formats = [] if no_figures else check_formats(formats)
    with announced_compilation(), Progress("steps") as progress:
        flow = _open(config, options, progress)
        from edensim.eden.rounds import run_flow

        results = run_flow(flow)
    _finish(flow, results, formats)
    _say(flow, results, as_json)


@eden.command(short_help="Train and retrain the network.")
@_step
def boost(config: str, as_json: bool, **options: Any) -> None:
    """Train the network, measure what it tolerates, and retrain it and its control once."""
    with announced_compilation(), Progress("steps") as progress:
        flow = _open(config, options, progress)
        before = flow.before()
        flow.first_round(before)
    _tell(flow, {"before": before["ber"], "files": str(flow.folder / "round-1")}, as_json)


@eden.command(short_help="Measure what network and tensors tolerate.")
@_step
def characterise(config: str, as_json: bool, **options: Any) -> None:
    """Measure what the boosted network, its control and each tensor tolerate."""
    with announced_compilation(), Progress("steps") as progress:
        flow = _open(config, options, progress)
        before = flow.before()
        found = flow.characterise(1, flow.first_round(before))
    told = {"before": before["ber"], "control": found["control"]["ber"], "boosted": found["boosted"]["ber"]}
    _tell(flow, told | {"by_tensor": found["fine"]}, as_json)


@eden.command("map", short_help="Put tensors into parts of the memory.")
@_step
def map_(config: str, as_json: bool, **options: Any) -> None:
    """Put tensors into parts of the memory, by the tolerances found, or those of eden.tolerable."""
    with announced_compilation():
        flow = _open(config, options, None)
        from edensim.eden.rounds import mapping_data, save_mapping

        mapping = flow.map(flow.tolerances(flow.known()))
        save_mapping(flow, mapping, flow.site.mapped(mapping))
    _tell(flow, mapping_data(flow, mapping), as_json)


@eden.command(short_help="Accuracy where the tensors lie, on test images.")
@_step
def evaluate(config: str, as_json: bool, **options: Any) -> None:
    """Accuracy on the test images with the tensors where `map` put them; energy and time on the machine."""
    with announced_compilation(), Progress("steps") as progress:
        flow = _open(config, options, progress)
        from edensim.eden.rounds import evaluate_files

        results = evaluate_files(flow)
    _say(flow, results, as_json)


def _open(config: str, options: dict[str, Any], progress: Progress | None) -> Flow:
    from edensim.config import load_config
    from edensim.eden.files import open_folder
    from edensim.eden.flow import Flow, identity_of, load_fit, network_of
    from edensim.eden.site import Site

    resolved = load_config(config, set=list(options["overrides"]))
    if resolved.config.eden is None:
        raise ConfigError(f"{config}: table [eden] is missing; `edensim eden` needs it")
    fit = load_fit(Path(options["from_fit"])) if options["from_fit"] else None
    identity = identity_of(resolved, fit)
    folder = Path(options["out"]) if options["out"] else Path("runs") / f"{resolved.name}-eden-{identity['hash'][:8]}"
    flow = Flow(
        Site(resolved, network_of(resolved.config.eden, resolved.base_folder, resolved.config.seed)), folder,
        resolved.base_folder, fit, progress,
    )  # fmt: skip
    flow.check()
    open_folder(folder, identity, options["force"])
    return flow


def _finish(flow: Flow, results: dict[str, Any], formats: list[str]) -> None:
    from edensim.eden.files import write_text
    from edensim.study.eden_summary import summarize_eden
    from edensim.study.folder import write_all, write_meta
    from edensim.study.provenance import host, versions

    write_text(flow.folder / "summary.txt", summarize_eden(results) + "\n")
    if formats:
        from edensim.study.plots.eden import render_eden

        (flow.folder / "figures").mkdir(exist_ok=True)
        write_all(flow.folder, render_eden(results, formats), force=True)
    resolved = flow.site.resolved
    about = {"config_hash": resolved.hash, "versions": versions(), "host": host()}
    about |= {"command_line": console.settings.command_line, "seeds": {"seed": resolved.config.seed}}
    write_meta(flow.folder, about | {"config": resolved.config.model_dump(mode="json", exclude_none=True)})


def _say(flow: Flow, results: dict[str, Any], as_json: bool) -> None:
    console.warn(results["warnings"])
    if as_json:
        console.say_json(results | {"folder": str(flow.folder)})
        return
    from edensim.study.eden_summary import summarize_eden

    console.say(summarize_eden(results))
    console.say(f"\nfolder  {flow.folder}/\nagain   edensim run {flow.folder}/mapped.toml")


def _tell(flow: Flow, data: dict[str, Any], as_json: bool) -> None:
    if as_json:
        console.say_json(data | {"folder": str(flow.folder)})
        return
    from edensim.study.text_table import columns

    rows = [[name, _short(value)] for name, value in data.items() if not isinstance(value, dict)]
    for name, table in data.items():
        if isinstance(table, dict):
            rows += [[f"{name}: {key}", _short(value)] for key, value in table.items()]
    console.say(columns(rows, right_from=2))
    console.say(f"folder  {flow.folder}/")


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{k} {_short(v)}" for k, v in value.items())
    return str(value)
