"""Stands for `edensim.study.ledger.measure`: times that follow from the configuration at once."""

runs = []
broken = set()


def measure(resolved, inputs):
    """A time that falls with tRCD and is longer with closed rows."""
    point, policy = resolved.config.operating_point, resolved.config.dram.controller.row_policy
    runs.append((point.delta_tRCD_ns, point.delta_tRCD_mode, policy))
    if policy in broken:
        raise ValueError("this policy is broken")
    absolute = point.delta_tRCD_mode == "absolute"
    return {"time_ns": 100.0 + (20.0 if policy == "closed" else 0.0) + (2 + absolute) * (point.delta_tRCD_ns or 0.0)}
