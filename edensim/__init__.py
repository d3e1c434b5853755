"""DNN inference from DRAM below its specified voltage and latency: accuracy, energy and time.

Everything is loaded on first use, so that `import edensim` and `edensim --help` are quick:

>>> import edensim as es
>>> cfg = es.load_config("configs/eyeriss-alexnet.toml", set={"operating_point.vdd": 1.05})  # doctest: +SKIP
>>> res = es.run(cfg)  # doctest: +SKIP
>>> print(res.summary())  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edensim.version import __version__

if TYPE_CHECKING:
    from edensim.config import Config, Resolved, load_config
    from edensim.errors import ConfigError, EdensimError, InputError, MissingExtraError, OutputError
    from edensim.study.record import load
    from edensim.study.sweep import load_sweep, sweep
    from edensim.system.result import Result
    from edensim.system.run import run

__all__ = [
    "Config",
    "ConfigError",
    "EdensimError",
    "InputError",
    "MissingExtraError",
    "OutputError",
    "Resolved",
    "Result",
    "__version__",
    "load",
    "load_config",
    "load_sweep",
    "run",
    "sweep",
]

_HOMES = {
    "Config": "edensim.config",
    "Resolved": "edensim.config",
    "load_config": "edensim.config",
    "Result": "edensim.system.result",
    "run": "edensim.system.run",
    "load": "edensim.study.record",
    "sweep": "edensim.study.sweep.api",
    "load_sweep": "edensim.study.sweep.load",
} | dict.fromkeys(["ConfigError", "EdensimError", "InputError", "MissingExtraError", "OutputError"], "edensim.errors")


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'edensim' has no attribute {name!r}")
    from importlib import import_module

    if name in ("Result", "run", "load"):
        _attach()
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _attach() -> None:
    # Result lives below the floor that draws and lays out tables, so both are hung on it here, where all floors meet.
    from edensim.study.plots.attach import Plots
    from edensim.study.summary import summarize
    from edensim.system.result import Result

    if not hasattr(Result, "plot"):
        Result.plot = property(Plots)  # type: ignore[attr-defined]
        Result.summary = lambda result: summarize(result.data)  # type: ignore[attr-defined]
