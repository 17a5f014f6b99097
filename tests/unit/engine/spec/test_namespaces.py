"""Namespaces and sysctls."""

import pytest

from engine.spec.namespaces import Joined, namespaces, sysctls
from tests.fakes.engine_room import host_config


def kinds(joined: Joined | None = None, *, private: bool = False, **changes: object) -> dict[str, str | None]:
    found = namespaces(host_config(**changes), joined or Joined(), cgroup_private=private)
    return {entry["type"]: entry.get("path") for entry in found}


def test_a_container_has_its_own() -> None:
    assert kinds() == dict.fromkeys(("mount", "network", "uts", "pid", "ipc"))


def test_the_hosts_are_left_out() -> None:
    assert set(kinds(Joined("host"), PidMode="host", IpcMode="host", UTSMode="host")) == {"mount"}


def test_joined_ones_have_a_path() -> None:
    found = kinds(Joined("/run/netns/x", {"pid": 7, "ipc": 8}), PidMode="container:a", IpcMode="container:b")
    assert found["network"] == "/run/netns/x"
    assert found["pid"] == "/proc/7/ns/pid"
    assert found["ipc"] == "/proc/8/ns/ipc"


def test_a_private_cgroup_namespace() -> None:
    assert "cgroup" in kinds(private=True)


def test_low_ports_and_ping_are_allowed_in_a_network_of_its_own() -> None:
    assert sysctls(host_config(), Joined())["net.ipv4.ip_unprivileged_port_start"] == "0"
    assert (
        sysctls(host_config(Sysctls={"net.ipv4.ip_unprivileged_port_start": "80"}), Joined())[
            "net.ipv4.ip_unprivileged_port_start"
        ]
        == "80"
    )
    assert sysctls(host_config(), Joined("host")) == {}


def test_a_network_of_nobody_elses_making_is_the_runtimes() -> None:
    """No path: the runtime makes a fresh one."""
    assert kinds(Joined(None))["network"] is None


@pytest.mark.parametrize("mode", ["private", "shareable", "none", ""])
def test_shared_memory_is_of_its_own_unless_joined(mode: str) -> None:
    """How it is shared is a question of mounts."""
    assert "ipc" in kinds(IpcMode=mode)


def test_joining_a_network_joins_its_settings() -> None:
    """The other one's sysctls are not ours to change by default."""
    assert sysctls(host_config(NetworkMode="container:x"), Joined("/run/netns/x")) == {}
    asked = {"net.core.somaxconn": "1"}
    assert sysctls(host_config(NetworkMode="container:x", Sysctls=asked), Joined("/run/netns/x")) == asked


def test_ping_without_rights_is_allowed_in_a_network_of_its_own() -> None:
    """Both of dockerd's defaults, and the client's beside them."""
    assert sysctls(host_config(Sysctls={"kernel.shmmax": "1"}), Joined()) == {
        "net.ipv4.ip_unprivileged_port_start": "0",
        "net.ipv4.ping_group_range": "0 2147483647",
        "kernel.shmmax": "1",
    }
