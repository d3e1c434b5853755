"""Entry point: the verbs, and the one place where an exception becomes a message and an exit code."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Sequence

import click

from edensim.cli import compare, console, doctor, energy, inject, options, plot, report, run, schema, show, sweep, trace
from edensim.errors import INTERNAL, INTERRUPTED, OK, USAGE, EdensimError
from edensim.version import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="%(prog)s %(version)s")
@options.common
def cli() -> None:
    """DNN inference from DRAM below its specified voltage and latency: energy and time.

    \b
    edensim run configs/eyeriss-alexnet.toml              a table, a run folder, figures
    edensim show configs/eyeriss-alexnet.toml --origins   where every number comes from
    """  # noqa: D301


VERBS = (
    run.run,
    sweep.sweep,
    plot.plot,
    compare.compare,
    report.report,
    energy.energy,
    inject.inject,
    show.show,
    schema.schema,
    doctor.doctor,
    trace.trace,
)
for verb in VERBS:
    cli.add_command(verb)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0 ok; 1 some points failed; 2 usage, configuration or output; 3 input file; 4 defect of edensim; 130 interrupted.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    console.settings.debug = console.settings.quiet = False
    console.settings.command_line = ["edensim", *arguments]
    console.prepare_streams()
    try:
        code = cli.main(args=arguments, prog_name="edensim", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else OK
    except click.exceptions.Abort:
        return _interrupted()
    except KeyboardInterrupt:
        return _interrupted()
    except click.ClickException as error:
        error.show()
        return USAGE
    except EdensimError as error:
        console.complain("error", str(error))
        _show_traceback()
        return error.exit_code
    except BrokenPipeError:
        return _reader_left()
    except SystemExit as leaving:
        # click answers a closed pipe with an exit of its own.
        return _reader_left() if leaving.code == 1 else int(leaving.code or 0)
    except Exception as error:
        console.complain(
            "internal error", f"{type(error).__name__}: {error}\nThis is a defect of edensim, not of your input."
        )
        if not console.settings.debug:
            click.echo("Run the same command with --debug for a traceback, and please report it.", err=True)
        _show_traceback()
        return INTERNAL


def _show_traceback() -> None:
    if console.settings.debug:
        traceback.print_exc()


def _interrupted() -> int:
    console.complain("interrupted", "nothing was written.")
    return INTERRUPTED


def _reader_left() -> int:
    """Whoever read our stdout has seen enough (`| head`): keep Python from complaining when it flushes at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return OK
