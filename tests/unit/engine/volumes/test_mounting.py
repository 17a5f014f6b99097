"""Volumes that are mounts."""

from pathlib import Path

import pytest

from engine import kernel
from engine.volumes import mounting
from proto.errdefs import Internal, InvalidArgument


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
    ],
)
def test_refusals(options: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        mounting.check("v", options)


def test_names_of_hosts_become_addresses() -> None:
    def resolve(host: str) -> str:
        return f"<{host}>"

    nfs = {"type": "nfs", "device": ":/export", "o": "addr=files.example,nfsvers=4"}
    assert mounting.located(nfs, resolve)["o"] == "addr=<files.example>,nfsvers=4"
    cifs = {"type": "cifs", "device": "//files.example/share", "o": "username=u"}
    assert mounting.located(cifs, resolve)["o"] == "username=u,addr=<files.example>"
    assert mounting.located(cifs | {"o": "addr=1.2.3.4"}, resolve)["o"] == "addr=1.2.3.4"
    assert mounting.located({"type": "tmpfs", "device": "t"}, resolve) == {"type": "tmpfs", "device": "t"}


def test_a_host_that_nobody_knows_is_named() -> None:
    with pytest.raises(Internal, match="error resolving passed in network volume address: lookup no.invalid"):
        mounting.resolved("no.invalid")


def test_a_password_does_not_reach_the_message(tmp_path: Path) -> None:
    options = {"type": "cifs", "device": "//127.0.0.1/share", "o": "username=u,password=secret,addr=127.0.0.1"}
    with pytest.raises(Internal, match=r"password=\*{8}") as caught:
        mounting.mount("v", options, str(tmp_path / "missing"))
    assert "secret" not in str(caught.value)


def test_a_plain_volume_is_no_mount() -> None:
    mounting.check("v", {})
    mounting.mount("v", {}, "/nowhere")
    mounting.unmount("/nowhere")


@pytest.mark.parametrize(
    ("words", "flags", "data"),
    [
        ("defaults,noatime,nodiratime", 1 << 10 | 1 << 11, ""),
        ("ro,rw,sync,nfsvers=4,soft", 1 << 4, "nfsvers=4,soft"),
        ("nosuid,suid,noexec", 8, ""),
    ],
)
def test_flags_are_words_of_mount_and_the_rest_is_the_file_systems(words: str, flags: int, data: str) -> None:
    assert mounting.plan({"o": words}) == (flags, data)
