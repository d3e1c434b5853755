"""Say that kernels are being compiled, which happens once per shape of memory and would otherwise look like a hang."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from edensim.cli.console import log, settings


@contextmanager
def announced_compilation() -> Iterator[None]:
    """Log, once per call of `edensim`, that kernels are compiled rather than loaded; and why they cannot be kept."""
    from edensim import kernel_cache
    from edensim.jit import JIT_DISABLED

    if JIT_DISABLED:
        _log_once("NUMBA_DISABLE_JIT is set: kernels run as plain Python, hundreds of times slower.")
        yield
        return
    from numba.core import event

    class Announcer(event.Listener):
        def on_start(self, event: object) -> None:
            kept = f"kept in {kernel_cache.FOLDER}" if kernel_cache.FOLDER else "not kept"
            _log_once(f"compiling kernels for this memory, once (less than a minute; {kept}).")

        def on_end(self, event: object) -> None:
            pass

    with event.install_listener("numba:compile", Announcer()):
        yield
    if kernel_cache.problems:
        _log_once(
            f"compiled kernels: {next(iter(kernel_cache.problems))}; this costs time, not results. "
            "`edensim doctor` tells more; EDENSIM_CACHE names another folder."
        )


def _log_once(message: str) -> None:
    if message not in settings.told:
        settings.told.add(message)
        log(message)
