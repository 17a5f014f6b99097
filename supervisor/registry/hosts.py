"""Where a registry's name leads: hosts.toml of containerd, mirrors first, and what is true without any.

    <hosts dir>/<host[:port]>/hosts.toml       also <host>_<port>_ and <host>:<port>; `_default` for every other host

    server = "https://registry-1.docker.io"
    [host."https://mirror.example"]
      capabilities = ["pull", "resolve"]       # also push and referrers; all by default
      ca = "/path/ca.crt"                      # or a list
      client = [["/path/cert.pem", "/path/key.pem"]]
      skip_verify = false
      override_path = false
      [host."https://mirror.example".header]
        x-token = ["…"]

Plain http is used for loopback hosts with a port of their own, and where somebody said so. A key that we do not know
is refused.
"""

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from proto.errdefs import InvalidArgument
from supervisor.registry.auth import is_loopback

PULL, RESOLVE, PUSH, REFERRERS = "pull", "resolve", "push", "referrers"
ALL = frozenset((PULL, RESOLVE, PUSH, REFERRERS))

_KNOWN_KEYS = frozenset(
    ("capabilities", "ca", "client", "skip_verify", "header", "override_path", "dial_timeout", "server", "host")
)


@dataclass(frozen=True, slots=True)
class RegistryHost:
    """One place to ask; `may_be_http` says that it may turn out to speak plain http where https was tried."""

    scheme: str
    host: str
    path: str = "/v2"
    capabilities: frozenset[str] = ALL
    headers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    ca_files: tuple[str, ...] = ()
    client_pairs: tuple[tuple[str, str], ...] = ()
    skip_verify: bool = False
    dial_timeout: float = 30.0
    is_mirror: bool = False
    may_be_http: bool = False

    @property
    def base(self) -> str:
        """The URL in front of `/<repository>/manifests/…`."""
        return f"{self.scheme}://{self.host}{self.path}"


def hosts_for(name: str, folder: str = "", default_scheme: str = "") -> list[RegistryHost]:
    """The hosts to try for a registry's name, in order."""
    path = find_folder(folder, name) if folder else None
    if path is None:
        return [default_host(name, default_scheme)]
    file = os.path.join(path, "hosts.toml")
    try:
        with open(file, "rb") as opened:
            document = tomllib.load(opened)
    except FileNotFoundError:
        return [_with_certificates(default_host(name, default_scheme), path)]
    except tomllib.TOMLDecodeError as error:
        raise InvalidArgument(f"failed to parse {file}: {error}: invalid argument") from error
    return parse_hosts(document, name, file, default_scheme)


def find_folder(root: str, name: str) -> str | None:
    """The folder that a host has in a hosts dir, by any of containerd's spellings."""
    host, colon, port = name.rpartition(":")
    spellings: list[str] = []
    if colon and port.isdecimal():
        spellings += [f"{host}_{port}_", name, host]
    else:
        spellings.append(name)
    for spelling in (*spellings, "_default"):
        if "/" in spelling or spelling in ("", ".", ".."):
            continue
        path = os.path.join(root, spelling)
        if os.path.isdir(path):
            return path
    return None


def default_host(name: str, default_scheme: str = "") -> RegistryHost:
    """A registry without any configuration."""
    if name == "docker.io":
        return RegistryHost("https", "registry-1.docker.io")
    if default_scheme:
        return RegistryHost(default_scheme, name, skip_verify=is_loopback(name))
    if is_loopback(name):
        ambiguous = urlsplit(f"//{name}").port not in (None, 80, 443)
        if urlsplit(f"//{name}").port == 80:
            return RegistryHost("http", name)
        return RegistryHost("https", name, skip_verify=True, may_be_http=ambiguous)
    return RegistryHost("https", name)


def parse_hosts(document: Mapping[str, Any], name: str, file: str, default_scheme: str = "") -> list[RegistryHost]:
    """The hosts of one hosts.toml: each mirror as it stands there, then the server."""
    _refuse_unknown(document, file)
    hosts = []
    entries = document.get("host", {})
    if not isinstance(entries, dict):
        raise InvalidArgument(f"{file}: host must be a table: invalid argument")
    for url, entry in entries.items():
        if not isinstance(entry, dict):
            raise InvalidArgument(f"{file}: host {url!r} must be a table: invalid argument")
        _refuse_unknown(entry, f"{file}: host {url!r}")
        hosts.append(_host(url, entry, file, mirror=True))
    server = document.get("server")
    if isinstance(server, str) and server:
        hosts.append(
            _host(server, {key: value for key, value in document.items() if key not in ("host", "server")}, file)
        )
    else:
        hosts.append(default_host(name, default_scheme))
    return hosts


def _refuse_unknown(table: Mapping[str, Any], where: str) -> None:
    for key in table:
        if key not in _KNOWN_KEYS:
            raise InvalidArgument(f"{where}: unknown key {key!r}: invalid argument")


def _host(url: str, entry: Mapping[str, Any], file: str, *, mirror: bool = False) -> RegistryHost:
    parts = urlsplit(url if "://" in url else f"https://{url}")
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        raise InvalidArgument(f"{file}: {url!r} is not a registry's URL: invalid argument")
    path = parts.path.rstrip("/")
    if not entry.get("override_path", False) and not path.endswith("/v2"):
        path += "/v2"
    folder = os.path.dirname(file)
    return RegistryHost(
        scheme=parts.scheme,
        host=parts.netloc,
        path=path,
        capabilities=_capabilities(entry.get("capabilities"), file),
        headers=_headers(entry.get("header", {}), file),
        ca_files=tuple(os.path.join(folder, one) for one in _strings(entry.get("ca"), file, "ca")),
        client_pairs=_pairs(entry.get("client"), folder, file),
        skip_verify=bool(entry.get("skip_verify", False)),
        dial_timeout=_seconds(entry.get("dial_timeout"), file),
        is_mirror=mirror,
    )


def _capabilities(value: object, file: str) -> frozenset[str]:
    if value is None:
        return ALL
    found = frozenset(_strings(value, file, "capabilities"))
    unknown = found - ALL
    if unknown:
        raise InvalidArgument(f"{file}: unknown capability {min(unknown)}: invalid argument")
    return found


def _headers(value: object, file: str) -> dict[str, list[str]]:
    if not isinstance(value, dict):
        raise InvalidArgument(f"{file}: header must be a table: invalid argument")
    return {key: _strings(text, file, f"header {key}") for key, text in value.items()}


def _strings(value: object, file: str, key: str) -> list[str]:
    if value is None:
        return []
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise InvalidArgument(f"{file}: {key} must be a string or a list of strings: invalid argument")
    return items


def _pairs(value: object, folder: str, file: str) -> tuple[tuple[str, str], ...]:
    """`client`: one file with both, several such files, or pairs of certificate and key."""
    items = [value] if isinstance(value, str) else value or []
    if not isinstance(items, list):
        raise InvalidArgument(f"{file}: client must be a string or a list: invalid argument")
    pairs = []
    for item in items:
        files = _strings(item, file, "client")
        if len(files) not in (1, 2):
            raise InvalidArgument(f"{file}: client takes a certificate and a key: invalid argument")
        pairs.append((os.path.join(folder, files[0]), os.path.join(folder, files[1]) if files[1:] and files[1] else ""))
    return tuple(pairs)


def _seconds(value: object, file: str) -> float:
    if value is None:
        return 30.0
    if isinstance(value, str):
        for suffix, factor in (("ms", 0.001), ("s", 1.0), ("m", 60.0)):
            number = value.removesuffix(suffix)
            if number != value and number.replace(".", "", 1).isdigit():
                return float(number) * factor
    raise InvalidArgument(f'{file}: dial_timeout must be like "3s": invalid argument')


def _with_certificates(host: RegistryHost, folder: str) -> RegistryHost:
    """Docker's layout without hosts.toml: `*.crt` are authorities, `*.cert` with `*.key` our own."""
    names = sorted(os.listdir(folder))
    authorities = tuple(os.path.join(folder, name) for name in names if name.endswith(".crt"))
    pairs = tuple(
        (os.path.join(folder, name), os.path.join(folder, name[:-5] + ".key"))
        for name in names
        if name.endswith(".cert")
    )
    return RegistryHost(
        "https" if authorities or pairs else host.scheme,
        host.host,
        host.path,
        ca_files=authorities,
        client_pairs=pairs,
        skip_verify=host.skip_verify and not authorities,
    )
