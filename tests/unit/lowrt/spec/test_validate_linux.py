"""Namespaces, id maps, time offsets, sysctls."""

import pytest

from lowrt.spec.model import Spec, SpecError
from lowrt.spec.validate_linux import check_namespaces, check_rootless, check_sysctl, dotted_sysctl

MAPS = [{"containerID": 0, "hostID": 1000, "size": 1}]


def spec_of(*namespaces: str, **linux: object) -> Spec:
    return Spec({"linux": {"namespaces": [{"type": kind} for kind in namespaces]} | linux}, "/")


def refused(check: object, spec: Spec) -> str:
    with pytest.raises(SpecError) as caught:
        check(spec)  # type: ignore[operator]
    return str(caught.value)


def test_a_new_user_namespace_needs_mappings_and_mappings_need_one() -> None:
    assert "no namespace path to join nor mappings" in refused(check_namespaces, spec_of("user"))
    assert "user namespace isn't enabled" in refused(check_namespaces, spec_of(uidMappings=MAPS))
    check_namespaces(spec_of("user", uidMappings=MAPS, gidMappings=MAPS))


def test_time_offsets_need_a_new_time_namespace() -> None:
    offsets = {"monotonic": {"secs": 1}}
    assert "time namespace isn't enabled" in refused(check_namespaces, spec_of(timeOffsets=offsets))
    joined = Spec({"linux": {"namespaces": [{"type": "time", "path": "/x"}], "timeOffsets": offsets}}, "/")
    assert "both namespace path and time offsets" in refused(check_namespaces, joined)
    assert "invalid clock" in refused(check_namespaces, spec_of("time", timeOffsets={"realtime": {}}))


@pytest.mark.parametrize(
    ("namespaces", "key", "words"),
    [
        ((), "kernel.shmmax", 'sysctl "kernel.shmmax" is not allowed in the hosts ipc namespace'),
        ((), "fs.mqueue.msg_max", "hosts ipc namespace"),
        ((), "net.ipv4.ip_forward", 'sysctl "net.ipv4.ip_forward" not allowed in host network namespace'),
        (("ipc", "network", "uts"), "kernel.hostname", 'conflicts with the OCI "hostname" field'),
        ((), "user.max_user_namespaces", "setting ucounts without a user namespace not allowed"),
        (("ipc", "network", "uts"), "vm.swappiness", 'sysctl "vm.swappiness" is not in a separate kernel namespace'),
        (("ipc", "network", "uts"), "kernel.core_pattern", "is not in a separate kernel namespace"),
        ((), "kernel/core_pattern", "is not in a separate kernel namespace"),
        (("network",), "net/../kernel/core_pattern", 'sysctl "net/../kernel/core_pattern" is not a valid name'),
        (("network",), "net..x", "is not a valid name"),
        (("network",), "", "is not a valid name"),
    ],
)
def test_a_sysctl_of_the_hosts_is_refused(namespaces: tuple[str, ...], key: str, words: str) -> None:
    """CVE-2022-0811: core_pattern by sysctl is root on the host."""
    assert words in refused(check_sysctl, spec_of(*namespaces, sysctl={key: "1"}))


def test_namespaced_sysctls_are_allowed() -> None:
    values = {"kernel.sem": "1", "net/ipv4/conf/eth0.1/rp_filter": "1", "kernel.domainname": "x", "user.max_x": "1"}
    check_sysctl(spec_of("ipc", "network", "uts", "user", sysctl=values))


def test_the_network_namespace_must_not_be_the_hosts_by_another_name() -> None:
    document = {"namespaces": [{"type": "network", "path": "/proc/self/ns/net"}], "sysctl": {"net.core.somaxconn": "1"}}
    assert "not allowed in host network namespace" in refused(check_sysctl, Spec({"linux": document}, "/"))
    document["namespaces"] = [{"type": "network", "path": "/nowhere"}]
    assert "invalid netns path" in refused(check_sysctl, Spec({"linux": document}, "/"))


def test_the_first_separator_of_a_sysctl_rules() -> None:
    assert dotted_sysctl("net.ipv4.conf.eth0/100.x") == "net.ipv4.conf.eth0/100.x"
    assert dotted_sysctl("net/ipv4/conf/eth0.100/x") == "net.ipv4.conf.eth0/100.x"
    assert dotted_sysctl("") == ""


def test_rootless_containers_need_a_mapped_user_namespace() -> None:
    assert "rootless container requires user namespaces" in refused(check_rootless, spec_of())
    assert "at least one UID mapping" in refused(check_rootless, spec_of("user", gidMappings=MAPS))
    mounts = [{"destination": "/a", "type": "tmpfs", "options": ["gid=5"]}]
    spec = Spec(
        {"mounts": mounts, "linux": {"namespaces": [{"type": "user"}], "uidMappings": MAPS, "gidMappings": MAPS}}, "/"
    )
    assert "cannot specify gid=5 mount option" in refused(check_rootless, spec)
