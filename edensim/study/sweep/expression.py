"""Conditions on points, such as `operating_point.vdd >= 1.1 or operating_point.tRCD_ns > 12`.

Grammar (nothing else exists: no calls, no subscripts, no names but those of axes)::

    or    = and {"or" and}
    and   = not {"and" not}
    not   = "not" not | comparison
    comparison = sum {("<" | "<=" | ">" | ">=" | "==" | "!=") sum}        1 < x < 2 is allowed
    sum   = product {("+" | "-") product}
    product = sign {("*" | "/") sign}
    sign  = "-" sign | number | "text" | 'text' | true | false | dotted.key | "(" or ")"
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from edensim.config.tree import show_value
from edensim.errors import ConfigError, did_you_mean

MAX_DEPTH = 50
_TOKEN = re.compile(
    r"""\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![A-Za-z_.]))
    |(?P<text>"[^"\n]*"|'[^'\n]*')
    |(?P<key>[A-Za-z_]\w*(?:\.(?:\w+|"[^"\n]*"))*)
    |(?P<sign><=|>=|==|!=|[-+*/()<>]))""",
    re.VERBOSE,
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_WORDS = ("and", "or", "not", "true", "false")
Settings = Mapping[str, Any]
Value = Callable[[Settings], Any]


@dataclass(frozen=True)
class Condition:
    """A condition that was understood; `condition(settings)` says whether a point satisfies it."""

    text: str
    _value: Value

    def __call__(self, settings: Settings) -> bool:
        """Evaluate for one point.

        Raises
        ------
        ConfigError
            If text is compared with a number, a division by zero occurs, or the value is not true or false.
        """
        try:
            value = self._value(settings)
        except ZeroDivisionError:
            raise ConfigError(f"where: {show_value(self.text, 200)} divides by zero at {dict(settings)}") from None
        except (TypeError, OverflowError) as error:
            raise ConfigError(f"where: {show_value(self.text, 200)} at {dict(settings)}: {error}") from None
        if not isinstance(value, bool):
            raise ConfigError(f"where: {show_value(self.text, 200)} gives {value!r}; expected a comparison")
        return value


def condition(text: str, keys: Collection[str]) -> Condition:
    """Understand a condition on the axes `keys`.

    Raises
    ------
    ConfigError
        With the column of what was not understood, or the nearest axis to an unknown name.
    """
    parser = _Parser(text, keys)
    value = parser.either(0)
    parser.end()
    return Condition(text, value)


class _Parser:
    def __init__(self, text: str, keys: Collection[str]) -> None:
        self.text, self.keys = text, keys
        self.kind, self.word, self.at, self._next = "", "", 0, 0
        self.advance()

    def advance(self) -> str:
        """Step to the next token and return the one left behind."""
        before = self.word
        match = _TOKEN.match(self.text, self._next)
        self.at = self._next if match is None else match.start(match.lastgroup or 0)
        if match is None:
            if self.text[self._next :].strip():
                raise self.wrong("cannot be read here")
            self.kind, self.word = "end", ""
        else:
            self.kind, self.word = str(match.lastgroup), match[str(match.lastgroup)]
            self._next = match.end()
        return before

    def wrong(self, why: str) -> ConfigError:
        rest = self.text[self.at :].lstrip()
        column = len(self.text) - len(rest) + 1
        found = show_value(rest, 30) if rest else "the end"
        return ConfigError(f"where: {show_value(self.text, 200)}, column {column}: {found} {why}")

    def end(self) -> None:
        if self.kind != "end":
            raise self.wrong("follows a complete condition; expected and, or, or the end")

    def accept(self, *words: str) -> bool:
        if self.kind != "text" and self.word in words:
            self.advance()
            return True
        return False

    def either(self, depth: int) -> Value:
        if depth > MAX_DEPTH:
            raise self.wrong(f"is nested deeper than {MAX_DEPTH}")
        parts = [self.both(depth)]
        while self.accept("or"):
            parts.append(self.both(depth))
        return parts[0] if len(parts) == 1 else lambda s: any(_truth(part(s)) for part in parts)

    def both(self, depth: int) -> Value:
        parts = [self.negation(depth)]
        while self.accept("and"):
            parts.append(self.negation(depth))
        return parts[0] if len(parts) == 1 else lambda s: all(_truth(part(s)) for part in parts)

    def negation(self, depth: int) -> Value:
        if depth > MAX_DEPTH:
            raise self.wrong(f"is nested deeper than {MAX_DEPTH}")
        if self.accept("not"):
            inner = self.negation(depth + 1)
            return lambda s: not _truth(inner(s))
        return self.comparison(depth)

    def comparison(self, depth: int) -> Value:
        parts = [self.sum(depth)]
        signs = []
        while self.kind == "sign" and self.word in _COMPARE:
            signs.append(_COMPARE[self.advance()])
            parts.append(self.sum(depth))
        if not signs:
            return parts[0]

        def compare(settings: Settings) -> bool:
            values = [part(settings) for part in parts]
            pairs = zip(signs, values[:-1], values[1:], strict=True)
            return all(_compared(sign, left, right) for sign, left, right in pairs)

        return compare

    def sum(self, depth: int) -> Value:
        value = self.product(depth)
        while self.kind == "sign" and self.word in ("+", "-"):
            value = _arithmetic(operator.add if self.advance() == "+" else operator.sub, value, self.product(depth))
        return value

    def product(self, depth: int) -> Value:
        value = self.sign(depth)
        while self.kind == "sign" and self.word in ("*", "/"):
            value = _arithmetic(operator.mul if self.advance() == "*" else operator.truediv, value, self.sign(depth))
        return value

    def sign(self, depth: int) -> Value:
        if depth > MAX_DEPTH:
            raise self.wrong(f"is nested deeper than {MAX_DEPTH}")
        if self.kind == "sign" and self.accept("-"):
            return _arithmetic(operator.sub, lambda s: 0, self.sign(depth + 1))
        if self.kind == "sign" and self.accept("("):
            inner = self.either(depth + 1)
            if self.kind != "sign" or not self.accept(")"):
                raise self.wrong("found; expected )")
            return inner
        return self.atom()

    def atom(self) -> Value:
        constant: Any
        if self.kind == "number":
            text = self.word
            constant = int(text) if text.isdigit() else float(text)
        elif self.kind == "text":
            constant = self.word[1:-1]
        elif self.kind == "key" and self.word in ("true", "false"):
            constant = self.word == "true"
        elif self.kind == "key" and self.word not in _WORDS:
            return self.key()
        else:
            raise self.wrong("found; expected a number, a text in quotes, an axis or (")
        self.advance()
        return lambda s: constant

    def key(self) -> Value:
        name = self.word
        if name not in self.keys:
            guess = did_you_mean(name, self.keys, also=[k for k in self.keys if k.rsplit(".", 1)[-1] == name])
            raise self.wrong(f"is no axis of this sweep{guess} (axes: {', '.join(self.keys)})")
        self.advance()
        return lambda s: s[name]


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value


def _compared(sign: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    if _family(left) != _family(right):
        raise TypeError(f"{left!r} cannot be compared with {right!r}")
    return sign(left, right)


def _family(value: Any) -> str:
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def _arithmetic(sign: Callable[[Any, Any], Any], left: Value, right: Value) -> Value:
    def work(settings: Settings) -> Any:
        a, b = left(settings), right(settings)
        if _family(a) != "number" or _family(b) != "number":
            raise TypeError(f"{a!r} and {b!r} are not both numbers")
        return sign(a, b)

    return work
