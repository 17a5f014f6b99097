"""Capabilities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_the_names_are_in_the_kernels_order() -> None:
    """A name's place is its number (capability.h)."""
    numbers = {"CAP_CHOWN": 0, "CAP_SETPCAP": 8, "CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21, "CAP_SETFCAP": 31}
    numbers |= {"CAP_AUDIT_READ": 37, "CAP_PERFMON": 38, "CAP_BPF": 39, "CAP_CHECKPOINT_RESTORE": 40}
    assert {name: ALL.index(name) for name in numbers} == numbers
    assert len(ALL) == 41


def test_the_default_set_name_by_name() -> None:
    """caps.DefaultCapabilities of dockerd."""
    assert list(DEFAULT) == [
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_FSETID",
        "CAP_FOWNER",
        "CAP_MKNOD",
        "CAP_NET_RAW",
        "CAP_SETGID",
        "CAP_SETUID",
        "CAP_SETFCAP",
        "CAP_SETPCAP",
        "CAP_NET_BIND_SERVICE",
        "CAP_SYS_CHROOT",
        "CAP_KILL",
        "CAP_AUDIT_WRITE",
    ]


def test_adding_what_is_there_changes_nothing() -> None:
    """A name is there once."""
    assert effective(["chown"], None, privileged=False, available=ALL) == list(DEFAULT)


def test_dropping_all_leaves_what_is_added() -> None:
    """And adding all leaves what is not dropped; of what the host has."""
    assert effective(None, ["all"], privileged=False, available=ALL) == []
    assert effective(["ALL"], ["ALL"], privileged=False, available=("CAP_KILL",)) == ["CAP_KILL"]


@pytest.mark.parametrize("name", ["", "CAP_", "CAP_CAP_CHOWN", "chown ", "NET-ADMIN"])
def test_names_that_are_almost_one(name: str) -> None:
    """None of them is guessed."""
    with pytest.raises(InvalidArgument, match="unknown capability"):
        normalise([name])


@given(st.integers(min_value=0, max_value=(1 << 41) - 1))
def test_a_mask_and_its_names(mask: int) -> None:
    """Bit by bit; bits that have no name yet are nobody's."""
    names = from_mask(mask | 1 << 50)
    assert sum(1 << ALL.index(name) for name in names) == mask
