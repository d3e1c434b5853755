"""The system floor: machine, memory and energy composed into `run(config) -> Result`; the only user of simpy."""
