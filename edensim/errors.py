"""Errors a user can cause, and the exit code each of them ends a command with.

Every error carries one paragraph that says where (file and line when known), what was found and what was
expected. Anything that is not an `EdensimError` is a defect of edensim and exits with 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

OK, SOME_FAILED, USAGE, INPUT, INTERNAL, INTERRUPTED = 0, 1, 2, 3, 4, 130


class EdensimError(Exception):
    """Base of all errors caused by input; `exit_code` is what the command line returns."""

    exit_code = INTERNAL


class Problem(str):
    """One message of a `ConfigError` that knows the keys it is about, so that the line of the culprit can be named."""

    keys: tuple[tuple[str, ...], ...]

    def __new__(cls, message: str, *keys: str | tuple[str, ...]) -> Problem:
        """Make a message.

        Parameters
        ----------
        message : str
            One sentence; the place in the file is put before it by whoever knows the file.
        *keys : str or tuple of str
            *Every* key the verdict rests on, dotted ("dram.rows") or in parts, the likeliest culprit first. A table
            stands for all its keys. In a configuration that is faulty elsewhere, a problem is told only if none of
            them is in doubt; a problem without keys is then not told at all.
        """
        problem = super().__new__(cls, message)
        problem.keys = tuple(tuple(key.split(".")) if isinstance(key, str) else key for key in keys)
        return problem


class ConfigError(EdensimError):
    """Wrong usage or configuration. `problems` holds one message per problem, all found in one go."""

    exit_code = USAGE

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class InputError(EdensimError):
    """An input file that is missing, malformed or not what it claims to be."""

    exit_code = INPUT


class OutputError(EdensimError):
    """An output that exists already or cannot be written."""

    exit_code = USAGE


class MissingExtraError(EdensimError):
    """An optional library is needed; the message names the extra that installs it."""

    exit_code = USAGE

    def __init__(self, library: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs {library}: install it with `pip install 'edensim[{extra}]'`")


def did_you_mean(
    word: str,
    choices: Iterable[str],
    otherwise: str = "",
    show: Callable[[str], str] = str,
    also: Sequence[str] = (),
) -> str:
    """The end of a message about a word that is not known.

    Parameters
    ----------
    word
        What was found.
    choices
        The words that are known.
    otherwise
        What to say if none is close, for instance "known are a, b" (nothing: say nothing).
    show
        How to write a choice.
    also
        Choices to offer if none is close, for reasons that the spelling does not show.

    Returns
    -------
    str
        "; did you mean a or b?", else "; " and `otherwise`, else an empty text.
    """
    close = suggest(word, choices) or also
    return perhaps(*map(show, close)) or (f"; {otherwise}" if otherwise else "")


def perhaps(*guesses: str) -> str:
    """Offer guesses at what was meant: "; did you mean a or b?", or an empty text if there are none."""
    return f"; did you mean {' or '.join(guesses)}?" if guesses else ""


def suggest(word: str, choices: Iterable[str]) -> list[str]:
    """Names close to `word`: by edits, else those that begin alike (`tRCD` for `tRCD_ns`)."""
    known = list(choices)
    lower = word.lower()
    return nearest(word, known) or [c for c in known if len(lower) > 1 and c.lower().startswith(lower)][:3]


def nearest(word: str, choices: Iterable[str], limit: int = 3) -> list[str]:
    """Known names close to `word` by Damerau-Levenshtein distance, best first (at most a third of its length away)."""
    bound = max(1, len(word) // 3)
    ranked = sorted((damerau_levenshtein(word.lower(), c.lower()), c) for c in choices)
    return [c for distance, c in ranked if distance <= bound][:limit]


def damerau_levenshtein(a: str, b: str) -> int:
    """Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b` (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        older, before, row = before, row, [i] + [0] * len(b)
        for j, y in enumerate(b, 1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                row[j] = min(row[j], older[j - 2] + 1)
    return row[-1]
