"""Versions."""

import pytest

from engine.api.versions import ADVERTISED, NEWEST, OLDEST, negotiate, show
from proto.errdefs import InvalidArgument


def test_none_means_the_one_that_is_advertised() -> None:
    """Which is not the newest: that has lost what many clients still read."""
    assert negotiate(None) == ADVERTISED < NEWEST
    assert negotiate(show(NEWEST)) == NEWEST
    assert negotiate("1.30") == (1, 30)
    assert show((1, 51)) == "1.51"


@pytest.mark.parametrize("text", ["1.11", "1.57", "2.0", "1"])
def test_out_of_range(text: str) -> None:
    with pytest.raises(InvalidArgument, match="client version"):
        negotiate(text)


def test_the_refusals_are_dockers_sentences() -> None:
    """The command line shows them."""
    with pytest.raises(InvalidArgument) as caught:
        negotiate("1.99")
    assert str(caught.value) == "client version 1.99 is too new. Maximum supported API version is 1.56"
    with pytest.raises(InvalidArgument) as caught:
        negotiate("1.11")
    assert str(caught.value) == (
        "client version 1.11 is too old. Minimum supported API version is 1.12, "
        "please upgrade your client to a newer version"
    )


@pytest.mark.parametrize("text", ["1.12", "1.22", "1.23"])
def test_one_older_than_the_oldest_that_is_described_means_that_one(text: str) -> None:
    """skopeo says 1.22 to every daemon."""
    assert negotiate(text) == OLDEST == (1, 24)


def test_minor_versions_are_numbers() -> None:
    """1.9 is older than 1.24."""
    with pytest.raises(InvalidArgument, match="too old"):
        negotiate("1.9")
