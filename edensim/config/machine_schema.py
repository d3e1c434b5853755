"""[machine]: one table per kind of machine; the key `kind` tells which."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from edensim.config.accelerator_schema import AcceleratorMachine
from edensim.config.cpu_schema import CpuMachine

Machine = Annotated[AcceleratorMachine | CpuMachine, Field(discriminator="kind")]
"""Any machine. Keys of the same name in two kinds have the same meaning, unit and range."""
