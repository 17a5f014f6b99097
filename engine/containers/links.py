"""What `--link` on the default bridge puts into the environment: where the other listens, and what it was told itself.

    web --link db:sql      SQL_NAME=/web/sql
                           SQL_PORT=tcp://172.17.0.2:5432           the first port, tcp before others
                           SQL_PORT_5432_TCP=…, …_ADDR, …_PORT, …_PROTO
                           SQL_PORT_5432_TCP_START=…, …_PORT_START, …_END, …_PORT_END      of ports in a row
                           SQL_ENV_…                                the other's own variables

As every dockerd did until 29; addresses are those of the moment of the start. On other networks a link is a name.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from engine.containers.model import Container
from engine.containers.room import Room
from engine.networks.request import links_of
from proto.errdefs import InvalidArgument, NotFound

Json = dict[str, Any]

_BUILT_IN = ("HOME", "PATH")


def environment(room: Room, container: Container) -> list[str]:
    """The variables for all whom a container is linked to; none for those that do not run."""
    if container.host_config["NetworkMode"] not in ("default", "bridge"):
        return []
    found: list[str] = []
    for name, alias in links_of(container.host_config.get("Links") or ()):
        try:
            other = room.registry.find(name).container
        except NotFound:
            continue
        address = _address(room, other) if other.state.alive else ""
        if address:
            ports = [read_port(text) for text in other.config.get("ExposedPorts") or ()]
            found += variables(f"/{container.name}/{alias}", address, other.config.get("Env") or (), ports)
    return found


def check(room: Room, host_config: Json) -> None:
    """Refuse at create a link to nobody, and to who has no network of their own."""
    if host_config["NetworkMode"] not in ("default", "bridge"):
        return
    for name, _ in links_of(host_config.get("Links") or ()):
        try:
            other = room.registry.find(name).container
        except NotFound as fault:
            raise InvalidArgument(f"could not get container for {name}: {fault}") from fault
        if other.host_config["NetworkMode"] == "host":
            raise InvalidArgument(
                "conflicting options: host type networking can't be used with links. "
                "This would result in undefined behavior"
            )


def variables(name: str, address: str, env: Iterable[str], ports: Iterable[tuple[int, str]]) -> list[str]:
    """One link's variables, in dockerd's order."""
    prefix = name.rpartition("/")[2].upper().replace("-", "_")
    known = sorted(ports, key=lambda port: (port[1] != "tcp", port[1], port[0]))
    found = [f"{prefix}_PORT={_url(address, known[0])}"] if known else []
    for row in _rows(known):
        for port in row:
            number, protocol = port
            one = f"{prefix}_PORT_{number}_{protocol.upper()}"
            found += [f"{one}={_url(address, port)}", f"{one}_ADDR={address}"]
            found += [f"{one}_PORT={number}", f"{one}_PROTO={protocol}"]
        if len(row) > 1:
            one = f"{prefix}_PORT_{row[0][0]}_{row[0][1].upper()}"
            for end, port in (("START", row[0]), ("END", row[-1])):
                found += [f"{one}_{end}={_url(address, port)}", f"{one}_PORT_{end}={port[0]}"]
    found.append(f"{prefix}_NAME={name}")
    for entry in env:
        variable, equals, _ = entry.partition("=")
        if equals and variable not in _BUILT_IN:
            found.append(f"{prefix}_ENV_{entry}")
    return found


def read_port(text: str) -> tuple[int, str]:
    """`80/tcp`, as the API keeps it."""
    number, _, protocol = text.partition("/")
    return int(number), protocol or "tcp"


def _rows(ports: Sequence[tuple[int, str]]) -> list[list[tuple[int, str]]]:
    """Ports of one protocol that follow each other, together."""
    rows: list[list[tuple[int, str]]] = []
    for number, protocol in ports:
        if rows and rows[-1][-1] == (number - 1, protocol):
            rows[-1].append((number, protocol))
        else:
            rows.append([(number, protocol)])
    return rows


def _url(address: str, port: tuple[int, str]) -> str:
    return f"{port[1]}://{address}:{port[0]}"


def _address(room: Room, other: Container) -> str:
    networks = room.networks.settings(other.id, other.host_config, other.endpoints)["Networks"]
    return str((networks.get("bridge") or {}).get("IPAddress") or "")
