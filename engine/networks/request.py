"""What a container asks of networks, read out of its Config, HostConfig and EndpointsConfig, and checked. Pure."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.networks import endpoint_check
from engine.networks.hosts_files import Wishes, extra_hosts
from engine.networks.ipam import parse_hardware_address
from proto.errdefs import InvalidArgument, Unimplemented

Json = dict[str, Any]

_PORT = re.compile(r"(\d+)(?:-(\d+))?(?:/(\w+))?")
_INTERFACE_NAME = "com.docker.network.endpoint.ifname"
_INTERFACE = re.compile(r"(?!lo$|\.)[A-Za-z0-9_.-]{1,15}")
PROTOCOLS = ("tcp", "udp", "sctp")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One port to publish; 0 to 65535 of the host, a range to choose from, or (0, 0) for any."""

    port: int
    protocol: str
    host_ip: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Attachment:
    """One network to be in."""

    network: str
    address: str = ""
    mac: str = ""
    aliases: tuple[str, ...] = ()
    priority: int = 0  # who gives the default route: the highest
    interface: str = ""  # its name in the container, where one is wished
    sysctls: tuple[str, ...] = ()  # name=value, with IFNAME for the interface
    address6: str = ""
    links: tuple[tuple[str, str], ...] = ()  # another container, and what it is called here
    link_local: tuple[str, ...] = ()  # addresses beside its own, which nobody else is asked about


@dataclass(frozen=True, slots=True)
class Request:
    """Everything that a container asks."""

    mode: str  # host, none, container, or networks
    joined: str = ""  # of mode container: the other's id
    attachments: tuple[Attachment, ...] = ()
    ports: tuple[Wanted, ...] = ()
    exposed: tuple[str, ...] = ()
    hostname: str = ""
    domain: str = ""
    wishes: Wishes = field(default_factory=Wishes)


def read(config: Json, host_config: Json, endpoints: Json) -> Request:
    """Understand a container's documents; raises InvalidArgument, or Unimplemented by the option's name."""
    text = "none" if config.get("NetworkDisabled") else host_config.get("NetworkMode") or "default"
    mode, joined = _mode(text)
    linked = links_of(host_config.get("Links") or ())
    if linked and mode != "networks":
        raise InvalidArgument("conflicting options: container type network can't be used with links")
    wishes = Wishes(
        tuple(host_config.get("Dns") or ()),
        tuple(host_config.get("DnsSearch") or ()),
        tuple(host_config.get("DnsOptions") or ()),
        tuple(host_config.get("ExtraHosts") or ()),
    )
    _check_names(wishes)
    attachments = _attachments(text, config, endpoints or {}) if mode == "networks" else ()
    if attachments:
        first = attachments[0]
        attachments = (replace(first, links=tuple(dict.fromkeys((*linked, *first.links)))), *attachments[1:])
    exposed = tuple(config.get("ExposedPorts") or ())
    return Request(
        mode=mode,
        joined=joined,
        attachments=attachments,
        ports=_ports(host_config, exposed) if mode == "networks" else (),
        exposed=tuple(_key(*_port(text)) for text in exposed),
        hostname=config.get("Hostname") or "",
        domain=config.get("Domainname") or "",
        wishes=wishes,
    )


def _mode(text: str) -> tuple[str, str]:
    if text in ("host", "none"):
        return text, ""
    if text.startswith("container:"):
        return "container", text.removeprefix("container:")
    return "networks", ""


def _attachments(text: str, config: Json, endpoints: Json) -> tuple[Attachment, ...]:
    """The mode's network first, then every other that was named."""
    first = "bridge" if text == "default" else text
    found = [_attachment(first, endpoints.get(text) or endpoints.get(first) or {}, config.get("MacAddress") or "")]
    found += [_attachment(name, entry or {}, "") for name, entry in endpoints.items() if name not in (text, first)]
    return tuple(found)


def _attachment(name: str, entry: Json, mac: str) -> Attachment:
    ipam = entry.get("IPAMConfig") or {}
    endpoint_check.check(None, name, entry)
    mac = entry.get("MacAddress") or mac
    if mac:
        parse_hardware_address(mac)
    priority = entry.get("GwPriority") or 0
    if not isinstance(priority, int):
        raise InvalidArgument(f"invalid gateway priority: {priority!r}")
    address, address6 = (str(ipam.get(f"IPv{version}Address") or "") for version in (4, 6))
    links = links_of(entry.get("Links") or ())
    link_local = tuple(_link_local(text) for text in ipam.get("LinkLocalIPs") or ())
    interface, sysctls = _driver_options(entry.get("DriverOpts") or {})
    return Attachment(
        name, address, mac, tuple(entry.get("Aliases") or ()), priority, interface, sysctls, address6, links, link_local
    )


def links_of(texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """`name`, `name:alias`, or as inspect shows them: `/name:/own-name/alias`."""
    found = []
    for text in texts:
        name, separator, alias = text.partition(":")
        name, alias = name.strip("/"), alias.rpartition("/")[2]
        if not name or (separator and not alias) or ":" in alias:
            raise InvalidArgument(f"bad format for links: {text}")
        found.append((name, alias or name))
    return tuple(found)


def _link_local(text: str) -> str:
    """With the length that dockerd gives such an address."""
    found = ipaddress.ip_address(text)
    return f"{found}/{16 if found.version == 4 else 64}"


def _driver_options(options: Json) -> tuple[str, tuple[str, ...]]:
    """The interface's name and its sysctls; Docker's other options are refused by name, those of other drivers kept."""
    for name in options:
        if name.startswith("com.docker.network.") and name not in (_INTERFACE_NAME, endpoint_check.SYSCTLS):
            raise Unimplemented(f"endpoint option {name} (DriverOpts) is not supported")
    interface = str(options.get(_INTERFACE_NAME) or "")
    if interface and not _INTERFACE.fullmatch(interface):
        raise InvalidArgument(f"invalid interface name {interface!r} ({_INTERFACE_NAME})")
    return interface, endpoint_check.sysctls(options)


def _ports(host_config: Json, exposed: tuple[str, ...]) -> tuple[Wanted, ...]:
    found: list[Wanted] = []
    bindings: Json = host_config.get("PortBindings") or {}
    for text, entries in bindings.items():
        port, protocol = _port(text)
        for entry in entries or [{}]:
            first, last = _host_ports(entry.get("HostPort") or "")
            found.append(Wanted(port, protocol, _host_ip(entry.get("HostIp") or ""), first, last))
    if host_config.get("PublishAllPorts"):
        named = {(wanted.port, wanted.protocol) for wanted in found}
        found += [Wanted(*_port(text), "", 0, 0) for text in exposed if _port(text) not in named]
    return tuple(found)


def _port(text: str) -> tuple[int, str]:
    match = _PORT.fullmatch(text)
    if match is None or match[2] is not None or not 0 < int(match[1]) <= 65535:
        raise InvalidArgument(f"invalid port specification: {text!r}")
    protocol = (match[3] or "tcp").lower()
    if protocol not in PROTOCOLS:
        raise InvalidArgument(f"invalid port specification: {text!r}: unknown protocol")
    return int(match[1]), protocol


def _key(port: int, protocol: str) -> str:
    return f"{port}/{protocol}"


def _host_ports(text: str) -> tuple[int, int]:
    if not text:
        return 0, 0
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    if match is None:
        raise InvalidArgument(f'invalid port specification: "{text}"')
    first = int(match[1])
    last = int(match[2] or first)
    if last > 65535 or first > last:
        raise InvalidArgument(f'invalid port specification: "{text}"')
    return first, last


def _host_ip(text: str) -> str:
    if not text:
        return ""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise InvalidArgument(f"invalid IP address in port binding: {text}") from None
    if address.version == 6 and address.is_loopback:
        raise Unimplemented(f"publishing a port on the IPv6 loopback ({text}) is not supported: use 127.0.0.1")
    return str(address)


def _check_names(wishes: Wishes) -> None:
    for server in wishes.servers:
        try:
            ipaddress.ip_address(server)
        except ValueError:
            raise InvalidArgument(f"invalid DNS address: {server}") from None
    extra_hosts(wishes.extra_hosts, gateway="0.0.0.0")
