"""`-p` and `--expose`: ports, ranges and host addresses."""

from collections.abc import Iterable
from typing import Any

from engine.cli.errors import CommandFailed

Bindings = dict[str, list[dict[str, str]]]


def exposed(texts: Iterable[str]) -> dict[str, Any]:
    """ExposedPorts for `80`, `80/udp`, `8000-8010`."""
    ports: dict[str, Any] = {}
    for text in texts:
        span, protocol = _protocol(text, text)
        ports.update({f"{port}/{protocol}": {} for port in _range(span, text)})
    return ports


def published(texts: Iterable[str]) -> tuple[dict[str, Any], Bindings]:
    """ExposedPorts and PortBindings for `[[ip:]host:]container[/protocol]`, each with ranges."""
    ports: dict[str, Any] = {}
    bindings: Bindings = {}
    for text in texts:
        address, host, span, protocol = _split(text)
        inside = _range(span, text)
        outside = _host_ports(host, inside, text)
        for port, host_port in zip(inside, outside, strict=True):
            name = f"{port}/{protocol}"
            ports[name] = {}
            bindings.setdefault(name, []).append({"HostIp": address, "HostPort": host_port})
    return ports, bindings


def _split(text: str) -> tuple[str, str, str, str]:
    if "=" in text:
        return _split_long(text)
    rest, protocol = _protocol(text, text)
    address = ""
    if rest.startswith("["):
        address, _, rest = rest[1:].partition("]:")
    elif rest.count(":") >= 2:
        address, _, rest = rest.partition(":")
    host, separator, span = rest.rpartition(":")
    return address, host if separator else "", span, protocol


def _split_long(text: str) -> tuple[str, str, str, str]:
    fields = dict(part.partition("=")[::2] for part in text.split(","))
    unknown = set(fields) - {"target", "published", "protocol", "mode"}
    if unknown or "target" not in fields:
        raise CommandFailed(f"invalid publish opts format (expected target=…, published=…): {text}", 125)
    return "", fields.get("published", ""), fields["target"], fields.get("protocol", "tcp")


def _protocol(text: str, whole: str) -> tuple[str, str]:
    rest, _, protocol = text.partition("/")
    protocol = protocol.lower() or "tcp"
    if protocol not in ("tcp", "udp", "sctp"):
        raise CommandFailed(f"invalid proto: {protocol} in {whole}", 125)
    return rest, protocol


def _range(span: str, whole: str) -> list[int]:
    first, _, last = span.partition("-")
    try:
        start, end = int(first), int(last or first)
    except ValueError as error:
        raise CommandFailed(f"invalid containerPort: {whole}", 125) from error
    if not 0 < start <= end <= 65535:
        raise CommandFailed(f"invalid port range: {whole}", 125)
    return list(range(start, end + 1))


def _host_ports(host: str, inside: list[int], whole: str) -> list[str]:
    if not host:
        return [""] * len(inside)
    if "-" in host and len(inside) == 1:
        _range(host, whole)
        return [host]  # the daemon picks one out of the range
    outside = _range(host, whole) if host != "0" else [0] * len(inside)
    if len(outside) != len(inside):
        raise CommandFailed(f"invalid ranges specified for container and host Ports: {whole}", 125)
    return [str(port) for port in outside]
