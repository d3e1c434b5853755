"""Errors a user can cause, and the exit code each of them ends a command with.

Every error carries one paragraph that says where (file and line when known), what was found and what was
expected. Anything that is not an `EdensimError` is a defect of edensim and exits with 4.
"""

from __future__ import annotations

from collections.abc import Iterable

OK, SOME_FAILED, USAGE, INPUT, INTERNAL, INTERRUPTED = 0, 1, 2, 3, 4, 130


class EdensimError(Exception):
    """Base of all errors caused by input; `exit_code` is what the command line returns."""

    exit_code = INTERNAL


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
