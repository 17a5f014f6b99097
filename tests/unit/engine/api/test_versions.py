"""Versions."""

import pytest

from engine.api.versions import NEWEST, negotiate, show
from proto.errdefs import InvalidArgument


def test_none_means_the_newest() -> None:
    assert negotiate(None) == NEWEST
    assert negotiate("1.30") == (1, 30)
    assert show((1, 51)) == "1.51"


@pytest.mark.parametrize("text", ["1.23", "1.52", "2.0", "1"])
def test_out_of_range(text: str) -> None:
    with pytest.raises(InvalidArgument, match="client version"):
        negotiate(text)
