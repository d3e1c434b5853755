"""`edensim schema`: the JSON schema of configurations, for editors that complete and check TOML."""

from __future__ import annotations

from pathlib import Path

import click

from edensim.cli import console
from edensim.cli.options import common, force_file_option


@click.command(short_help="The JSON schema of configurations, for editors.")
@click.option("--out", metavar="FILE", help="Write to a file instead of stdout.")
@force_file_option
@common
def schema(out: str | None, force: bool) -> None:
    """Print the JSON schema of a configuration file."""
    from edensim.config import json_schema
    from edensim.study.folder import write_all
    from edensim.study.record import to_json

    text = to_json(json_schema())
    if out is None:
        console.say(text)
    else:
        path = Path(out)
        write_all(path.parent, {path.name: (text + "\n").encode()}, force)
        console.log(f"wrote {path}")
