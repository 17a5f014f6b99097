"""Ports of the host for containers: chosen, and held by a bound socket so that nobody else takes them.

The socket never listens: the packet filter sends connections to the container before they reach it. After a crash of
the engine the filter's rules go on by themselves, and the next engine binds the ports again.
"""

import contextlib
import errno
import socket
from collections.abc import Collection, Iterable, Sequence

from engine.networks.model import Port
from engine.networks.publish_policy import ANY_ADDRESS, ANY_ADDRESS6, PublishPolicy
from engine.networks.request import Wanted
from proto.errdefs import Internal

_ALLOCATED = "port is already allocated"

Key = tuple[str, str, int]  # protocol, address, number
Held = dict[Key, socket.socket]
Placed = tuple[Wanted, tuple[str, ...]]  # a port, and at which addresses


class Ports:
    """The ports held, by container."""

    def __init__(self, policy: PublishPolicy) -> None:
        self.policy = policy
        self._held: dict[str, Held] = {}

    def hold(
        self, container_id: str, wanted: Iterable[Placed], taken: Iterable[Port], address: str
    ) -> tuple[tuple[Port, ...], ...]:
        """Choose and bind a host port for each wish; all or none. What the container holds already is its to use."""
        used = {_key(port) for port in taken}
        found: list[tuple[Port, ...]] = []
        own = self._held.setdefault(container_id, {})
        with contextlib.ExitStack() as undo:
            undo.callback(self._let_go, container_id, set(own))
            for wish, host_ips in wanted:
                ports = self._hold_one(own, wish, used, host_ips, address)
                used |= {_key(port) for port in ports}
                found.append(ports)
            undo.pop_all()
        return tuple(found)

    def hold_again(self, container_id: str, ports: Iterable[Port]) -> None:
        """Bind the ports of a container that was there before the engine; one taken meanwhile stays with its taker."""
        own = self._held.setdefault(container_id, {})
        for port in ports:
            if port.host_port and _key(port) not in own:
                with contextlib.suppress(OSError):
                    own[_key(port)] = _bind(port.protocol, port.host_ip, port.host_port)

    def keep_only(self, container_id: str, ports: Iterable[Port]) -> None:
        """Let go of every other port of a container."""
        self._let_go(container_id, {_key(port) for port in ports})

    def close(self) -> None:
        for container_id in list(self._held):
            self._let_go(container_id, set())

    def _let_go(self, container_id: str, but: Collection[Key]) -> None:
        own = self._held.get(container_id, {})
        for key in [key for key in own if key not in but]:
            own.pop(key).close()
        if not own:
            self._held.pop(container_id, None)

    def _hold_one(
        self, own: Held, wish: Wanted, used: Collection[Key], host_ips: Sequence[str], address: str
    ) -> tuple[Port, ...]:
        """The same number at every address."""
        refusal: OSError | None = None
        for number in self.policy.numbers(wish, host_ips):
            before = set(own)
            try:
                ports: tuple[Port, ...] = ()
                for host_ip in host_ips:
                    chosen = ports[0].host_port if ports else number
                    ports += (_take(own, wish, used, host_ip, chosen),)
            except OSError as error:
                for key in set(own) - before:
                    own.pop(key).close()
                refusal = error
                if error.errno != errno.EADDRINUSE:
                    break
                continue
            return ports
        raise _refused(wish, host_ips[0], address, refusal)


def _take(own: Held, wish: Wanted, used: Collection[Key], host_ip: str, number: int) -> Port:
    """One number at one address: bound, or the container's already; raises OSError."""
    key = wish.protocol, host_ip, number
    taken = _taken_at(key, used)
    if taken:
        raise OSError(errno.EADDRINUSE, _ALLOCATED, taken)
    if key in own:
        return Port(wish.port, wish.protocol, host_ip, number)
    held = _bind(wish.protocol, host_ip, number)
    port = Port(wish.port, wish.protocol, host_ip, int(held.getsockname()[1]))
    own[_key(port)] = held
    return port


def _key(port: Port) -> Key:
    return port.protocol, port.host_ip, port.host_port


def _taken_at(wish: Key, used: Collection[Key]) -> str:
    """The address at which another container has the port; every address of a family and one of it are the same."""
    protocol, host_ip, number = wish
    everywhere = ANY_ADDRESS6 if ":" in host_ip else ANY_ADDRESS
    there = (
        address
        for other, address, port in used
        if (protocol, number) == (other, port)
        and (":" in host_ip) == (":" in address)
        and (host_ip == address or everywhere in (host_ip, address))
    )
    return next(there, "") if number else ""


def _bind(protocol: str, host_ip: str, number: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host_ip else socket.AF_INET
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    made = socket.socket(family, kind | socket.SOCK_CLOEXEC, socket.IPPROTO_SCTP if protocol == "sctp" else 0)
    try:
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((host_ip, number))
    except BaseException:
        made.close()
        raise
    return made


def _refused(wish: Wanted, host_ip: str, address: str, refusal: OSError | None) -> Internal:
    """As dockerd says it."""
    if refusal is not None and refusal.strerror == _ALLOCATED:
        if wish.first != wish.last:
            return Internal("all ports are allocated")
        return Internal(f"Bind for {_shown(str(refusal.filename))}:{wish.first} failed: {_ALLOCATED}")
    number = str(wish.first) if wish.first == wish.last else f"{wish.first}-{wish.last}"
    reason = refusal.strerror if refusal is not None else "all ports are allocated"
    place = f"{_shown(host_ip)}:{number}:{address}:{wish.port}/{wish.protocol}"
    return Internal(f"failed to bind host port for {place}: {(reason or 'refused').lower()}")


def _shown(address: str) -> str:
    return f"[{address}]" if ":" in address else address
