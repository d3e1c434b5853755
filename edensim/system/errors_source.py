"""From `[errors]` to what a run needs for drawing: the errors of every partition, and the data that are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edensim.approx.build import PARAMETERS
from edensim.approx.chip_load import load_chip
from edensim.approx.partition_laws import Errors, errors_of_chip, errors_of_model
from edensim.config.schema import Config, Draft
from edensim.config.schema import Errors as ErrorsTable
from edensim.errors import ConfigError, Problem
from edensim.memory import Geometry, OperatingState
from edensim.system.stored_data import Bytes, read_data

FILES = (".toml", ".csv")
OF_CHIP = ("temperature_C", "experimental")
OF_MODEL = tuple(dict.fromkeys(name for names in PARAMETERS.values() for name in names))


@dataclass(frozen=True)
class ErrorSource:
    """Errors of one operating state.

    Attributes
    ----------
    table : schema.Errors
        What was asked for.
    errors : dict of str to PartitionErrors
        By partition.
    seed : int
        The device.
    folder : Path
        Where relative paths start.
    """

    table: ErrorsTable
    errors: Errors
    seed: int
    folder: Path = field(default_factory=Path)

    def data(self, sizes: Mapping[str, int]) -> dict[str, Bytes]:
        """Arrays of the file that holds the data, see `read_data`."""
        return read_data(self.table.data, self.folder, sizes)


def error_source(config: Config | Draft, state: OperatingState, geometry: Geometry, folder: Path) -> ErrorSource | None:
    """Errors of a configuration at one of its operating states; None if it asks for none.

    Raises
    ------
    ConfigError, InputError
        If the chip has no law for a point, or model and parameters do not go together.
    """
    table = config.errors
    if table is None:
        return None
    seed = config.seed if table.seed is None else table.seed
    if problem := _no_single_cause(table):
        raise ConfigError(problem)
    if table.chip is not None:
        chip = load_chip(chip_path(table.chip, folder))
        found = errors_of_chip(
            chip, state, geometry, experimental=table.experimental, temperature_C=table.temperature_C
        )
    else:
        assert table.model is not None
        known = PARAMETERS[table.model]
        given = {name: float(value) for name in known if (value := getattr(table, name)) is not None}
        found = errors_of_model(table.model, table.ber or 0.0, given, geometry, state.partitions, table.partition_ber)
    return ErrorSource(table, found, seed, folder)


def chip_path(name: str, folder: Path) -> str:
    """A chip's name; that of a file as seen from here."""
    file, at, module = name.rpartition("@") if "@" in Path(name).name else (name, "", "")
    return f"{folder / file}{at}{module}" if file.lower().endswith(FILES) else name


def chip_file(name: str, folder: Path) -> Path | None:
    """File of a chip, None for a shipped one."""
    path = chip_path(name, folder).partition("@")[0]
    return Path(path) if path.lower().endswith(FILES) else None


def _no_single_cause(table: ErrorsTable) -> list[str]:
    if table.chip is None and table.model is None:
        return [Problem("errors: found neither of chip and model; expected exactly one", "errors")]
    if table.chip is not None and table.model is not None:
        return ["errors: found both of chip and model; expected exactly one"]
    return []


def check_choice(table: ErrorsTable) -> None:
    """Refuse keys that contradict each other.

    Raises
    ------
    ConfigError
        With all of them.
    """
    problems = _no_single_cause(table)
    if table.model is None:
        given = [name for name in ("partition_ber", *OF_MODEL) if getattr(table, name) not in (None, {})]
        given += ["ber"] * (table.ber is not None)
        problems += [f"errors.{name} belongs to a model; a chip brings its own" for name in given if table.chip]
    else:
        if table.ber is None and not table.partition_ber:
            problems.append(f"errors.ber is missing; model {table.model} needs a bit error rate, 0 to 1")
        known = PARAMETERS[table.model]
        for name in OF_MODEL:
            if getattr(table, name) is not None and name not in known:
                problems.append(f"errors.{name} is no parameter of model {table.model}; it has {', '.join(known)}")
        if table.chip is None:
            given = [name for name in OF_CHIP if getattr(table, name) not in (None, False)]
            problems += [f"errors.{name} belongs to a chip, not to a model" for name in given]
    if problems:
        raise ConfigError(problems)
