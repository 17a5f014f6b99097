"""Credentials where docker keeps them: its `config.json`, or a helper program that the file names for a registry.

A helper is `docker-credential-NAME VERB`: `get` and `erase` read the registry from stdin, `store` reads JSON, `get`
writes it: https://github.com/docker/docker-credential-helpers. `credHelpers` names one for a single registry,
`credsStore` for all others. A user name of `<token>` says that the secret is an identity token.
"""

import base64
import json
import os
from typing import Any

from engine.cli.errors import CommandFailed

DOCKER_HUB = "https://index.docker.io/v1/"
_TOKEN = "<token>"  # noqa: S105  (the protocol's word for it, and no secret)
_NOT_THERE = "credentials not found in native keychain"
_SECONDS = 60


def folder() -> str:
    """docker's own, so that both programs share logins and contexts."""
    return os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")


def config_path() -> str:
    """The client's configuration."""
    return os.path.join(folder(), "config.json")


def read_config() -> dict[str, Any]:
    """The client's configuration; empty where there is none."""
    try:
        with open(config_path(), encoding="utf-8") as file:
            config = json.load(file)
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise CommandFailed(f"{config_path()} is not JSON: {error}") from error
    return config if isinstance(config, dict) else {}


def write_config(config: dict[str, Any]) -> None:
    """All of it, or nothing."""
    import tempfile

    os.makedirs(folder(), mode=0o700, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=folder())  # made 0600
    with os.fdopen(descriptor, "w") as file:
        json.dump(config, file, indent="\t")
    os.replace(temporary, config_path())


def stored(registry: str) -> dict[str, str]:
    """Username, password (or token) and server address for a registry; empty where nothing is stored."""
    config = read_config()
    helper = _helper(config, registry)
    if helper:
        return _from_helper(helper, registry)
    entry = (config.get("auths") or {}).get(registry)
    if not entry:
        return {}
    if entry.get("identitytoken"):
        return {"identitytoken": entry["identitytoken"], "serveraddress": registry}
    username, _, password = base64.b64decode(entry.get("auth", "")).decode().partition(":")
    return {"username": username, "password": password, "serveraddress": registry} if username else {}


def registries() -> list[str]:
    """Those that something is stored for."""
    config = read_config()
    found = [*(config.get("auths") or {}), *(config.get("credHelpers") or {})]
    if config.get("credsStore"):
        found += _json(_ask(config["credsStore"], "list", ""))
    return list(dict.fromkeys(found))


def store(registry: str, username: str, password: str, token: str = "") -> None:
    """Keep them, in the file or with the helper: then the file only says that there are some."""
    config = read_config()
    helper = _helper(config, registry)
    entry: dict[str, str] = {}
    if helper:
        secret = {"Username": _TOKEN if token else username, "Secret": token or password}
        _ask(helper, "store", json.dumps({"ServerURL": registry, **secret}))
    elif token:
        entry = {"auth": "", "identitytoken": token}
    else:
        entry = {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}
    config.setdefault("auths", {})[registry] = entry
    write_config(config)


def forget(registry: str) -> bool:
    """Take them away; False where there were none."""
    config = read_config()
    helper = _helper(config, registry)
    known = (config.get("auths") or {}).pop(registry, None) is not None
    if helper and _from_helper(helper, registry):
        known = True
        _ask(helper, "erase", registry)
    if known:
        write_config(config)
    return known


def _helper(config: dict[str, Any], registry: str) -> str:
    return str((config.get("credHelpers") or {}).get(registry) or config.get("credsStore") or "")


def _from_helper(helper: str, registry: str) -> dict[str, str]:
    answer = _json(_ask(helper, "get", registry, absent_ok=True) or "{}")
    if not answer.get("Secret"):
        return {}
    if answer.get("Username") == _TOKEN:
        return {"identitytoken": answer["Secret"], "serveraddress": registry}
    return {"username": answer.get("Username") or "", "password": answer["Secret"], "serveraddress": registry}


def _ask(helper: str, verb: str, text: str, *, absent_ok: bool = False) -> str:
    """Run the helper; what it says when it fails is on its stdout."""
    import subprocess  # 13 ms that only those with a helper need

    program = f"docker-credential-{helper}"
    try:
        done = subprocess.run(
            [program, verb], input=text, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandFailed(f"error getting credentials - {program} {verb}: {error}") from None
    if done.returncode == 0:
        return done.stdout
    if absent_ok and _NOT_THERE in done.stdout:
        return ""
    words = done.stdout.strip() or done.stderr.strip() or f"exit status {done.returncode}"
    raise CommandFailed(f"error getting credentials - {program} {verb}: {words}")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise CommandFailed("error getting credentials - the helper's answer is not JSON") from None
