"""`edensim run CONFIG`: simulate, print the table, write the run folder with its figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edensim.cli import console
from edensim.cli.compiling import announced_compilation
from edensim.cli.options import common, force_option, format_option, json_option, set_option
from edensim.cli.progress import Progress
from edensim.printable import one_line

if TYPE_CHECKING:
    from edensim.config import Resolved


@click.command(short_help="Simulate a configuration: table, run folder, figures.")
@click.argument("config")
@set_option
@click.option("--out", metavar="DIR", help="Run folder (default: runs/<config>-<hash>).")
@force_option
@json_option
@click.option("--no-figures", is_flag=True, help="Draw nothing.")
@format_option("png")
@common
def run(
    config: str,
    overrides: tuple[str, ...],
    out: str | None,
    force: bool,
    as_json: bool,
    no_figures: bool,
    formats: list[str],
) -> None:
    """Run a configuration and every [compare.NAME] beside it.

    Prints the operating points side by side; leaves meta.json, results.csv and figures in the run folder.
    """
    from edensim.config import load_config
    from edensim.study.folder import check_free
    from edensim.study.record import Occasion, default_folder, save
    from edensim.system.check import check_run

    occasion = Occasion(console.settings.command_line)
    resolved = load_config(config, set=list(overrides), check=check_run)
    if not no_figures:
        from edensim.study.plots.formats import check_formats

        formats = check_formats(formats)
    folder = Path(out) if out else default_folder(resolved)
    check_free(folder, force)

    from edensim.system.run import run as simulate

    with announced_compilation(), Progress("requests") as progress:
        result = simulate(resolved, progress=progress)
    console.warn(result.data["warnings"])
    pictures = save(result, resolved, folder, occasion, [] if no_figures else formats, force)
    if as_json:
        console.say_json(result.data)
        return
    from edensim.study.summary import summarize

    console.say(summarize(result.data, heading(resolved)))
    console.say(f"\nrun folder  {folder}/")
    if pictures:
        console.say("figures     " + "  ".join(str(path) for path in pictures if path.suffix == pictures[0].suffix))


def heading(resolved: Resolved) -> str:
    """Title of the configuration, and below it what runs, which `--set` may have changed."""
    config = resolved.config
    assert config.workload is not None
    assert config.machine is not None
    layers = config.workload.layers
    part = "" if layers is None else f"{layers[0]} of " if len(layers) == 1 else f"{len(layers)} layers of "
    network = f"{part}{config.workload.network} {config.workload.precision}, batch {config.workload.batch}"
    memory = config.dram.preset or config.dram.standard
    channels = f", {config.dram.channels} channels" if config.dram.channels > 1 else ""
    what = f"{network}, on {config.machine.preset or config.machine.kind} with {memory}{channels}"
    return f"{one_line(config.title or resolved.name)}\n{one_line(what)}"
