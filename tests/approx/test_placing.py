"""Places of tensors from a placement file: overlaps are found wherever they are."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.approx.placing import PlacementFile, Spot, regions_as_placed
from edensim.approx.region import Region
from edensim.config.schema import Partition
from edensim.errors import ConfigError
from edensim.memory import AddressMap, Geometry, resolve_partitions

GEOMETRY = Geometry(1, 1, 2, 2, 16, 8, 8, 8, 8, 4)
MAP = AddressMap(GEOMETRY, "RoBaRaCoCh")
PARTS = resolve_partitions(GEOMETRY, [Partition(name="fast", banks=[1, 3])])


def bytes_of(region: Region) -> set[int]:
    """Physical addresses of all bytes of a region."""
    at = region.address + np.arange(region.size_bytes)
    if region.pages is not None:
        page_bytes = region.page_lines * GEOMETRY.burst_bytes
        at = region.pages[at // page_bytes] * page_bytes + at % page_bytes
    return set(at.tolist())


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 1500), st.integers(0, 200), st.integers(0, 3500), st.integers(0, 300))
def test_tensors_anywhere_and_in_partitions_may_not_share_bytes(offset, size, start, length):
    """A tensor in a partition and one that counts in the whole memory: refused if, and only if, a byte is in both."""
    spots = {
        "p": Spot("fast", offset, size, "p.toml:3: tensors.p"),
        "w": Spot("", start, length, "p.toml:4: tensors.w"),
    }
    tensors = [SimpleNamespace(name=name, size_bytes=spot.size_bytes) for name, spot in spots.items()]
    alone = [
        regions_as_placed([t], PlacementFile(Path("p.toml"), None, {t.name: spots[t.name]}), MAP, PARTS)[t.name]
        for t in tensors
    ]
    share = bool(bytes_of(alone[0]) & bytes_of(alone[1]))
    try:
        found = regions_as_placed(tensors, PlacementFile(Path("p.toml"), None, spots), MAP, PARTS)
    except ConfigError as error:
        assert share
        assert error.problems == ["p.toml:4: tensors.w shares bytes with 'p', which is in a partition"]
        return
    assert not share
    assert [bytes_of(found[name]) for name in "pw"] == [bytes_of(region) for region in alone]
