"""A laboratory for networks: everything happens in network namespaces of the test's own, the host is left as it is.

outside ── 192.0.2.0/24 (the LAN) ── lab: the engine's host      web   front           10.96.0.0/24   fd96::/64
neighbour ─┘                                                     app   front, back     10.97.0.0/24
                                                                 db    back
                                                                 safe  vault (internal) 10.98.0.0/24
"""

import asyncio
import functools
import ipaddress
import socket
import struct
import subprocess
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from engine.config import Config
from engine.networks import links, namespace
from engine.networks.links import Interface4, Links
from engine.networks.service import Networks
from engine.paths import Paths

Result = TypeVar("Result")
HOST_CONFIG = {"NetworkMode": "default"}
LAB_ADDRESS, OUTSIDE_ADDRESS = "192.0.2.1", "192.0.2.2"
PATIENCE = 30.0
NEIGHBOUR = "192.0.2.3"
ADDRESSES = {"web": "10.96.0.2", "app": "10.96.0.3", "db": "10.97.0.3", "safe": "10.98.0.2"}
BRIDGE_MAC, UPLINK_MAC = bytes.fromhex("02420a600001"), bytes.fromhex("0200c0000201")
EVERYBODY = ("outside", "neighbour", "lab", *ADDRESSES)


class Lab:
    """Namespaces by name; `lab` is the engine's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[tuple[str, str, dict[str, str]]] = []
        try:
            for name in ("lab", "outside"):
                self.inside_new(name)
            self.inside("lab", self._cable)
        except BaseException:
            self.close()
            raise

    def path(self, name: str) -> str:
        kept = self.folder / "exec" / "netns" / name
        return str(kept if kept.exists() else self.folder / name)

    def inside(self, name: str, work: Callable[[], Result]) -> Result:
        """Run something in a namespace, in a thread of its own."""
        return _in_thread(lambda: _entered(self.path(name), work))

    def inside_new(self, name: str) -> None:
        def make() -> None:
            with namespace.created(str(self.folder / name)):
                pass

        _in_thread(make)

    def run(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """Run the engine's part: an event loop whose threads live in the lab's namespace."""
        return self.inside("lab", lambda: asyncio.run(work()))  # type: ignore[arg-type]

    def networks(self, data: str = "data", **config: Any) -> Networks:
        paths = Paths(str(self.folder / data), str(self.folder / "exec"))
        paths.make()
        config = {"bip": "10.99.0.1/24", "dns": ("192.0.2.9",), "iptables": self.has_nftables, **config}
        return Networks(Config(**config), paths, lambda *event: self.events.append(event))

    def shell(self, name: str, command: str) -> str:
        words = ["nsenter", f"--net={self.path(name)}", "sh", "-c", command]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout

    def shell_in_host(self, command: str) -> None:
        """The same in the engine's namespace, with its own /sys; what fails there is not of interest."""
        words = ["nsenter", f"--net={self.path('lab')}", "unshare", "--mount", "sh", "-c"]
        subprocess.run([*words, f"mount -t sysfs none /sys; {command}"], capture_output=True, check=False)

    @functools.cached_property
    def has_nftables(self) -> bool:
        """Whether the kernel has them for IPv4; without, engines in this laboratory go without rules."""
        return self._takes("nft add table ip probe && nft delete table ip probe")

    def has_driver(self, kind: str) -> bool:
        """Whether the kernel has such links (where this one has not, test_uml.py runs the test in one that has)."""
        return self._takes(f"ip link add link uplink0 name probe0 type {kind} && ip link delete probe0")

    def _takes(self, command: str) -> bool:
        words = ["nsenter", f"--net={self.path('lab')}", "sh", "-c", command]
        return subprocess.run(words, capture_output=True, check=False).returncode == 0

    def listen(self, name: str, port: int, address: str = "0.0.0.0") -> "Answering":
        return Answering(self.inside(name, lambda: _listener(address, port)))

    def reach(self, name: str, address: str, port: int) -> str:
        """Connect from a namespace; answers who the listener says we are, or why it could not be reached.

        With patience: a link's first packets are lost while the kernel is too busy to see that it has a carrier.
        """

        def connect() -> str:
            try:
                with socket.create_connection((address, port), timeout=PATIENCE) as connection:
                    return connection.recv(64).decode()
            except OSError as error:
                return type(error).__name__

        return self.inside(name, connect)

    def tries(self, name: str, address: str, port: int, patience: float = 0.3) -> bool:
        """Whether a connection comes about; in a third of a second, where none is expected."""

        def connect() -> bool:
            try:
                with socket.create_connection((address, port), timeout=patience) as connection:
                    return connection.recv(64) != b""
            except OSError:
                return False

        return self.inside(name, connect)

    def left(self) -> str:
        """What is in the lab's namespace: links and rules."""
        rules = "nft list ruleset" if self.has_nftables else "true"
        return self.shell("lab", f"ip -o link | cut -d: -f2; {rules}")

    def close(self) -> None:
        kept = self.folder / "exec" / "netns"
        own = (self.folder / name for name in ("lab", "outside", "neighbour"))
        for path in (*(kept.iterdir() if kept.is_dir() else ()), *own):
            namespace.remove(str(path))

    def _cable(self) -> None:
        host = Links()
        with open(self.folder / "outside") as target:
            uplink = ipaddress.IPv4Interface(f"{LAB_ADDRESS}/24")
            host.apply(links.bridge("uplink0", 1500, bytes.fromhex("0200c0000201")))
            bridge = host.find("uplink0")
            assert bridge is not None
            mac = bytes.fromhex("0200c0000202")
            host.apply(
                links.address(bridge.index, uplink), links.veth("up1", bridge.index, 1500, "up0", mac, target.fileno())
            )
        host.close()
        self.inside("outside", _far_end)


async def eventually(condition: Callable[[], Awaitable[bool]], *, patience: float = 60.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(patience):
        while not await condition():
            await asyncio.sleep(0.02)


class Answering:
    """A listener that tells each caller its own address."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._thread = threading.Thread(target=self._answer)
        self._thread.start()

    def __enter__(self) -> "Answering":
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _answer(self) -> None:
        while True:
            try:
                connection, caller = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(caller[0].encode())


def _listener(address: str, port: int) -> socket.socket:
    if ":" in address:
        return socket.create_server((address, port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server((address, port))


def _far_end() -> None:
    host = Links()
    own = host.find("up0")
    assert own is not None
    host.apply(links.up(own.index), links.address(own.index, Interface4(f"{OUTSIDE_ADDRESS}/24")))
    # the outside knows the way to the containers, so that only rules keep it out
    host.apply(links.default_route(own.index, LAB_ADDRESS, 4))
    host.close()


def _entered(path: str, work: Callable[[], Result]) -> Result:
    with namespace.entered(path):
        return work()


def _in_thread(work: Callable[[], Result]) -> Result:
    result: list[Result] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            result.append(work())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return result[0]


def neighbour(lab: Lab) -> None:
    lab.inside_new("neighbour")

    def cable() -> None:
        host = Links()
        bridge = host.find("uplink0")
        assert bridge is not None
        with open(lab.path("neighbour")) as target:
            mac = bytes.fromhex("0200c0000203")
            host.apply(links.veth("up2", bridge.index, 1500, "up0", mac, target.fileno()))
        host.close()

    def far_end() -> None:
        host = Links()
        own = host.find("up0")
        assert own is not None
        host.apply(links.up(own.index), links.address(own.index, Interface4(f"{NEIGHBOUR}/24")))
        host.close()

    lab.inside("lab", cable)
    lab.inside("neighbour", far_end)
    lab.shell("neighbour", f"for net in 10.96 10.97 10.98; do ip route add $net.0.0/16 via {LAB_ADDRESS}; done")


async def populate(lab: Lab) -> Networks:
    networks = lab.networks()
    await networks.open()
    front = [{"Subnet": "10.96.0.0/24"}, {"Subnet": "fd96::/64"}]
    mtu = {"com.docker.network.driver.mtu": "1400"}
    await networks.create({"Name": "front", "EnableIPv6": True, "IPAM": {"Config": front}, "Options": mtu})
    await networks.create({"Name": "back", "IPAM": {"Config": [{"Subnet": "10.97.0.0/24"}]}})
    await networks.create({"Name": "vault", "Internal": True, "IPAM": {"Config": [{"Subnet": "10.98.0.0/24"}]}})
    ports = {"80/tcp": [{"HostPort": "8080"}], "81/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8081"}]}
    for name, places, asked in (
        ("web", ("front",), {"PortBindings": ports}),
        ("app", ("front", "back"), {}),
        ("db", ("back",), {}),
        ("safe", ("vault",), {"PortBindings": {"80/tcp": [{"HostPort": "8082"}]}}),
    ):
        endpoints: dict[str, Any] = {place: {} for place in places}
        await networks.allocate(name, {"Hostname": name}, {**asked, "NetworkMode": places[0]}, endpoints)
    return networks


def town(folder: Path) -> "Lab":
    """Everybody is there, and the engine is gone: none of this needs it. The caller closes it."""
    lab = Lab(folder)

    async def build() -> None:
        await (await populate(lab)).close()

    try:
        neighbour(lab)
        lab.run(build)
    except BaseException:
        lab.close()
        raise
    return lab


def dns_question(name: str) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)


def looked_up(lab: "Lab", container: str, name: str, *, stream: bool = False) -> str:
    """The last address of the answer that a container's name server gives, or its code."""

    def ask() -> bytes:
        kind = socket.SOCK_STREAM if stream else socket.SOCK_DGRAM
        message = dns_question(name)
        with socket.socket(socket.AF_INET, kind) as asking:
            asking.settimeout(PATIENCE)
            asking.connect(("127.0.0.11", 53))
            asking.sendall(len(message).to_bytes(2, "big") + message if stream else message)
            return asking.recv(512)[2 if stream else 0 :]

    answered = lab.inside(container, ask)
    code, count = struct.unpack_from("!H", answered, 2)[0] & 0xF, struct.unpack_from("!H", answered, 6)[0]
    return socket.inet_ntoa(answered[-4:]) if count else f"code {code}"
