"""Reference pages made from the package itself: configuration keys, result columns, presets, command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from pydantic import BaseModel

from edensim.cli.main import cli
from edensim.config.keys import ROOT, Key, keys_of
from edensim.config.presets import Presets
from edensim.study.glossary import TERMS


def write(folder: Path) -> None:
    """Write all pages into `folder`; unchanged ones are left alone, so that a rebuild stays quick."""
    folder.mkdir(exist_ok=True)
    pages = {
        "configuration": configuration(),
        "results": results(),
        "presets": presets(),
        "command-line": command_line(),
    }
    for name, text in pages.items():
        path = folder / f"{name}.md"
        if not path.is_file() or path.read_text() != text:
            path.write_text(text)


def configuration() -> str:
    """Every key, table by table: type and range, unit, default, meaning."""
    lines = [
        "# Configuration",
        "",
        "Made from the schema: what `edensim schema` writes for editors stands here for people. A configuration is",
        "TOML; unknown keys are errors. `preset` and `extends` supply values, `--set` overrides them, and",
        "`edensim show CONFIG --origins` tells where each value came from.",
        "",
    ]
    for title, model in tables(ROOT, ""):
        lines += [f"## {title or 'Top level'}", "", _doc(model), ""]
        lines += ["| key | unit | default | meaning | expected |", "|---|---|---|---|---|"]
        for name, below in keys_of(model).items():
            if below.kind in ("table", "map", "list") and any(k.models for k in (below, below.item) if k):
                continue
            default = _default(model, name)
            lines.append(
                f"| `{name}` | {_cell(below.unit)} | {default} | {_cell(below.doc)} | {_cell(below.expected())} |"
            )
        lines.append("")
    return "\n".join(lines)


def tables(key: Key, title: str) -> Iterator[tuple[str, type[BaseModel]]]:
    """All tables with their headings as one writes them in TOML; those of several kinds once for each."""
    for model in key.models:
        kinds = keys_of(model)[key.tag].choices if key.tag else ()
        yield f"{title} of kind {' or '.join(kinds)}" if kinds else title, model
        for name, below in keys_of(model).items():
            path = f"{title.strip('[]')}.{name}" if title else name
            if below.kind == "table":
                yield from tables(below, f"[{path}]")
            elif below.item is not None and below.item.models:
                yield from tables(below.item, f"[[{path}]]" if below.kind == "list" else f"[{path}.NAME]")


def _doc(model: type[BaseModel]) -> str:
    text = (model.__doc__ or "").strip()
    return _cell(text.split(":", 1)[-1].strip() if text.startswith("[") else text)


def _default(model: type[BaseModel], name: str) -> str:
    field = model.model_fields[name]
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value == "":
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def results() -> str:
    """Every key of `--json` and column of the tables."""
    lines = [
        "# Results",
        "",
        "Keys of `--json`, of `result.json`, and columns of the tables. In `results.csv` of a run a key stands as",
        "`metric` and `component` (`energy_pj`, `act`); in that of a sweep as one column (`energy_pj.act`). `*` stands",
        "for a name of yours or of the memory, `[]` for each entry of a list. The keys of a compared point are those",
        "of the main one: `compare.NAME.key` in JSON, `NAME:key` as a column of a sweep.",
        "`partitions.NAME.energy_pj.act` is the metric `partition_energy_pj` with the component `NAME.act`.",
        "A test holds this list against what is really written.",
        "",
    ]
    for heading, terms in TERMS.items():
        lines += [f"## {heading}", "", "| key | unit | meaning |", "|---|---|---|"]
        lines += [f"| `{term.pattern}` | {_cell(term.unit)} | {_cell(term.meaning)} |" for term in terms]
        lines.append("")
    return "\n".join(lines)


def presets() -> str:
    """Names of everything that is shipped."""
    found = Presets()
    lines = [
        "# Presets",
        "",
        "Each is a commented TOML file inside the package; `edensim show dram NAME` prints one.",
        "",
    ]
    for kind, title in (("dram", "Memories"), ("machine", "Machines"), ("chip", "Chips"), ("standard", "Standards")):
        lines += [f"## {title}", "", *(f"- `{name}`" for name in found.names(kind)), ""]
    return "\n".join(lines)


def command_line() -> str:
    """`--help` of every verb."""
    lines = ["# Command line", ""]
    for name, command in _verbs(cli, "edensim"):
        with click.Context(command, info_name=name, max_content_width=100) as context:
            lines += [f"## {name}", "", "```text", command.get_help(context), "```", ""]
    return "\n".join(lines)


def _verbs(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for below, verb in command.commands.items():
            yield from _verbs(verb, f"{name} {below}")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")
