"""The plan of a sweep: every point resolved, checked and identified before anything runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from edensim.config import Resolved, load_config
from edensim.config.draft import Check
from edensim.config.schema import Draft
from edensim.config.sweep_schema import Sweep
from edensim.config.tree import show_value
from edensim.errors import ConfigError, EdensimError, Problem
from edensim.study.record import require_runnable
from edensim.study.sweep.axes import axes_of, axis_path, expand, plain_value
from edensim.study.sweep.journal import Owner
from edensim.study.sweep.plan_file import Saved, inputs_unchanged, plan_key, read_plan
from edensim.study.sweep.point import Digests, point_id, to_text, without_sweep
from edensim.study.sweep.space import LARGE, Space, listed_axes, settings_key
from edensim.version import MODEL_VERSION

MAX_PROBLEMS = 20
PROGRESS_EVERY = 256
Progress = Callable[[float, float | None, str], None]


@dataclass
class Plan:
    """All points in order. Settings are enumerated anew each time; only ids and one byte per candidate are held."""

    base: Resolved
    space: Space
    digests: Digests
    ids: list[bytes] = field(default_factory=list)
    kept: bytearray = field(default_factory=bytearray)
    notes: list[str] = field(default_factory=list)
    key: str = ""
    restored: bool = False
    """Whether `plan.ids` gave the points; `key` says what they follow from (see `plan_file`)."""

    def points(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Id and settings of every point, in order."""
        return points_of(self.space, self.ids, self.kept)

    @property
    def owner(self) -> Owner:
        """Whose points these are."""
        return Owner(self.base.hash, MODEL_VERSION)

    @property
    def saved(self) -> Saved:
        """What `plan.ids` keeps of it."""
        return Saved(self.key, self.ids, self.kept, self.digests.seen)

    @property
    def text(self) -> str:
        """The base configuration, for workers."""
        return to_text(self.base, self.digests)

    @cached_property
    def warnings(self) -> list[str]:
        """What of the networks' files is not modelled; a file that cannot be read is left to its points."""
        from edensim.workloads import load_network

        workload = self.base.config.workload
        names = self.space.axes.get("workload.network") or ([workload.network] if workload else [])
        found: dict[str, None] = {}
        for name in names:
            with suppress(EdensimError):
                found |= dict.fromkeys(load_network(str(name), self.base.base_folder).warnings)
        return list(found)


def check_base(axes: Collection[str]) -> Check:
    """Check of a base configuration for `load_config`: what is wrong whatever its axes and these further ones say."""

    def check(draft: Draft, folder: Path) -> list[EdensimError]:
        from edensim.system.check import check_run, lasting

        table = draft.sweep or Sweep()
        varied = {*axes, *table.axes, *(key for point in table.points for key in point)}
        return [*lasting(check_run(draft, folder), varied), *_wrong_axes(table.axes)]

    return check


def _wrong_axes(axes: Mapping[str, Any]) -> Iterator[ConfigError]:
    for text, spec in axes.items():
        try:
            expand(spec, axis_path(text))
        except ConfigError as error:
            found = [f"axis {show_value(text, 80)}: {problem}" for problem in error.problems]
            yield ConfigError(Problem(problem, ("sweep", "axes", text)) for problem in found)


def points_of(space: Space, ids: Iterable[bytes], kept: Iterable[int]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Id and settings of the candidates that are `kept`, in order."""
    following = iter(ids)
    for keep, settings in zip(kept, space.settings(), strict=True):
        if keep:
            yield next(following).hex(), settings


def space_of(
    resolved: Resolved,
    further: Mapping[str, Any] | None = None,
    where: str | None = None,
    mode: str | None = None,
    number: int | None = None,
    seed: int | None = None,
    origin: str = "--axis",
) -> Space:
    """The space that `[sweep]` describes, with what the command line or Python says on top.

    Raises
    ------
    ConfigError
        If it makes no sweep.
    """
    table = resolved.config.sweep
    mode = mode or (table.mode if table else "grid")
    axes = axes_of(resolved, further, origin)
    listed: list[dict[str, Any]] = []
    if mode == "list":
        if axes:
            raise ConfigError("sweep mode list takes points, not axes: leave the axes out, or choose another mode")
        listed = [{k: plain_value(v) for k, v in point.items()} for point in (table.points if table else [])]
        _check_listed(listed)
        axes = listed_axes(listed)
    elif table and table.points:
        raise ConfigError(f'sweep.points belongs to mode "list", but the mode is "{mode}"')
    space = Space(
        axes=axes,
        mode=mode,
        where=where if where is not None else (table.where if table else ""),
        number=number if number is not None else (table.number if table else None),
        seed=seed if seed is not None else (table.seed if table else 0),
        listed=listed,
    )
    space.check()
    return space


def _check_listed(listed: list[dict[str, Any]]) -> None:
    problems = []
    keys = list(listed[0]) if listed else []
    for number, point in enumerate(listed):
        if set(point) != set(keys):
            problems.append(f"sweep.points.{number}: expected the keys of the first point ({', '.join(keys)})")
        for key in point:
            try:
                axis_path(key)
            except ConfigError as error:
                problems += [f"sweep.points.{number}: {show_value(key, 80)}: {problem}" for problem in error.problems]
    if problems:
        raise ConfigError(problems[:MAX_PROBLEMS])


def make_plan(
    resolved: Resolved, space: Space, yes: bool = False, progress: Progress | None = None, folder: Path | None = None
) -> Plan:
    """Resolve, check and identify every point.

    Parameters
    ----------
    yes
        Accept more than a million points.
    progress
        Called with points so far, their number and "plan".
    folder
        Sweep folder; if it holds this very plan, nothing is resolved again.

    Raises
    ------
    ConfigError
        All problems of all points (up to 20 different ones), each with the first point that has it.
    """
    if space.bound > LARGE and not yes:
        raise ConfigError(
            f"the sweep has {space.bound:,} points; more than {LARGE:,} need --yes (--dry-run tells the time)"
        )
    plan = Plan(without_sweep(resolved), space, Digests())
    plan.space = _distinct_values(plan)
    plan.key = plan_key(plan.base, plan.space)
    saved = read_plan(folder, plan.key) if folder is not None else None
    if saved is not None and inputs_unchanged(saved, plan.base, plan.digests):
        plan.ids, plan.kept, plan.restored = saved.ids, saved.kept, True
    else:
        _resolve(plan, progress)
    dropped = len(plan.kept) - len(plan.ids)
    if dropped:
        plan.notes.append(f"{dropped:,} points equal an earlier one and run only once.")
    return plan


def _resolve(plan: Plan, progress: Progress | None) -> None:
    """Fill in ids, and which candidates are points."""
    space = plan.space
    seen: set[bytes] = set()
    spelt: set[str] = set()
    problems: dict[str, list[Any]] = {}
    for number, settings in enumerate(space.settings()):
        if progress is not None and number % PROGRESS_EVERY == 0:
            progress(number, space.bound, "plan")
        keep = True
        if space.mode in ("zip", "list"):
            spelling = settings_key(settings)
            keep = spelling not in spelt
            spelt.add(spelling)
        if keep:
            try:
                point = load_config(plan.base, set=settings)
                require_runnable(point)
                identity = bytes.fromhex(point_id(point, plan.digests))
                keep = identity not in seen
                seen.add(identity)
                if keep:
                    plan.ids.append(identity)
            except ConfigError as error:
                for problem in error.problems:
                    problems.setdefault(problem.removeprefix("--set: "), [settings, 0])[1] += 1
                if len(problems) >= MAX_PROBLEMS:
                    break
        plan.kept.append(keep)
    if problems:
        raise ConfigError(_problem(text, *found) for text, found in problems.items())
    if not plan.ids:
        raise ConfigError(f"no point satisfies where = {show_value(space.where, 200)}")


def _distinct_values(plan: Plan) -> Space:
    """In a grid, equal values of an axis only repeat points; they are dropped here, with a note."""
    space = plan.space
    if space.mode not in ("grid", "sample"):
        return space
    axes = {}
    for key, values in space.axes.items():
        distinct = list({settings_key({"v": value}): value for value in values}.values())
        axes[key] = distinct
        if len(distinct) < len(values):
            plan.notes.append(f"axis {key}: {len(values) - len(distinct)} values are given twice and count once.")
    return dataclasses.replace(space, axes=axes)


def _problem(text: str, settings: Mapping[str, Any], count: int) -> str:
    shown = ", ".join(f"{key}={show_value(value, 40)}" for key, value in settings.items())
    return f"{text} [at the point {shown}{f' and {count - 1:,} more' if count > 1 else ''}]"
