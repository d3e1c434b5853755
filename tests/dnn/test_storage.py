"""Fields of a storage."""

import pytest

from edensim.dnn.storage import Storage
from edensim.errors import ConfigError


def test_all_problems_in_one_go():
    """Every wrong field is named with its range."""
    with pytest.raises(ConfigError) as caught:
        Storage("int3", kinds=("ofm",), weight_clip=-1, map_quantile=0, correction="no", bounds="all", margin=0.5)
    assert len(caught.value.problems) == 7


def test_floats_clip_nothing():
    """Clipping is for integers."""
    with pytest.raises(ConfigError, match="clips nothing"):
        Storage("fp32", weight_clip=2)


def test_modes():
    """`paper` has no extras; `best` has, except for floats."""
    assert not Storage.paper("int8").clips
    assert Storage.best("int4").clips
    assert Storage.best("fp32") == Storage.paper("fp32")
