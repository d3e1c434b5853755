"""Say that kernels are being compiled, which happens once per installation and would otherwise look like a hang."""

from __future__ import annotations

from edensim.cli.console import log


def announce_compilation() -> None:
    """Log a line when the kernel cache is empty, or compilation is switched off."""
    from edensim.jit import CACHE_FOLDER, JIT_DISABLED

    if JIT_DISABLED:
        log("NUMBA_DISABLE_JIT is set: kernels run as plain Python, hundreds of times slower.")
    elif not any(CACHE_FOLDER.rglob("*.nbc")):
        log(f"compiling kernels, once per installation (less than a minute; kept in {CACHE_FOLDER}).")
