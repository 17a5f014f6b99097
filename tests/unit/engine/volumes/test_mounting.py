"""Volumes that are mounts."""

import pytest

from engine import kernel
from engine.volumes import mounting
from proto.errdefs import InvalidArgument


def test_options_become_flags_and_data() -> None:
    assert mounting.plan({"o": "bind,ro"}) == (kernel.MS_BIND | kernel.MS_RDONLY, "")
    assert mounting.plan({"o": "size=1m,nosuid,uid=5"}) == (kernel.MS_NOSUID, "size=1m,uid=5")
    assert mounting.plan({}) == (0, "")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"foo": "x"}, 'create v: invalid option: "foo"'),
        ({"type": "tmpfs"}, "missing device"),
        ({"device": "/x"}, "missing type"),
        ({"type": "nfs", "device": ":/x"}, "not built"),
    ],
)
def test_refusals(options: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        mounting.check("v", options)


def test_a_plain_volume_is_no_mount() -> None:
    mounting.check("v", {})
    mounting.mount("v", {}, "/nowhere")
    mounting.unmount("/nowhere")
