"""Mappings: which id is which."""

import pytest

from engine.users.idmap import OVERFLOW, Extent, IdMap, one_owner
from proto.errdefs import InvalidArgument

IDS = IdMap((Extent(0, 100_000, 1000), Extent(1000, 500_000, 10)), (Extent(0, 200_000, 1000),))


def test_an_id_is_found_in_its_extent() -> None:
    assert IDS.to_host(5, 7) == (100_005, 200_007)
    assert IDS.to_host(1009, 999) == (500_009, 200_999)
    assert IDS.root == (100_000, 200_000)


def test_an_id_that_no_extent_has_is_refused_in_dockerds_words() -> None:
    with pytest.raises(InvalidArgument, match="^Container ID 1010 cannot be mapped to a host ID$"):
        IDS.to_host(1010, 0)


def test_the_hosts_ids_are_the_containers_or_nobodys() -> None:
    assert IDS.to_container(500_001, 200_000) == (1001, 0)
    assert IDS.to_container(0, 0) == (OVERFLOW, OVERFLOW)


def test_a_row_keeps_it() -> None:
    assert IdMap.from_json(IDS.to_json()) == IDS


def test_the_spec_and_the_kernel_are_told_the_same() -> None:
    assert IDS.to_oci() == {
        "uidMappings": [
            {"containerID": 0, "hostID": 100_000, "size": 1000},
            {"containerID": 1000, "hostID": 500_000, "size": 10},
        ],
        "gidMappings": [{"containerID": 0, "hostID": 200_000, "size": 1000}],
    }
    assert IDS.lines() == ("0 100000 1000\n1000 500000 10\n", "0 200000 1000\n")


def test_one_owner_is_shown_as_another() -> None:
    assert one_owner((4242, 4243), (101_000, 101_001)).lines() == ("4242 101000 1\n", "4243 101001 1\n")
