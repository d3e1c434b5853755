"""What differs between two runs or two sweeps: configuration, versions, results, and whether it is significant."""

from edensim.study.compare.comparison import Comparison, compare

__all__ = ["Comparison", "compare"]
