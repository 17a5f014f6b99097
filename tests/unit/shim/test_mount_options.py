"""fstab words → flags and data."""

import pytest

from proto.errdefs import InvalidArgument
from shim import linux, mount_options


def test_words_set_and_clear_flags_and_the_rest_is_data() -> None:
    """In order: the last word wins."""
    parsed = mount_options.parse(["ro", "nosuid", "rbind", "rw", "lowerdir=/a:/b", "index=off", "defaults"])
    assert parsed.flags == linux.MS_NOSUID | linux.MS_BIND | linux.MS_REC
    assert parsed.data == ["lowerdir=/a:/b", "index=off"]


def test_id_mappings_are_kept_apart() -> None:
    """They are no option of any file system."""
    parsed = mount_options.parse(["uidmap=0:1000:10", "gidmap=0:2000:10"])
    assert (parsed.uidmap, parsed.gidmap, parsed.data) == ("0:1000:10", "0:2000:10", [])


@pytest.mark.parametrize("word", ["loop", "X-containerd.mount.x=y"])
def test_what_somebody_else_should_have_done_is_refused(word: str) -> None:
    """By name."""
    with pytest.raises(InvalidArgument, match=word.split("=", maxsplit=1)[0]):
        mount_options.parse([word])


def test_lower_folders_become_relative_to_their_parent() -> None:
    """So that more of them fit into a page."""
    data = ["workdir=/w", "lowerdir=/root/snapshots/12/fs:/root/snapshots/3/fs", "upperdir=/u"]
    assert mount_options.compact(data) == ("/root/snapshots", ["workdir=/w", "lowerdir=12/fs:3/fs", "upperdir=/u"])


@pytest.mark.parametrize("lowers", ["/only/one", "/a/x:/b/y"])
def test_without_a_common_parent_nothing_changes(lowers: str) -> None:
    """The root helps nobody."""
    data = [f"lowerdir={lowers}"]
    assert mount_options.compact(data) == ("", data)


def test_lowers_can_be_replaced() -> None:
    """By their idmapped views."""
    assert mount_options.replace_lowers(["lowerdir=/a", "x"], ["/v/a", "/v/b"]) == ["lowerdir=/v/a:/v/b", "x"]
