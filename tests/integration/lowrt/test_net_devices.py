"""linux.netDevices: an interface of the host is the container's, with its addresses."""

import subprocess
import uuid
from collections.abc import Iterator

import pytest

from tests import needs
from tests.integration.lowrt.environment import Bundle

pytestmark = [needs.root, needs.binary("ip"), needs.binary("busybox")]


def ip(*words: str, check: bool = True) -> str:
    return subprocess.run(["ip", *words], check=check, capture_output=True, text=True).stdout


@pytest.fixture
def device() -> Iterator[str]:
    """One end of a pair of the host's, with addresses."""
    name = f"wn{uuid.uuid4().hex[:8]}"
    ip("link", "add", name, "type", "veth", "peer", "name", f"{name}p")
    ip("addr", "add", "198.51.100.7/25", "broadcast", "+", "dev", name)
    ip("addr", "add", "2001:db8:5::7/64", "dev", name, "nodad")
    ip("link", "set", name, "up")
    yield name
    ip("link", "del", f"{name}p", check=False)


@pytest.fixture
def box(bundle: Bundle) -> Bundle:
    for applet in ("ip", "ifconfig"):
        (bundle.rootfs / "bin" / applet).symlink_to("busybox")
    return bundle


def test_a_device_moves_with_its_addresses_and_gets_its_new_name(box: Bundle, device: str) -> None:
    box.linux["netDevices"] = {device: {"name": "data0"}}
    shown = box.output("ip addr show data0; ip link show lo")
    assert "198.51.100.7/25 brd 198.51.100.127" in shown
    assert "2001:db8:5::7/64" in shown
    assert "UP" in shown.splitlines()[0]


def test_a_device_keeps_its_name_where_none_is_given(box: Bundle, device: str) -> None:
    box.linux["netDevices"] = {device: {}}
    assert "198.51.100.7" in box.output(f"ip addr show {device}")


def test_hooks_find_the_device_moved(box: Bundle, device: str) -> None:
    box.linux["netDevices"] = {device: {}}
    script = f"! ip link show {device}"
    box.config["hooks"] = {
        "createRuntime": [
            {"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/usr/sbin:/sbin:/usr/bin:/bin"]}
        ]
    }
    box.output("true")


def test_a_device_that_is_not_there_is_named_and_nothing_stays(box: Bundle) -> None:
    box.linux["netDevices"] = {"wherry-none": {}}
    error = box.error()
    assert "move netDevice wherry-none to namespace /proc/" in error
    assert "link not found for interface wherry-none on runtime namespace" in error


def test_a_name_that_is_taken_there_is_refused_and_the_device_stays_the_hosts(box: Bundle, device: str) -> None:
    box.linux["netDevices"] = {device: {"name": "lo"}}
    assert f"fail to move network device {device}" in box.error()
    assert device in ip("link", "show", device)


def test_a_namespace_that_is_joined_gets_it_too(box: Bundle, device: str) -> None:
    name = f"wherry-{device}"
    ip("netns", "add", name)
    try:
        kinds = [entry for entry in box.linux["namespaces"] if entry["type"] != "network"]
        box.linux["namespaces"] = [*kinds, {"type": "network", "path": f"/run/netns/{name}"}]
        box.linux["netDevices"] = {device: {"name": "data0"}}
        assert "198.51.100.7" in box.output("ip addr show data0")
    finally:
        ip("netns", "del", name)
