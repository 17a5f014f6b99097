"""Networks on a real kernel: who reaches whom, under which address, and what is left afterwards."""

import asyncio
import functools
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from engine.networks.request import Attachment
from engine.networks.service import Networks
from proto.errdefs import Fault
from tests import needs
from tests.network_lab import PATIENCE, Lab, eventually, looked_up

pytestmark = [needs.root, needs.binary("nft"), needs.binary("ip")]

LIVES = int(os.environ.get("WHERRY_NETWORK_LIVES", "100"))
DEFAULT = {"NetworkMode": "default"}
OUTSIDE, LAB = "192.0.2.2", "192.0.2.1"


def published(*ports: tuple[int, int], host_ip: str = "") -> dict[str, Any]:
    bindings: dict[str, list[dict[str, str]]] = {}
    for inner, outer in ports:
        bindings.setdefault(f"{inner}/tcp", []).append({"HostIp": host_ip, "HostPort": str(outer)})
    return {"NetworkMode": "default", "PortBindings": bindings}


def started(lab: Lab, *containers: tuple[str, dict[str, Any]], **config: Any) -> Networks:
    networks = lab.networks(**config)

    async def start() -> None:
        await networks.open()
        try:
            for name, host_config in containers:
                await networks.allocate(name, {"Hostname": name}, host_config, {})
        finally:
            await networks.close()

    lab.run(start)
    return networks


def test_containers_reach_each_other_their_gateway_and_the_outside(lab: Lab) -> None:
    started(lab, ("one", DEFAULT), ("two", DEFAULT))
    with lab.listen("two", 80), lab.listen("outside", 80), lab.listen("lab", 81):
        assert lab.reach("one", "10.99.0.3", 80) == "10.99.0.2"
        assert lab.reach("one", "10.99.0.1", 81) == "10.99.0.2"
        assert lab.reach("one", OUTSIDE, 80) == LAB, "the outside sees the host's address"


def test_a_port_that_is_not_published_cannot_be_reached_from_outside(lab: Lab) -> None:
    started(lab, ("one", published((80, 8080))))
    with lab.listen("one", 80), lab.listen("one", 90):
        assert lab.reach("outside", LAB, 8080) == OUTSIDE
        assert lab.reach("lab", "10.99.0.2", 90) == "10.99.0.1"
        assert not lab.tries("outside", "10.99.0.2", 90)


def test_a_published_port_is_there_for_the_host_its_loopback_and_other_containers(lab: Lab) -> None:
    started(lab, ("one", published((80, 8080))), ("two", DEFAULT))
    with lab.listen("one", 80):
        assert lab.reach("lab", LAB, 8080) in ("10.99.0.1", LAB)
        assert lab.reach("lab", "127.0.0.1", 8080) == "10.99.0.1"
        assert lab.reach("two", "10.99.0.1", 8080) == "10.99.0.1"
        assert lab.reach("one", "10.99.0.1", 8080) == "10.99.0.1", "even for the container itself"


def test_a_port_on_the_loopback_is_only_there(lab: Lab) -> None:
    started(lab, ("one", published((80, 8080), host_ip="127.0.0.1")))
    with lab.listen("one", 80):
        assert lab.reach("lab", "127.0.0.1", 8080) == "10.99.0.1"
        assert lab.reach("outside", LAB, 8080) == "ConnectionRefusedError"


def test_a_container_cannot_reach_the_hosts_loopback(lab: Lab) -> None:
    started(lab, ("one", published((80, 8080))))
    lab.shell("one", "ip route add 127.0.0.5 via 10.99.0.1 2>/dev/null || true")
    with lab.listen("lab", 99, "127.0.0.1"):
        assert lab.reach("one", "127.0.0.1", 99) == "ConnectionRefusedError", "its own loopback"


def test_beside_dockers_chains_packets_still_pass(lab: Lab) -> None:
    lab.shell(
        "lab",
        "nft 'add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; };"
        " add chain ip filter DOCKER-USER; add rule ip filter FORWARD jump DOCKER-USER'",
    )
    started(lab, ("one", published((80, 8080))))
    with lab.listen("one", 80), lab.listen("outside", 80):
        assert lab.reach("one", OUTSIDE, 80) == LAB
        assert lab.reach("outside", LAB, 8080) == OUTSIDE


@pytest.mark.parametrize(("option", "pass_"), [({"icc": False}, False), ({}, True)])
def test_without_icc_frames_between_containers_do_not_pass(lab: Lab, option: dict[str, Any], pass_: bool) -> None:
    started(lab, ("one", DEFAULT), ("two", DEFAULT), **option)
    with lab.listen("two", 80), lab.listen("outside", 80):
        assert lab.tries("one", "10.99.0.3", 80, PATIENCE if pass_ else 0.3) == pass_
        assert lab.reach("one", OUTSIDE, 80) == LAB


def test_an_internal_network_ends_at_its_bridge(lab: Lab) -> None:
    async def start() -> None:
        networks = lab.networks()
        await networks.open()
        await networks.create({"Name": "inner", "Internal": True, "IPAM": {"Config": [{"Subnet": "10.98.0.0/24"}]}})
        for name in ("one", "two"):
            await networks.allocate(name, {}, {"NetworkMode": "inner"}, {})
        await networks.close()

    lab.run(start)
    with lab.listen("two", 80), lab.listen("outside", 80):
        assert lab.reach("one", "10.98.0.3", 80) == "10.98.0.2"
        assert lab.reach("one", OUTSIDE, 80) == "OSError", "there is no route"


def test_what_fails_leaves_nothing(lab: Lab) -> None:
    networks = started(lab)
    before = lab.left()
    blocker = lab.inside("lab", lambda: socket.create_server(("0.0.0.0", 8080)))

    async def fail() -> None:
        again = lab.networks()
        await again.open()
        for host_config in (published((80, 8080)), {"NetworkMode": "nope"}, {"NetworkMode": "container:nope"}):
            with pytest.raises(Fault):
                await again.allocate("one", {}, host_config, {})
        assert again.settings("one", DEFAULT, {})["SandboxKey"] == ""
        await again.close()

    lab.run(fail)
    blocker.close()
    assert os.listdir(lab.folder / "exec" / "netns") == []
    assert lab.left() == before
    assert networks is not None


def test_release_takes_everything_and_the_address_is_free_again(lab: Lab) -> None:
    async def live() -> list[str]:
        networks = lab.networks()
        await networks.open()
        seen = []
        for _ in range(2):
            await networks.allocate("one", {}, published((80, 8080)), {})
            seen.append(networks.settings("one", DEFAULT, {})["IPAddress"])
            await networks.release("one")
            await networks.release("one")
            await eventually(lambda: asyncio.to_thread(lambda: "veth" not in lab.shell("lab", "ip -o link")))
            await asyncio.to_thread(networks._ready.forgetting.settle)
        await networks.close()
        return seen

    assert lab.run(live) == ["10.99.0.2", "10.99.0.2"]
    left = lab.left()
    assert "veth" not in left
    assert "8080" not in left
    assert os.listdir(lab.folder / "exec" / "netns") == []


def test_after_a_restart_everything_is_found_again(lab: Lab) -> None:
    started(lab, ("one", published((80, 8080))), ("dead", DEFAULT))
    lab.shell("lab", "nft flush ruleset")

    async def restart() -> tuple[str, str]:
        networks = lab.networks()
        await networks.open()
        again = await networks.allocate("one", {"Hostname": "one"}, published((80, 8080)), {})
        await networks.reconcile(["one"])
        settings = networks.settings("one", DEFAULT, {})
        with pytest.raises(Fault, match="already allocated"):
            await networks.allocate("three", {}, published((80, 8080)), {})
        await networks.close()
        return str(again.netns), settings["IPAddress"]

    netns, address = lab.run(restart)
    assert (netns, address) == (lab.path("one"), "10.99.0.2")
    assert os.listdir(lab.folder / "exec" / "netns") == ["one"]
    with lab.listen("one", 80):
        assert lab.reach("outside", LAB, 8080) == OUTSIDE


def test_two_engines_on_one_host_do_not_meet(lab: Lab) -> None:
    started(lab, ("one", DEFAULT))
    started(lab, ("two", DEFAULT), data="second", bridge="second0", bip="10.97.0.1/24")
    with lab.listen("outside", 80):
        assert lab.reach("one", OUTSIDE, 80) == LAB
        assert lab.reach("two", OUTSIDE, 80) == LAB
    assert "table ip wherry_second0" in lab.left()
    assert "table ip wherry_wherry0" in lab.left()


def test_a_second_network_is_connected_and_disconnected_while_it_runs(lab: Lab) -> None:
    async def live() -> None:
        networks = lab.networks()
        await networks.open()
        sandbox = await networks.allocate("one", {"Hostname": "box"}, DEFAULT, {})
        mine = await networks.create({"Name": "mine", "IPAM": {"Config": [{"Subnet": "10.96.0.0/24"}]}})
        await networks.connect("one", mine, Attachment("mine", "10.96.0.77"))
        assert "10.96.0.77/24" in lab.shell("one", "ip -o addr show eth1")
        assert "10.96.0.77\tbox" in Path(sandbox.files["/etc/hosts"]).read_text()
        with pytest.raises(Fault, match="active endpoints"):
            await networks.remove(mine)
        await networks.disconnect("one", mine)
        assert "eth1" not in lab.shell("one", "ip -o link")
        assert "10.96" not in Path(sandbox.files["/etc/hosts"]).read_text()
        await networks.remove(mine)
        await networks.close()

    lab.run(live)
    assert [action for action, _, _ in lab.events] == ["connect", "create", "connect", "disconnect", "destroy"]
    assert "br-" not in lab.left()


def test_an_interface_without_a_wish_has_the_first_name_that_is_free(lab: Lab) -> None:
    async def live() -> str:
        networks = lab.networks()
        await networks.open()
        for name in ("front", "back"):
            await networks.create({"Name": name})
        named = {"front": {"DriverOpts": {"com.docker.network.endpoint.ifname": "wan0"}}, "back": {}}
        await networks.allocate("one", {}, {"NetworkMode": "front"}, named)
        await networks.close()
        return lab.shell("one", "ip -o link | cut -d: -f2 | cut -d@ -f1")

    assert lab.run(live).split() == ["lo", "wan0", "eth0"]


def test_no_ipv6_that_nobody_asked_for(lab: Lab) -> None:
    started(lab, ("one", DEFAULT))
    assert "inet6" not in lab.shell("one", "ip addr show eth0")
    assert "::1" in lab.shell("one", "ip addr show lo")


def test_on_a_users_network_containers_know_each_other_by_name_also_after_a_restart(lab: Lab) -> None:
    async def look(networks: Networks) -> list[str]:
        ways = ((False, "db"), (True, "db"), (False, "db.mine"), (False, "two"), (False, "nobody"))
        found = [await asyncio.to_thread(looked_up, lab, "one", name, stream=stream) for stream, name in ways]
        await networks.close()
        return found

    async def first() -> list[str]:
        networks = lab.networks(dns=("127.0.0.99",))
        await networks.open()
        await networks.create({"Name": "mine", "IPAM": {"Config": [{"Subnet": "10.96.0.0/24"}]}})
        for name, aliases in (("one", []), ("two", ["db"])):
            sandbox = await networks.allocate(name, {}, {"NetworkMode": "mine"}, {"mine": {"Aliases": aliases}})
            written = Path(sandbox.files["/etc/resolv.conf"]).read_text()
            assert written.startswith("nameserver 127.0.0.11\n")
            assert "ndots:0" in written
        return await look(networks)

    async def second() -> list[str]:
        networks = lab.networks(dns=("127.0.0.99",))
        await networks.open()
        for name in ("one", "two"):
            await networks.allocate(name, {}, {"NetworkMode": "mine"}, {})
        return await look(networks)

    expected = ["10.96.0.3", "10.96.0.3", "10.96.0.3", "10.96.0.3", "code 2"]
    assert lab.run(first) == expected
    assert lab.run(second) == expected


def test_a_container_that_joins_a_users_network_later_learns_names_too(lab: Lab) -> None:
    async def live() -> str:
        networks = lab.networks()
        await networks.open()
        sandbox = await networks.allocate("one", {}, DEFAULT, {})
        mine = await networks.create({"Name": "mine", "IPAM": {"Config": [{"Subnet": "10.96.0.0/24"}]}})
        await networks.allocate("two", {}, {"NetworkMode": "mine"}, {"mine": {"Aliases": ["db"]}})
        await networks.connect("one", mine, Attachment("mine"))
        assert Path(sandbox.files["/etc/resolv.conf"]).read_text().startswith("nameserver 127.0.0.11\n")
        found = await asyncio.to_thread(looked_up, lab, "one", "db")
        await networks.close()
        return found

    assert lab.run(live) == "10.96.0.2"


def test_the_way_out_and_the_ports_follow_the_networks_that_come_and_go(lab: Lab) -> None:
    async def live() -> None:
        networks = lab.networks()
        await networks.open()
        wish = published((80, 8080))
        await networks.allocate("one", {"ExposedPorts": {"90/tcp": {}}}, wish, {})
        mine = await networks.create({"Name": "mine", "IPAM": {"Config": [{"Subnet": "10.96.0.0/24"}]}})
        assert "via 10.99.0.1 dev eth0" in lab.shell("one", "ip route")
        await networks.connect(
            "one", mine, Attachment("mine", priority=1, sysctls=("net.ipv4.conf.IFNAME.rp_filter=2",))
        )
        assert "default via 10.96.0.1 dev eth1" in lab.shell("one", "ip route")
        assert lab.shell("one", "cat /proc/sys/net/ipv4/conf/eth1/rp_filter") == "2\n"
        with lab.listen("one", 80):
            assert await asyncio.to_thread(lab.reach, "outside", LAB, 8080) == OUTSIDE
        ports = networks.settings("one", DEFAULT, {})["Ports"]
        assert ports == {"90/tcp": None, "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}
        await networks.disconnect("one", mine)
        assert "default via 10.99.0.1 dev eth0" in lab.shell("one", "ip route")
        with lab.listen("one", 80):
            assert await asyncio.to_thread(lab.reach, "outside", LAB, 8080) == OUTSIDE
        await networks.close()

    lab.run(live)


def test_ports_are_published_and_unpublished_while_the_container_runs(lab: Lab) -> None:
    async def live() -> None:
        networks = lab.networks()
        await networks.open()
        await networks.allocate("one", {}, DEFAULT, {})
        await networks.publish("one", {}, published((80, 8080), (80, 8081)), {})
        with lab.listen("one", 80):
            for port in (8080, 8081):
                assert await asyncio.to_thread(lab.reach, "outside", LAB, port) == OUTSIDE
            assert await asyncio.to_thread(lab.reach, "one", "10.99.0.1", 8080) == "10.99.0.1"
            await networks.publish("one", {}, published((80, 8081)), {})
            assert await asyncio.to_thread(lab.reach, "outside", LAB, 8080) == "ConnectionRefusedError"
            assert await asyncio.to_thread(lab.reach, "outside", LAB, 8081) == OUTSIDE
        blocker = socket.create_server(("0.0.0.0", 8085))
        with pytest.raises(Fault, match="address already in use"):
            await networks.publish("one", {}, published((80, 8085)), {})
        blocker.close()
        assert list(networks.settings("one", DEFAULT, {})["Ports"].values()) == [
            [{"HostIp": "0.0.0.0", "HostPort": "8081"}]
        ]
        await networks.publish("one", {}, DEFAULT, {})
        await networks.release("one")
        await networks.close()

    lab.run(live)
    assert "dnat" not in lab.left()


@pytest.mark.parametrize(
    ("kept", "done"), [((), ((80, 8080),)), (((80, 8080),), ()), (((80, 8080), (80, 8081)), ((80, 8081), (80, 8082)))]
)
def test_an_engine_that_dies_while_ports_change_leaves_what_the_containers_record_says(
    lab: Lab, kept: tuple[tuple[int, int], ...], done: tuple[tuple[int, int], ...]
) -> None:
    """The network was changed, and nobody wrote down that it was to be."""

    async def first() -> None:
        networks = lab.networks()
        await networks.open()
        await networks.allocate("one", {}, published(*kept), {})
        await networks.publish("one", {}, published(*done), {})
        await networks.close()

    async def second() -> None:
        networks = lab.networks()
        await networks.open()
        await networks.allocate("one", {}, published(*kept), {})
        await networks.reconcile(["one"])
        ports = networks.settings("one", published(*kept), {})["Ports"].get("80/tcp") or []
        assert [int(port["HostPort"]) for port in ports] == [outer for _, outer in kept]
        with lab.listen("one", 80):
            for outer in (8080, 8081, 8082):
                reached = await asyncio.to_thread(lab.reach, "outside", LAB, outer)
                assert reached == (OUTSIDE if (80, outer) in kept else "ConnectionRefusedError")
            if kept:
                assert await asyncio.to_thread(lab.reach, "one", "10.99.0.1", 8080) == "10.99.0.1"
        await networks.close()

    lab.run(first)
    lab.run(second)


def test_a_default_gateway_leads_elsewhere_than_the_bridge(lab: Lab) -> None:
    started(lab, ("one", DEFAULT), default_gateway="10.99.0.2")
    assert "default via 10.99.0.2 dev eth0" in lab.shell("one", "ip route")
    assert "10.99.0.3/24" in lab.shell("one", "ip addr"), "its address is nobody else's"


@pytest.mark.parametrize(
    "tampering", ["flush ruleset", "delete table ip wherry_wherry0", "flush chain ip wherry_wherry0 forward"]
)
def test_rules_that_somebody_flushes_are_there_again(lab: Lab, tampering: str) -> None:
    async def live() -> None:
        networks = lab.networks()
        await networks.open()
        await networks.allocate("one", {}, published((80, 8080)), {})
        before = lab.left()
        await asyncio.to_thread(lab.shell, "lab", f"nft '{tampering}'")
        await eventually(lambda: asyncio.to_thread(lambda: lab.left() == before))
        await networks.close()

    lab.run(live)


def test_a_docker_or_ufw_that_starts_later_is_told(lab: Lab) -> None:
    forward = "chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }"

    async def live() -> None:
        networks = lab.networks()
        await networks.open()
        await networks.allocate("one", {}, published((80, 8080)), {})
        with lab.listen("one", 80), lab.listen("outside", 80):
            for commands in (
                f"add table ip filter; add {forward}",
                "add chain ip filter DOCKER-USER; "
                "flush chain ip filter FORWARD; add rule ip filter FORWARD jump DOCKER-USER",
            ):
                await asyncio.to_thread(lab.shell, "lab", f"nft '{commands}'")
                for caller, address, port in (("one", OUTSIDE, 80), ("outside", LAB, 8080)):
                    await eventually(functools.partial(asyncio.to_thread, lab.tries, caller, address, port, 3.0))
                assert await asyncio.to_thread(lab.reach, "outside", LAB, 8080) == OUTSIDE
        assert lab.shell("lab", "iptables-nft -S DOCKER-USER").count("-j ACCEPT") == 2
        await networks.close()

    lab.run(live)


def test_a_daemon_may_say_where_ports_are_published(lab: Lab) -> None:
    started(lab, ("one", published((80, 8080))), publish_loopback=True)
    with lab.listen("one", 80):
        assert lab.reach("lab", "127.0.0.1", 8080) == "10.99.0.1"
        assert lab.reach("outside", LAB, 8080) == "ConnectionRefusedError"
    with pytest.raises(Fault, match=r"port 8081/tcp on 0\.0\.0\.0 is not allowed"):
        started(lab, ("two", published((80, 8081))), publish_allow=("9000-9999",))


def test_many_lives_leave_nothing(lab: Lab) -> None:
    async def live() -> None:
        networks = lab.networks()
        await networks.open()
        pools = {"Config": [{"Subnet": "10.96.0.0/24"}, {"Subnet": "fd96::/64"}]}
        await networks.create({"Name": "mine", "EnableIPv6": True, "IPAM": pools})
        wish = {**published((80, 8080), (81, 0)), "NetworkMode": "mine"}
        before, open_files = lab.left(), len(os.listdir("/proc/self/fd"))
        for number in range(LIVES):
            mode = wish if number % 2 else published((80, 8080))
            await networks.allocate(f"c{number}", {}, mode, {})
            await networks.release(f"c{number}")
        await eventually(lambda: asyncio.to_thread(lambda: lab.left() == before))
        assert len(os.listdir("/proc/self/fd")) == open_files
        assert networks.endpoints(networks.find("mine")) == networks.endpoints(networks.find("bridge")) == []
        await networks.close()

    lab.run(live)
    assert os.listdir(lab.folder / "exec" / "netns") == []


def test_a_link_is_a_name_that_one_container_has_for_another(lab: Lab) -> None:
    async def live() -> str:
        networks = lab.networks()
        await networks.open()
        await networks.create({"Name": "mine", "IPAM": {"Config": [{"Subnet": "10.96.0.0/24"}]}})
        with pytest.raises(Fault, match="Cannot link to a non running container: /db AS /sql"):
            await networks.allocate("web", {}, {**DEFAULT, "Links": ["db:sql"]}, {})
        await networks.allocate("db", {"Hostname": "db"}, DEFAULT, {})
        sandbox = await networks.allocate("web", {"Hostname": "web"}, {**DEFAULT, "Links": ["db:sql"]}, {})
        assert "\tsql db\n" in Path(sandbox.files["/etc/hosts"]).read_text()
        await networks.allocate("two", {}, {"NetworkMode": "mine"}, {})
        await networks.allocate("one", {}, {"NetworkMode": "mine"}, {"mine": {"Links": ["two:friend"]}})
        found = await asyncio.to_thread(looked_up, lab, "one", "friend")
        await networks.close()
        return found

    assert lab.run(live) == "10.96.0.2"
