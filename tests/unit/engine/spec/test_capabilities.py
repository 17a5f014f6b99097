"""Capabilities."""

import pytest

from engine.spec.capabilities import ALL, DEFAULT, effective, from_mask, normalise
from proto.errdefs import InvalidArgument


def test_the_default_set_is_dockers() -> None:
    assert list(DEFAULT) == effective(None, None, privileged=False, available=ALL)
    assert len(DEFAULT) == 14


def test_adding_and_dropping() -> None:
    assert effective(["net_admin"], ["ALL"], privileged=False, available=ALL) == ["CAP_NET_ADMIN"]
    assert "CAP_CHOWN" not in effective(None, ["chown"], privileged=False, available=ALL)
    assert effective(["ALL"], ["CAP_CHOWN"], privileged=False, available=("CAP_CHOWN", "CAP_KILL")) == ["CAP_KILL"]


def test_privileged_means_what_the_host_has() -> None:
    assert effective(None, ["ALL"], privileged=True, available=("CAP_KILL",)) == ["CAP_KILL"]


def test_an_unknown_name_is_refused_with_its_list() -> None:
    with pytest.raises(InvalidArgument, match='invalid CapAdd: unknown capability: "CAP_FOO"'):
        normalise(["foo"], "CapAdd")


def test_bits_become_names() -> None:
    assert from_mask(0b100001) == ("CAP_CHOWN", "CAP_KILL")
