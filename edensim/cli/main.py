"""Entry point: the verbs, and the one place where an exception becomes a message and an exit code."""

from __future__ import annotations

import errno
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from edensim.cli import (
    compare,
    console,
    demo,
    doctor,
    eden,
    energy,
    fit,
    inject,
    options,
    plot,
    profile,
    report,
    reproduce,
    run,
    schema,
    show,
    streams,
    sweep,
    trace,
)
from edensim.errors import INTERNAL, INTERRUPTED, OK, SOME_FAILED, USAGE, EdensimError
from edensim.printable import readable, shown
from edensim.version import __version__


class _Verbs(options.InOrder):
    """Keeps click from taking any broken pipe for stdout's, which has an error of its own, and leaving quietly."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as problem:
            raise RuntimeError(f"a pipe broke: {problem}") from problem


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="%(prog)s %(version)s")
@options.common
def cli() -> None:
    """DNN inference from DRAM below its specified voltage and latency: accuracy, energy and time.

    \b
    edensim run configs/eyeriss-alexnet.toml              a table, a run folder, figures
    edensim show configs/eyeriss-alexnet.toml --origins   where every number comes from
    edensim demo                                          the whole trade in seconds, without a file
    """  # noqa: D301


VERBS = (
    run.run,
    sweep.sweep,
    plot.plot,
    compare.compare,
    report.report,
    demo.demo,
    eden.eden,
    inject.inject,
    profile.profile,
    fit.fit,
    energy.energy,
    reproduce.reproduce,
    show.show,
    schema.schema,
    doctor.doctor,
    trace.trace,
)
for verb in VERBS:
    cli.add_command(verb)


ENVIRONMENT = frozenset(
    getattr(errno, name)
    for name in """
    EACCES EDQUOT EFBIG EIO ELOOP EMFILE ENAMETOOLONG ENFILE ENOMEM ENOSPC EPERM EROFS ESTALE ETXTBSY
    """.split()
    if hasattr(errno, name)
)
"""What a disk or an operating system may refuse to anyone; no defect of edensim."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0 ok; 1 some points failed; 2 usage, configuration or output; 3 input file; 4 defect of edensim; 130 interrupted.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    console.settings.begin(["edensim", *map(readable, arguments)])
    with streams.guarded():
        try:
            streams.require_stdout()
            code = cli.main(args=arguments, prog_name="edensim", standalone_mode=False)
            sys.stdout.flush()
            return code if isinstance(code, int) else OK
        except streams.ReaderLeftError:
            return OK
        except (click.exceptions.Abort, KeyboardInterrupt):
            console.complain("interrupted", "nothing was written.")
            return INTERRUPTED
        except click.ClickException as error:
            error.show()
            return USAGE
        except EdensimError as error:
            return _refused(str(error), error.exit_code)
        except MemoryError as error:
            return _refused(f"out of memory {error}".rstrip(), SOME_FAILED)
        except Exception as error:
            if isinstance(error, OSError) and error.errno in ENVIRONMENT:
                return _refused(_from_system(error), USAGE)
            return _defect(error)


def _refused(message: str, code: int) -> int:
    console.complain("error", message)
    _show_traceback()
    return code


def _from_system(problem: OSError) -> str:
    if not isinstance(problem.filename, str | bytes):
        return f"{problem.strerror}, while reading or writing (temporary files go to $TMPDIR, else /tmp)"
    return f"{shown(problem.filename)}: {problem.strerror}"


def _defect(error: BaseException) -> int:
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
