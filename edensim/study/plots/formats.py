"""Picture formats there are; apart from the drawing, so that a wrong one is refused before any work."""

from __future__ import annotations

from edensim.errors import ConfigError, did_you_mean

FORMATS = ("png", "svg", "pdf")


def check_formats(formats: list[str]) -> list[str]:
    """Return the formats, each once.

    Raises
    ------
    ConfigError
        If one is unknown, or none is given.
    """
    for fmt in formats:
        if fmt not in FORMATS:
            raise ConfigError(
                f"picture format {fmt!r} is unknown{did_you_mean(fmt, FORMATS)} (expected {', '.join(FORMATS)})"
            )
    if not formats:
        raise ConfigError(f"no picture format is given: expected one or more of {', '.join(FORMATS)}.")
    return list(dict.fromkeys(formats))
