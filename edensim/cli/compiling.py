"""Say that kernels are being compiled, which happens once per shape of memory and would otherwise look like a hang."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from edensim.cli.console import log


@contextmanager
def announced_compilation() -> Iterator[None]:
    """Log a line when the first kernel inside the block is compiled rather than loaded; or that none ever is."""
    from edensim.jit import CACHE_FOLDER, JIT_DISABLED

    if JIT_DISABLED:
        log("NUMBA_DISABLE_JIT is set: kernels run as plain Python, hundreds of times slower.")
        yield
        return
    from numba.core import event

    class Announcer(event.Listener):
        told = False

        def on_start(self, event: object) -> None:
            if not self.told:
                log(f"compiling kernels for this memory, once (less than a minute; kept in {CACHE_FOLDER}).")
                self.told = True

        def on_end(self, event: object) -> None:
            pass

    with event.install_listener("numba:compile", Announcer()):
        yield
