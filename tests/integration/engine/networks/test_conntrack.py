"""Connections that outlive what let them in: forgotten when their port or their container goes."""

import asyncio
import socket

from engine.networks.model import Network
from engine.networks.service import Networks
from tests import needs
from tests.network_lab import LAB_ADDRESS, Lab

pytestmark = [needs.root, needs.binary("nft"), needs.binary("ip")]

DEFAULT = {"NetworkMode": "default"}
PATIENCE = 30.0


def wish(port: str) -> dict[str, object]:
    return {**DEFAULT, "PortBindings": {port: [{"HostPort": "8080"}]}}


def echo(lab: Lab, name: str, port: int) -> socket.socket:
    def bound() -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("0.0.0.0", port))
        made.settimeout(PATIENCE)
        return made

    return lab.inside(name, bound)


def test_who_sent_datagrams_before_the_port_was_published_is_heard_after(lab: Lab) -> None:
    """The kernel remembers such a sender as the host's business, and would for as long as it goes on."""

    async def live() -> None:
        networks = lab.networks()
        await networks.open()
        await networks.allocate("one", {}, DEFAULT, {})
        with echo(lab, "one", 80) as server, echo(lab, "lab", 8080) as host, echo(lab, "outside", 4000) as client:
            client.sendto(b"early", (LAB_ADDRESS, 8080))
            assert (await asyncio.to_thread(host.recv, 16)) == b"early", "and is remembered"
            host.close()
            await networks.publish("one", {}, wish("80/udp"), {})
            await asyncio.to_thread(networks._ready.forgetting.settle)
            client.sendto(b"late", (LAB_ADDRESS, 8080))
            assert (await asyncio.to_thread(server.recv, 16)) == b"late"
        await networks.close()

    lab.run(live)


def test_a_connection_by_a_port_that_is_no_longer_published_ends(lab: Lab) -> None:
    async def live() -> None:
        networks = lab.networks()
        await networks.open()
        await networks.allocate("one", {}, wish("80/tcp"), {})
        with lab.inside("one", lambda: socket.create_server(("0.0.0.0", 80))) as server:
            client = lab.inside("outside", lambda: socket.create_connection((LAB_ADDRESS, 8080), PATIENCE))
            with client, server.accept()[0] as accepted:
                client.sendall(b"hello")
                assert accepted.recv(16) == b"hello"
                await networks.publish("one", {}, DEFAULT, {})
                await asyncio.to_thread(networks._ready.forgetting.settle)
                client.sendall(b"again")
                try:
                    answered = await asyncio.to_thread(client.recv, 16)
                except ConnectionResetError:
                    answered = b"reset"
                assert answered == b"reset"
        await networks.close()

    lab.run(live)


def test_who_gets_anothers_address_does_not_get_its_callers(lab: Lab) -> None:
    async def live() -> None:
        networks = lab.networks()
        await networks.open()
        network = await networks.create({"Name": "mine", "IPAM": {"Config": [{"Subnet": "10.96.0.0/24"}]}})
        with echo(lab, "lab", 4000) as client:
            first = await met(networks, network, client)
            assert "10.96.0.2" in known(lab)
            await networks.release("one")
            await asyncio.to_thread(networks._ready.forgetting.settle)
            assert first
            assert "10.96.0.2" not in known(lab)
        await networks.close()

    async def met(networks: Networks, network: Network, client: socket.socket) -> bool:
        await networks.allocate("one", {}, {"NetworkMode": "mine"}, {})
        with echo(lab, "one", 80) as server:
            client.sendto(b"hello", ("10.96.0.2", 80))
            return await asyncio.to_thread(server.recv, 16) == b"hello"

    lab.run(live)


def known(lab: Lab) -> str:
    """The addresses in the kernel's memory."""
    from engine.networks.conntrack import Conntrack, Gone, questions, read

    def look() -> str:
        found = Conntrack()
        try:
            payloads = found._netlink.dump(questions(Gone(either=(4,)))[0])
        finally:
            found.close()
        return " ".join(socket.inet_ntoa(read(one).answers) for one in payloads)

    return lab.inside("lab", look)
