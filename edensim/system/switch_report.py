"""What the switches of a run's operating point were, when they came, and what each part between them cost."""

from __future__ import annotations

from typing import Any

from edensim.dram.controller import DramSystem
from edensim.dram.counters import Counters, PhasedCounters
from edensim.dram.energy import EnergyModel
from edensim.dram.scan_kernel import NEVER
from edensim.dram.switched_energy import SwitchedEnergy
from edensim.dram.switching import SwitchedSystem
from edensim.system import measure


def switch_report(system: DramSystem, counters: Counters, energy: EnergyModel | None) -> dict[str, Any]:
    """Plain data on switches; empty for a memory without.

    Returns
    -------
    dict
        switches [{at_ns, mode, settle_ns, quiet_ns [by channel], since_ns [by channel], operating_point}], where null
        stands for a channel that was done before; phases [{channel_ns [by channel], energy_pj}].
    """
    if not isinstance(system, SwitchedSystem) or not isinstance(counters, PhasedCounters):
        return {}

    def time_ns(clock: int) -> float | None:
        return None if clock >= NEVER else float(clock * system.period / 1000)

    switches = [
        {
            "at_ns": switch.at_ns,
            "mode": switch.mode,
            "settle_ns": switch.settle_ns,
            "quiet_ns": [time_ns(int(clock)) for clock in since[:, 0]],
            "since_ns": [time_ns(int(clock)) for clock in since[:, 1]],
            "operating_point": measure.operating_point(switch.state),
        }
        for switch, since in zip(system.switches, system.since, strict=True)
    ]
    phases: list[dict[str, Any]] = [
        {"channel_ns": [time_ns(int(clocks)) for clocks in part.cycles]} for part in counters.phases
    ]
    if isinstance(energy, SwitchedEnergy):
        for phase, part in zip(phases, energy.parts(counters), strict=True):
            phase["energy_pj"] = part.as_dict()
    return {"switches": switches, "phases": phases}
