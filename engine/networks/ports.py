"""Ports of the host for containers: chosen, and held by a bound socket so that nobody else takes them.

The socket never listens: the packet filter sends connections to the container before they reach it. After a crash of
the engine the filter's rules go on by themselves, and the next engine binds the ports again.
"""

import contextlib
import errno
import socket
from collections.abc import Collection, Iterable, Iterator

from engine.networks.model import Port
from engine.networks.request import Wanted
from proto.errdefs import Conflict, Internal

_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
ANY_ADDRESS = "0.0.0.0"

Key = tuple[str, str, int]  # protocol, address, number


class Ports:
    """The ports held, by container."""

    def __init__(self, default_address: str = ANY_ADDRESS) -> None:
        self._default = default_address
        self._held: dict[str, dict[Key, socket.socket]] = {}

    def host_ip(self, wish: Wanted, network_ip: str = "") -> str:
        """Where a port is published: as wished, or as its network says, or as the daemon does."""
        return wish.host_ip or network_ip or self._default

    def hold(
        self, container_id: str, wanted: Iterable[Wanted], taken: Iterable[Port], address: str, network_ip: str = ""
    ) -> tuple[Port, ...]:
        """Choose and bind a host port for each wish; all or none. What the container holds already is its to use."""
        used = {_key(port) for port in taken}
        found: list[Port] = []
        own = self._held.setdefault(container_id, {})
        with contextlib.ExitStack() as undo:
            undo.callback(self._let_go, container_id, set(own))
            for wish in wanted:
                port = self._hold_one(own, wish, used, self.host_ip(wish, network_ip), address)
                used.add(_key(port))
                found.append(port)
            undo.pop_all()
        return tuple(found)

    def hold_again(self, container_id: str, ports: Iterable[Port]) -> None:
        """Bind the ports of a container that was there before the engine; one taken meanwhile stays with its taker."""
        own = self._held.setdefault(container_id, {})
        for port in ports:
            if _key(port) not in own:
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
        self, own: dict[Key, socket.socket], wish: Wanted, used: Collection[Key], host_ip: str, address: str
    ) -> Port:
        refusal: OSError | None = None
        for number in _choices(wish):
            key = wish.protocol, host_ip, number
            if _clashes(key, used):
                refusal = OSError(errno.EADDRINUSE, "port is already allocated")
                continue
            if key in own:
                return Port(wish.port, wish.protocol, host_ip, number)
            try:
                held = _bind(wish.protocol, host_ip, number)
            except OSError as error:
                refusal = error
                if error.errno != errno.EADDRINUSE:
                    break
                continue
            port = Port(wish.port, wish.protocol, host_ip, int(held.getsockname()[1]))
            own[_key(port)] = held
            return port
        raise _refused(wish, host_ip, address, refusal)


def _key(port: Port) -> Key:
    return port.protocol, port.host_ip, port.host_port


def _choices(wish: Wanted) -> Iterator[int]:
    return iter((0,) * 64) if wish.first == 0 else iter(range(wish.first, wish.last + 1))


def _clashes(wish: Key, used: Collection[Key]) -> bool:
    """An address and every address are the same port twice."""
    protocol, host_ip, number = wish
    if number == 0:
        return False
    return any(
        (protocol, number) == (other, port) and (host_ip == address or ANY_ADDRESS in (host_ip, address))
        for other, address, port in used
    )


def _bind(protocol: str, host_ip: str, number: int) -> socket.socket:
    if protocol == "sctp":
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC, socket.IPPROTO_SCTP)
    else:
        made = socket.socket(socket.AF_INET, _KINDS[protocol] | socket.SOCK_CLOEXEC)
    try:
        made.bind((host_ip, number))
    except BaseException:
        made.close()
        raise
    return made


def _refused(wish: Wanted, host_ip: str, address: str, refusal: OSError | None) -> Conflict | Internal:
    number = str(wish.first) if wish.first == wish.last else f"{wish.first}-{wish.last}"
    if refusal is not None and refusal.strerror == "port is already allocated":
        return Internal(f"Bind for {host_ip}:{number} failed: port is already allocated")
    reason = {
        errno.EADDRINUSE: "address already in use",
        errno.EADDRNOTAVAIL: "cannot assign requested address",
        errno.EACCES: "permission denied",
    }.get(refusal.errno or 0 if refusal else 0, str(refusal))
    return Internal(f"failed to bind host port {host_ip}:{number}:{address}:{wish.port}/{wish.protocol}: {reason}")
