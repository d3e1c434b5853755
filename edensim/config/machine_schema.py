"""[machine]: one table per kind of machine; the key `kind` tells which."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from edensim.config.accelerator_schema import AcceleratorMachine
from edensim.config.cpu_schema import CpuMachine
from edensim.config.gpu_schema import GpuMachine

Machine = Annotated[AcceleratorMachine | CpuMachine | GpuMachine, Field(discriminator="kind")]
"""Any machine. Keys of the same name in two kinds have the same meaning, unit and range."""
