"""Requests that a web page made a browser send: on a TCP address without TLS nothing else is between a page and root.

Two ways lead there. A page of one site sends a form or a `fetch` to `http://127.0.0.1:2375` (CSRF): a browser adds
`Origin`, which is not the address that it asks. Or a site's name is made to lead to 127.0.0.1 after the page was loaded
(DNS rebinding): then origin and address agree, and are a name that this host has never had. Clients that are no
browsers send neither; a unix socket no page can reach, and a certificate's name no page can borrow.
"""

import ipaddress
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from proto.errdefs import PermissionDenied


def refuse(headers: Mapping[str, str]) -> None:
    """Raise for what a page may have sent to a plain TCP address."""
    origin, host = headers.get("Origin"), headers.get("Host", "")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        raise PermissionDenied(f"a web page of {origin} may not use this engine")
    by_browser = (
        origin is not None or "Sec-Fetch-Site" in headers or headers.get("User-Agent", "").startswith("Mozilla/")
    )
    if by_browser and not _is_ours(host):
        raise PermissionDenied(f"{host} is no name of this engine's host")


def _is_ours(host: str) -> bool:
    """An address, or a name that whoever looks for this host may well have used."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        own = socket.gethostname().lower()
        return name in ("localhost", own, own.partition(".")[0])
    return True


def is_plain_tcp(address: object) -> bool:
    """Of a connection's own end: a unix socket's is a text, and TLS comes by one."""
    return isinstance(address, tuple)
