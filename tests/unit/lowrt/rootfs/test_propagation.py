"""Propagation that needs no second word; the rest needs a mount namespace and is tested in one."""

from lowrt.linux import mount as m
from lowrt.rootfs.propagation import share_root


def test_private_and_slave_roots_are_done_before_the_pivot() -> None:
    """Nothing is mounted here, or an ordinary user would be told that he may not."""
    for propagation in (0, m.MS_PRIVATE, m.MS_SLAVE | m.MS_REC):
        share_root(propagation)
