"""Ports of the host for containers: chosen, and held by a bound socket so that nobody else takes them.

The socket never listens: the packet filter sends connections to the container before they reach it. After a crash of
the engine the filter's rules go on by themselves, and the next engine binds the ports again.
"""

import contextlib
import errno
import socket
from collections.abc import Iterable, Iterator

from engine.networks.model import Port
from engine.networks.request import Wanted
from proto.errdefs import Conflict, Internal

_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
ANY_ADDRESS = "0.0.0.0"


class Ports:
    """The ports held, by endpoint."""

    def __init__(self, default_address: str = ANY_ADDRESS) -> None:
        self._default = default_address
        self._held: dict[str, list[socket.socket]] = {}

    def hold(self, endpoint_id: str, wanted: Iterable[Wanted], taken: Iterable[Port], address: str) -> tuple[Port, ...]:
        """Choose and bind a host port for each wish; all or none."""
        used = {(port.protocol, port.host_port, port.host_ip) for port in taken}
        found: list[Port] = []
        with contextlib.ExitStack() as undo:
            undo.callback(self.release, endpoint_id)
            for wish in wanted:
                port = self._hold_one(endpoint_id, wish, used, address)
                used.add((port.protocol, port.host_port, port.host_ip))
                found.append(port)
            undo.pop_all()
        return tuple(found)

    def hold_again(self, endpoint_id: str, ports: Iterable[Port]) -> None:
        """Bind the ports of an endpoint that was there before the engine; one taken meanwhile stays with its taker."""
        for port in ports:
            with contextlib.suppress(OSError):
                self._held.setdefault(endpoint_id, []).append(_bind(port.protocol, port.host_ip, port.host_port))

    def release(self, endpoint_id: str) -> None:
        for one in self._held.pop(endpoint_id, ()):
            one.close()

    def close(self) -> None:
        for endpoint_id in list(self._held):
            self.release(endpoint_id)

    def _hold_one(self, endpoint_id: str, wish: Wanted, used: set[tuple[str, int, str]], address: str) -> Port:
        host_ip = wish.host_ip or self._default
        refusal: OSError | None = None
        for number in _choices(wish):
            if _clashes(wish.protocol, number, host_ip, used):
                refusal = OSError(errno.EADDRINUSE, "port is already allocated")
                continue
            try:
                held = _bind(wish.protocol, host_ip, number)
            except OSError as error:
                refusal = error
                if error.errno != errno.EADDRINUSE:
                    break
                continue
            self._held.setdefault(endpoint_id, []).append(held)
            return Port(wish.port, wish.protocol, host_ip, int(held.getsockname()[1]))
        raise _refused(wish, host_ip, address, refusal)


def _choices(wish: Wanted) -> Iterator[int]:
    return iter((0,) * 64) if wish.first == 0 else iter(range(wish.first, wish.last + 1))


def _clashes(protocol: str, number: int, host_ip: str, used: set[tuple[str, int, str]]) -> bool:
    """An address and every address are the same port twice."""
    if number == 0:
        return False
    return any(
        (protocol, number) == (other, port) and (host_ip == address or ANY_ADDRESS in (host_ip, address))
        for other, port, address in used
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
