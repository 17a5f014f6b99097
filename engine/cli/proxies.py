"""Proxies of the client's configuration, for containers and builds: `proxies` of `config.json`, as docker reads it.

    {"proxies": {"default": {"httpProxy": "http://proxy:3128", "noProxy": "localhost"}, "tcp://far:2376": {…}}}

The entry of the engine's address is used, else `default`. Each proxy becomes two variables, in capitals and in small
letters; one that the command line gives, in either spelling, is left as it is.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from engine.cli import credentials
from engine.cli.errors import CommandFailed

_NAMES = {
    "httpProxy": "HTTP_PROXY",
    "httpsProxy": "HTTPS_PROXY",
    "noProxy": "NO_PROXY",
    "ftpProxy": "FTP_PROXY",
    "allProxy": "ALL_PROXY",
}


def words(address: str, given: Sequence[str]) -> list[str]:
    """`NAME=VALUE` for what the words on the command line do not give."""
    names = {word.partition("=")[0] for word in given}
    return [f"{name}={value}" for name, value in variables(credentials.read_config(), address, names).items()]


def variables(config: Mapping[str, Any], address: str, given: Collection[str]) -> dict[str, str]:
    """Name → value, without those that are given."""
    known = config.get("proxies") or {}
    if not isinstance(known, dict):
        raise CommandFailed("proxies in config.json is no object")
    entry = known.get(address) or known.get("default") or {}
    if not isinstance(entry, dict):
        raise CommandFailed("an entry of proxies in config.json is no object")
    found: dict[str, str] = {}
    for key, name in _NAMES.items():
        value = entry.get(key)
        if value:
            found |= {spelling: str(value) for spelling in (name, name.lower()) if spelling not in given}
    return found
