"""The one address map: geometry, address <-> place, partitions, operating points, and where tensors lie."""

from edensim.memory.address_kernel import decode_line, decode_lines
from edensim.memory.address_map import AddressMap
from edensim.memory.bit_place import Place, RowBit, address_of, join_row_bit, locate, split_row_bit
from edensim.memory.geometry import LEVELS, Geometry, Organisation
from edensim.memory.operating_state import Nominal, OperatingState, Point, nominal_values, resolve_operating_state
from edensim.memory.partition import PartitionMap, resolve_partitions
from edensim.memory.placement import Placement, Tensor, TensorRequest, place
from edensim.memory.safe_latency import LatencyRatios, SafeLatency, latency_ratios, lowest_safe_latency

__all__ = [
    "LEVELS",
    "AddressMap",
    "Geometry",
    "LatencyRatios",
    "Nominal",
    "OperatingState",
    "Organisation",
    "PartitionMap",
    "Place",
    "Placement",
    "Point",
    "RowBit",
    "SafeLatency",
    "Tensor",
    "TensorRequest",
    "address_of",
    "decode_line",
    "decode_lines",
    "join_row_bit",
    "latency_ratios",
    "locate",
    "lowest_safe_latency",
    "nominal_values",
    "place",
    "resolve_operating_state",
    "resolve_partitions",
    "split_row_bit",
]
