"""`edensim run CONFIG`: simulate, print the table, write the run folder with its figures."""

from __future__ import annotations

from pathlib import Path

import click

from edensim.cli import console
from edensim.cli.compiling import announced_compilation
from edensim.cli.options import common, force_option, format_option, json_option, set_option
from edensim.cli.progress import Progress


@click.command()
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
    for warning in result.data.get("warnings", ()):
        console.log(warning)
    pictures = save(result, resolved, folder, occasion, [] if no_figures else formats, force)
    if as_json:
        console.say_json(result.data)
        return
    from edensim.study.summary import summarize

    console.say(summarize(result.data, resolved.config.title or resolved.name))
    console.say(f"\nrun folder  {folder}/")
    if pictures:
        console.say("figures     " + "  ".join(str(path) for path in pictures if path.suffix == pictures[0].suffix))
