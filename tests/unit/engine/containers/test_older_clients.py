"""A request means what it did in its version."""

from typing import Any

import pytest

from engine.containers import older_clients
from proto.errdefs import Fault, InvalidArgument
from tests.fakes.engine_room import Bench, config, host_config

NEWEST = (1, 56)
MAC = "02:42:0a:00:00:05"
SYSCTLS = "com.docker.network.endpoint.sysctls"


def adapted(
    version: tuple[int, int], endpoints: dict[str, Any] | None = None, body: Any = None, mac: str = "", **changes: Any
) -> tuple[dict[str, Any], list[str]]:
    """HostConfig afterwards, and the warnings."""
    host = host_config(**({"NetworkMode": "bridge", "IpcMode": ""} | changes))
    warnings = older_clients.adapt(
        version, body or {}, config(MacAddress=mac), host, endpoints if endpoints is not None else {}
    )
    return host, warnings


def test_the_ipc_namespace_was_shareable_before_1_40() -> None:
    assert adapted((1, 39))[0]["IpcMode"] == "shareable"
    assert adapted((1, 40))[0]["IpcMode"] == ""
    assert adapted((1, 39), IpcMode="private")[0]["IpcMode"] == "private"


def test_fields_that_came_later_are_ignored() -> None:
    given = {"ConsoleSize": [24, 80], "Annotations": {"a": "b"}}
    assert [adapted((1, 41), **given)[0][name] for name in given] == [[0, 0], None]
    assert [adapted((1, 42), **given)[0][name] for name in given] == [[24, 80], None]
    assert [adapted((1, 43), **given)[0][name] for name in given] == [[24, 80], {"a": "b"}]


def test_a_start_interval_came_with_1_44() -> None:
    for version, kept in (((1, 43), {}), ((1, 44), {"StartInterval": 9})):
        made = config(Healthcheck={"Test": ["NONE"], "StartInterval": 9})
        older_clients.adapt(version, {}, made, host_config(), {})
        assert made["Healthcheck"] == {"Test": ["NONE"]} | kept


def test_options_of_binds_came_one_by_one() -> None:
    def options(version: tuple[int, int]) -> set[str]:
        bind = {"NonRecursive": True, "CreateMountpoint": True, "Propagation": "slave"}
        host, _ = adapted(version, Mounts=[{"Type": "bind", "BindOptions": dict(bind)}])
        return set(host["Mounts"][0]["BindOptions"])

    assert options((1, 39)) == {"Propagation"}
    assert options((1, 41)) == {"Propagation", "NonRecursive"}
    assert options((1, 42)) == {"Propagation", "NonRecursive", "CreateMountpoint"}


@pytest.mark.parametrize(
    ("until", "mount", "words"),
    [
        (43, {"Type": "bind", "BindOptions": {"ReadOnlyForceRecursive": True}}, "needs API v1.44 or newer"),
        (44, {"Type": "volume", "VolumeOptions": {"Subpath": "a"}}, "Subpath needs API v1.45 or newer"),
        (47, {"Type": "image"}, 'Mount type "Image" needs API v1.48 or newer'),
    ],
)
def test_what_would_be_unsafe_to_ignore_is_refused(until: int, mount: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        adapted((1, until), Mounts=[mount])
    adapted((1, until + 1), Mounts=[mount])


def test_options_of_another_type_are_refused_since_1_42() -> None:
    mount = {"Type": "bind", "VolumeOptions": {"NoCopy": True}}
    assert adapted((1, 41), Mounts=[dict(mount)])[0]["Mounts"] == [{"Type": "bind"}]
    with pytest.raises(InvalidArgument, match='VolumeOptions must not be specified on mount type "bind"'):
        adapted((1, 42), Mounts=[dict(mount)])


def test_capabilities_were_a_field_of_1_40_alone() -> None:
    body = {"HostConfig": {"Capabilities": ["CAP_CHOWN"]}}
    with pytest.raises(InvalidArgument, match="the HostConfig.Capabilities field is not supported"):
        adapted((1, 40), body=body)
    adapted((1, 39), body=body)
    adapted((1, 41), body=body)


def test_one_endpoint_before_1_44() -> None:
    with pytest.raises(InvalidArgument, match="multiple network endpoints: a, b"):
        adapted((1, 43), {"b": {}, "a": {}})
    adapted((1, 44), {"b": {}, "a": {}})


def test_a_gateways_priority_came_with_1_48() -> None:
    for version, kept in (((1, 47), {}), ((1, 48), {"GwPriority": 5})):
        endpoints: dict[str, Any] = {"a": {"GwPriority": 5}}
        adapted(version, endpoints)
        assert endpoints["a"] == kept


def test_a_container_wide_hardware_address_goes_to_the_first_network() -> None:
    endpoints: dict[str, Any] = {"n1": {"MacAddress": "02:00:00:00:00:01"}}
    assert adapted((1, 43), endpoints, mac=MAC, NetworkMode="n1")[1] == []
    assert endpoints == {"n1": {"MacAddress": MAC}}
    endpoints = {}
    [warning] = adapted((1, 44), endpoints, mac=MAC)[1]
    assert endpoints == {"bridge": {"MacAddress": MAC}}
    assert warning.startswith("The container-wide MacAddress field is now deprecated.")


def test_an_endpoints_own_hardware_address_was_nothing_before_1_44() -> None:
    endpoints: dict[str, Any] = {"n1": {"MacAddress": MAC}}
    adapted((1, 43), endpoints)
    assert endpoints == {"n1": {}}


@pytest.mark.parametrize(
    ("version", "endpoints", "mode", "words"),
    [
        ((1, 43), {}, "host", "conflicting options: mac-address and the network mode"),
        ((1, 44), {"n2": {}}, "n1", "HostConfig.NetworkMode must match the identity of a network"),
        ((1, 44), {"n1": {"MacAddress": "02:00:00:00:00:01"}}, "n1", "must match the endpoint-specific MAC address"),
        ((1, 52), {}, "n1", "container-wide MAC address no longer supported"),
    ],
)
def test_hardware_addresses_that_contradict(
    version: tuple[int, int], endpoints: dict[str, Any], mode: str, words: str
) -> None:
    with pytest.raises(InvalidArgument, match=words):
        adapted(version, endpoints, mac=MAC, NetworkMode=mode)


def test_sysctls_of_eth0_become_its_endpoints() -> None:
    endpoints: dict[str, Any] = {"bridge": {"DriverOpts": {SYSCTLS: "net.ipv4.conf.IFNAME.arp_filter=1"}}}
    sysctls = {"net.ipv4.conf.eth0.forwarding": "1", "net.core.somaxconn": "9"}
    host, [warning] = adapted((1, 47), endpoints, Sysctls=sysctls)
    assert host["Sysctls"] == {"net.core.somaxconn": "9"}
    assert endpoints["bridge"]["DriverOpts"][SYSCTLS] == (
        "net.ipv4.conf.IFNAME.forwarding=1,net.ipv4.conf.IFNAME.arp_filter=1"
    )
    assert warning.startswith('Migrated sysctl "net.ipv4.conf.eth0.forwarding" to DriverOpts')


@pytest.mark.parametrize(("version", "interface"), [((1, 48), "eth0"), ((1, 47), "eth1")])
def test_sysctls_of_interfaces_that_cannot_be_told_are_refused(version: tuple[int, int], interface: str) -> None:
    with pytest.raises(Fault, match="driver option"):
        adapted(version, Sysctls={f"net.ipv4.conf.{interface}.forwarding": "1"})


def test_a_port_without_bindings_is_published_anywhere() -> None:
    host, warnings = adapted((1, 51), PortBindings={"80/tcp": [], "81/tcp": None})
    assert host["PortBindings"] == {key: [{"HostIp": "", "HostPort": ""}] for key in ("80/tcp", "81/tcp")}
    assert warnings == []
    [warning] = adapted((1, 52), PortBindings={"80/tcp": []})[1]
    assert "80/tcp" in warning


def test_a_volume_driver_that_says_nothing_is_warned_of() -> None:
    mounts = [{"Type": "volume", "Target": "/x"}]
    assert adapted((1, 47), VolumeDriver="local", Mounts=mounts)[1] == []
    [warning] = adapted((1, 48), VolumeDriver="local", Mounts=mounts)[1]
    assert warning.startswith("WARNING: the container-wide volume-driver configuration is ignored")
    named = [{"Type": "volume", "VolumeOptions": {"DriverConfig": {"Name": "local"}}}]
    assert adapted((1, 48), VolumeDriver="local", Mounts=named)[1] == []


async def test_a_creation_of_an_older_client(bench: Bench) -> None:
    """Through the front door: a read-only bind is so at its top only."""
    from engine.containers import create
    from engine.spec.mounts import READ_ONLY_AT_ITS_TOP

    body = {"Image": "busybox", "HostConfig": {"NetworkMode": "none", "Binds": ["/tmp:/a:ro", "/tmp:/b"]}}
    made = await create.create(bench.room, "old", body, version=(1, 43))
    mounts = bench.room.registry.find(made.id).container.mounts
    assert [READ_ONLY_AT_ITS_TOP in mount.options for mount in mounts] == [True, False]
    made = await create.create(bench.room, "new", body, version=NEWEST)
    mounts = bench.room.registry.find(made.id).container.mounts
    assert [mount.options for mount in mounts] == [[], []]


@pytest.mark.parametrize(
    ("kind", "options"), [("bind", "VolumeOptions"), ("volume", "TmpfsOptions"), ("tmpfs", "ImageOptions")]
)
def test_options_of_another_kind_of_mount_are_refused_even_empty_ones(kind: str, options: str) -> None:
    mount = {"Type": kind, "Target": "/x", options: {}}
    with pytest.raises(InvalidArgument, match=f'{options} must not be specified on mount type "{kind}"'):
        adapted(NEWEST, Mounts=[mount])
    assert adapted((1, 41), Mounts=[mount])[1] == []
