"""A DRAM family as data: levels, timing names, rounding rule and the table of command constraints.

Modelled: pairwise waits between commands that share a node of a level (or sit in sibling nodes), windows over several
commands, power-down and self refresh (`Sleep`), the rule by which times of the data sheet become clocks, and what the
command bus is like: two buses (HBM), half clocks (HBM3), activation in two commands and a data clock that runs on
demand (LPDDR5). Not modelled: commands beyond `COMMAND_NAMES` (mode registers, calibration) and constraints that depend
on data or mode registers.
"""

from __future__ import annotations

import ast
import operator
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache, reduce
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import numpy as np

from edensim.config import schema
from edensim.dram.commands import COMMAND_NAMES
from edensim.errors import ConfigError, did_you_mean
from edensim.memory import LEVELS


@dataclass(frozen=True)
class Constraint:
    """After any of `preceding`, each of `following` in the same node of `scope` waits `latency` clocks.

    Attributes
    ----------
    scope : str
        One of the levels of the standard.
    preceding, following : tuple of str
        Command names.
    latency : str
        Expression over n-names, in clocks.
    window : int
        Counted from the `window`-th last preceding command (4: four activate window).
    sibling : bool
        The constraint binds the *other* nodes of `scope` under the same parent.
    name : str
        Name of the rule for reports, e.g. "tFAW".
    """

    scope: str
    preceding: tuple[str, ...]
    following: tuple[str, ...]
    latency: str
    window: int = 1
    sibling: bool = False
    name: str = ""


@dataclass(frozen=True)
class TimingRule:
    """How one n-name (clocks) comes from the configuration: a key of [dram.timing], or an expression in clocks.

    What is `optional` may be missing; the memory then lacks every constraint that names it.
    """

    name: str
    given: str = ""
    default: str = ""
    minimum: int = 0
    round_down: bool = False
    clocks: str = ""
    optional: bool = False


@dataclass(frozen=True)
class Rounding:
    """Rule that turns a time into clocks: floor(t/tCK * scale/1000 + guard/1000), or ceil((t - tolerance)/tCK)."""

    guard_permille: int | None = None
    scale_permille: int = 1000
    tolerance_ps: int = 0

    def clocks(self, time_ps: Fraction, period_ps: Fraction) -> int:
        """Whole clocks of a time, both in ps; 0 stays 0."""
        if self.guard_permille is not None and time_ps:
            return int((time_ps / period_ps * self.scale_permille + self.guard_permille) / 1000)
        return max(0, -((self.tolerance_ps - time_ps) // period_ps))


@dataclass(frozen=True)
class Sleep:
    """Power-down and self refresh of a family: what only applies where the controller uses them."""

    timings: tuple[TimingRule, ...]
    constraints: tuple[Constraint, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Its n-names, in the order in which they are resolved."""
        return tuple(rule.name for rule in self.timings)


@dataclass(frozen=True)
class Standard:
    """A family: see the module docstring. `timings` is ordered, later rules may use earlier names.

    Attributes
    ----------
    sleep : Sleep or None
        Power-down and self refresh; None where no source for them is known.
    transfers_per_clock : int
        Beats on a data pin per clock of the command bus: 2, or more where data have a clock of their own (GDDR).
    command_numbers : tuple of str
        Commands in the order in which ramulator 2 numbers them, for digests of command traces ("ACT1" is ACT).
    two_buses : bool
        Column commands (RD, WR) and row commands (all others) have a command bus each.
    half_clock : bool
        A clock of the model is half a clock of the device; at even ones only precharges may go, on two buses.
    second_activate : str
        A row is opened by ACT and then ACT2, at most so many clocks later (an expression); empty = by ACT alone.
    wck_read, wck_write : str
        Clocks that the data clock runs on after RD and WR; a column command that comes later is preceded by CAS_RD or
        CAS_WR. Empty = there is no such clock.
    """

    name: str
    levels: tuple[str, ...]
    read_latency: str
    rounding: Rounding
    timings: tuple[TimingRule, ...]
    constraints: tuple[Constraint, ...]
    transfers_per_clock: int = 2
    command_numbers: tuple[str, ...] = ("ACT", "PREpb", "PREab", "RD", "WR", "RDA", "WRA", "REFab")
    two_buses: bool = False
    half_clock: bool = False
    second_activate: str = ""
    wck_read: str = ""
    wck_write: str = ""
    sleep: Sleep | None = None
    source: str = field(default="", compare=False)

    @property
    def names(self) -> tuple[str, ...]:
        """All n-names, in the order in which they are resolved."""
        return tuple(rule.name for rule in self.timings)

    @property
    def optional_names(self) -> tuple[str, ...]:
        """Those that a memory may lack."""
        return tuple(rule.name for rule in self.timings if rule.optional)

    def constraints_on(self, names: Iterable[str]) -> list[Constraint]:
        """Constraints of a memory that has these timings: all but those on optional ones that it lacks.

        Those of power-down are among them where the timings of power-down are.
        """
        names, rows = set(names), self.constraints
        if self.sleep is not None and names.issuperset(self.sleep.names):
            rows += self.sleep.constraints
        absent = set(self.optional_names) - names
        return [row for row in rows if absent.isdisjoint(expression_names(row.latency))]


OPTIONAL = "transfers_per_clock two_buses half_clock second_activate wck_read wck_write source".split()
"""Keys that a file may leave out."""


def folder() -> Traversable:
    """Where the families lie: one file each."""
    return resources.files("edensim").joinpath("presets", "standard")


def standard_names() -> list[str]:
    """Names of the shipped families, e.g. ["DDR3", "DDR4", "LPDDR3"]."""
    files = (entry.name for entry in folder().iterdir())
    return sorted(name.removesuffix(".toml").upper() for name in files if name.endswith(".toml"))


@cache
def load_standard(name: str) -> Standard:
    """Read a shipped family.

    Parameters
    ----------
    name : str
        Family name, case does not matter ("DDR4").

    Raises
    ------
    ConfigError
        Unknown family, or a table that names an unknown level, command or timing.
    """
    known = standard_names()
    if name.upper() not in known:
        hint = did_you_mean(name, known)
        raise ConfigError(f"dram.standard: no DRAM standard named '{name}'{hint} (known: {', '.join(known)})")
    text = folder().joinpath(f"{name.lower()}.toml").read_text("utf-8")
    return parse_standard(tomllib.loads(text), f"presets/standard/{name.lower()}.toml")


def parse_standard(table: Mapping[str, Any], where: str) -> Standard:
    """Build and check a `Standard` from a parsed TOML table; `where` names the file in errors."""
    problems: list[str] = []
    try:
        levels = tuple(table["levels"])
        rules = tuple(_timing_rule(n, row) for n, row in table["timings"].items())
        rows = tuple(_constraint(row) for row in table["constraint"])
        optional = {key: table[key] for key in OPTIONAL if key in table}
        if "command_numbers" in table:
            optional["command_numbers"] = tuple(x.replace("ACT1", "ACT") for x in table["command_numbers"])
        if "power_down" in table:
            asleep = table["power_down"]
            optional["sleep"] = Sleep(
                tuple(_timing_rule(n, row) for n, row in asleep["timings"].items()),
                tuple(_constraint(row) for row in asleep["constraint"]),
            )
        rounding, latency = Rounding(**table["rounding"]), table["read_latency"]
        standard = Standard(table["name"], levels, latency, rounding, rules, rows, **optional)
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{where}: not a DRAM standard: missing or unknown key {error}") from None
    problems += _unknown(where, "level", levels, LEVELS)
    problems += _unknown(f"{where}: command_numbers", "command", standard.command_numbers, COMMAND_NAMES)
    asleep_rules, asleep_rows = (standard.sleep.timings, standard.sleep.constraints) if standard.sleep else ((), ())
    names = [rule.name for rule in (*rules, *asleep_rules)]
    problems += _unknown_rules(where, (*rules, *asleep_rules))
    for row in (*rows, *asleep_rows):
        here = f"{where}: constraint {row.name} at {row.scope}"
        problems += _unknown(here, "level", [row.scope], levels)
        problems += _unknown(here, "command", row.preceding + row.following, COMMAND_NAMES)
        problems += _unknown(here, "timing", expression_names(row.latency), names)
        if row.window < 1:
            problems.append(f"{here}: window {row.window} must be at least 1")
        if row.sibling and row.scope == levels[0]:
            problems.append(f"{here}: the outermost level has no siblings")
    for key in ("read_latency", "second_activate", "wck_read", "wck_write"):
        if text := getattr(standard, key):
            problems += _unknown(f"{where}: {key}", "timing", expression_names(text), standard.names)
    if bool(standard.second_activate) != bool(standard.wck_read and standard.wck_write):
        problems.append(f"{where}: second_activate, wck_read and wck_write are modelled together or not at all")
    if standard.half_clock and not standard.two_buses:
        problems.append(f"{where}: half_clock is modelled with two_buses only")
    if problems:
        raise ConfigError(problems)
    return standard


def _timing_rule(name: str, row: Mapping[str, Any]) -> TimingRule:
    given = dict(row)
    round_down = given.pop("round", "up") == "down"
    return TimingRule(name, round_down=round_down, **given)


def _constraint(row: Mapping[str, Any]) -> Constraint:
    row = dict(row)
    preceding, following = tuple(row.pop("preceding")), tuple(row.pop("following"))
    return Constraint(preceding=preceding, following=following, **row)


def _unknown(where: str, what: str, words: Iterable[str], known: Iterable[str]) -> list[str]:
    """One message per word that is not known, with the nearest known ones."""
    known = list(known)
    found = []
    for word in words:
        if word not in known:
            hint = did_you_mean(word, known, f"known are {', '.join(known)}")
            found.append(f"{where}: unknown {what} '{word}'{hint}")
    return found


def _unknown_rules(where: str, rules: Iterable[TimingRule]) -> list[str]:
    """Timing rules that refer to keys of [dram.timing] or to n-names that do not exist (yet)."""
    keys = list(schema.Timing.model_fields)
    seen = ["burst_length", "banks_per_rank", "banks_per_group"]
    problems = []
    for rule in rules:
        here = f"{where}: timing {rule.name}"
        if bool(rule.given) == bool(rule.clocks) or (rule.optional and rule.clocks):
            problems.append(f"{here}: needs either `given` or `clocks`")
        problems += _unknown(here, "key of [dram.timing]", [rule.given] if rule.given else [], keys)
        problems += _unknown(here, "key of [dram.timing]", expression_names(rule.default) if rule.default else [], keys)
        problems += _unknown(here, "timing", expression_names(rule.clocks) if rule.clocks else [], seen)
        seen.append(rule.name)
    return problems


# ---- expressions

_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
}


@cache
def _parse(expression: str) -> ast.expr:
    try:
        return ast.parse(expression, mode="eval").body
    except SyntaxError:
        raise ConfigError(f"'{expression}' is not an expression over timing names") from None


def expression_names(expression: str) -> list[str]:
    """Names an expression refers to, sorted."""
    found = {node.id for node in ast.walk(_parse(expression)) if isinstance(node, ast.Name)}
    return sorted(found - {"max", "min", "ceil"})


def evaluate(expression: str, names: Mapping[str, Any]) -> Any:
    """Value of an expression of whole numbers, names, ``+ - * //`` and ``max min ceil``; nothing else is executed.

    Parameters
    ----------
    expression : str
        E.g. "nCWL + nBL + nWR".
    names : mapping of str to number or integer array
        Arrays (one value per bank) broadcast, so one expression prices all banks.

    Raises
    ------
    ConfigError
        Unknown name (with the nearest known one) or anything that is not in the list above.
    """
    return _value(_parse(expression), names, expression)


def _value(node: ast.expr, names: Mapping[str, Any], expression: str) -> Any:
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name):
            if name in names:
                return names[name]
            raise ConfigError(_unknown(f"expression '{expression}'", "timing", [name], names)[0])
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner, names, expression)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(left, names, expression), _value(right, names, expression))
        case ast.Call(func=ast.Name(id=function), args=[_, *_] as inner, keywords=[]):
            values = [_value(argument, names, expression) for argument in inner]
            if function in ("max", "min"):
                return _extreme(function, values)
            if function == "ceil" and len(values) == 1:
                return -(-values[0] // 1)
    raise ConfigError(f"expression '{expression}': '{ast.unparse(node)}' is not allowed (use + - * // max min ceil)")


def _extreme(function: str, values: list[Any]) -> Any:
    if any(isinstance(v, np.ndarray) for v in values):
        return reduce(np.maximum if function == "max" else np.minimum, values)
    return max(values) if function == "max" else min(values)
