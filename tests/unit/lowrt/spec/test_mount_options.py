"""Option words and their meaning."""

import pytest

from lowrt.linux import mount as m
from lowrt.spec import mount_options
from lowrt.spec.mount_options import describe_flags, parse


def test_flags_data_and_propagation_are_told_apart() -> None:
    options = parse(["nosuid", "strictatime", "mode=755", "size=65536k", "rslave", "private"])
    assert options.flags == m.MS_NOSUID | m.MS_STRICTATIME
    assert options.data == "mode=755,size=65536k"
    assert options.propagation == [m.MS_SLAVE | m.MS_REC, m.MS_PRIVATE]


def test_the_later_of_two_contradicting_words_counts() -> None:
    options = parse(["ro", "rw"])
    assert (options.flags, options.cleared) == (0, m.MS_RDONLY)
    options = parse(["rw", "ro"])
    assert (options.flags, options.cleared) == (m.MS_RDONLY, 0)


def test_defaults_means_nothing() -> None:
    options = parse(["defaults"])
    assert (options.flags, options.cleared, options.data) == (0, 0, "")


@pytest.mark.parametrize(
    ("words", "attr_set", "attr_clear"),
    [
        (["rro"], m.MOUNT_ATTR_RDONLY, 0),
        (["rro", "rrw"], 0, m.MOUNT_ATTR_RDONLY),
        (["rnoatime"], m.MOUNT_ATTR_NOATIME, m.MOUNT_ATTR__ATIME),
        (["rrelatime"], 0, m.MOUNT_ATTR__ATIME),
        (["rnosuid", "rdev"], m.MOUNT_ATTR_NOSUID, m.MOUNT_ATTR_NODEV),
    ],
)
def test_recursive_attributes_are_those_of_mount_setattr(words: list[str], attr_set: int, attr_clear: int) -> None:
    options = parse(words)
    assert (options.attr_set, options.attr_clear) == (attr_set, attr_clear)


def test_extensions_set_their_marks() -> None:
    assert parse(["tmpcopyup"]).copy_up
    assert parse(["idmap"]).idmap
    assert not parse(["idmap"]).recursive_idmap
    assert parse(["ridmap"]).recursive_idmap


def test_known_options_are_sorted_and_hold_every_table() -> None:
    known = mount_options.known_options()
    assert known == sorted(known)
    assert {"bind", "rslave", "rnosymfollow", "tmpcopyup", "idmap"} <= set(known)


def test_flags_are_described_by_their_kernel_names() -> None:
    assert describe_flags(m.MS_RDONLY | m.MS_NOEXEC) == "MS_RDONLY|MS_NOEXEC"
    assert describe_flags(1 << 30) == hex(1 << 30)
