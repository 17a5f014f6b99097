"""Contexts: engines by name, kept where docker keeps them, so that both programs know the same ones.

    ~/.docker/contexts/meta/<sha256 of the name>/meta.json
        {"Name": "far", "Metadata": {"Description": "…"}, "Endpoints": {"docker": {"Host": "ssh://far", …}}}
    ~/.docker/contexts/tls/<sha256 of the name>/docker/{ca,cert,key}.pem

`default` is no file: it is what flags and environment say. A name is never a path.
"""

import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass, field
from typing import Any

from engine.cli import credentials
from engine.cli.address import DEFAULT_CONTEXT
from engine.cli.errors import CommandFailed

TLS_FILES = {"ca": "ca.pem", "cert": "cert.pem", "key": "key.pem"}
_NAME = re.compile(r"^[a-zA-Z0-9][a-zA-Z0-9_.+-]+\Z")


@dataclass(slots=True)
class Context:
    """One engine by its name; `tls` maps ca, cert and key to the files' contents."""

    name: str
    host: str
    description: str = ""
    skip_verify: bool = False
    tls: dict[str, bytes] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """meta.json."""
        metadata = {"Description": self.description} if self.description else {}
        endpoint = {"Host": self.host, "SkipTLSVerify": self.skip_verify}
        return {"Name": self.name, "Metadata": metadata, "Endpoints": {"docker": endpoint}}


def check_name(name: str) -> str:
    """As docker has it."""
    if name == DEFAULT_CONTEXT:
        raise CommandFailed('"default" is a reserved context name')
    if not _NAME.match(name):
        raise CommandFailed(
            f'context name "{name}" is invalid, names are validated against regexp "^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$"'
        )
    return name


def meta_folder(name: str) -> str:
    """Where a context's description is."""
    return f"{credentials.folder()}/contexts/meta/{_digest(name)}"


def tls_folder(name: str) -> str:
    """Where its certificates are."""
    return f"{credentials.folder()}/contexts/tls/{_digest(name)}"


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def exists(name: str) -> bool:
    """Is there one of that name."""
    return os.path.exists(f"{meta_folder(name)}/meta.json")


def load(name: str) -> Context:
    """By name; CommandFailed in docker's words."""
    try:
        with open(f"{meta_folder(name)}/meta.json", encoding="utf-8") as file:
            context = from_json(json.load(file))
    except FileNotFoundError:
        where = f"open {meta_folder(name)}/meta.json: no such file or directory"
        raise CommandFailed(f'context "{name}": context not found: {where}') from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CommandFailed(f'context "{name}": {meta_folder(name)}/meta.json: {error}') from None
    for kind, file_name in TLS_FILES.items():
        path = f"{tls_folder(name)}/docker/{file_name}"
        if os.path.exists(path):
            with open(path, "rb") as content:
                context.tls[kind] = content.read()
    return context


def from_json(document: dict[str, Any]) -> Context:
    """meta.json → a context without its certificates."""
    endpoint = (document.get("Endpoints") or {}).get("docker") or {}
    return Context(
        document["Name"],
        endpoint.get("Host") or "",
        (document.get("Metadata") or {}).get("Description") or "",
        bool(endpoint.get("SkipTLSVerify")),
    )


def save(context: Context) -> None:
    """Write it, certificates first: a context that is there is whole."""
    shutil.rmtree(tls_folder(context.name), ignore_errors=True)
    for kind, content in context.tls.items():
        _write(f"{tls_folder(context.name)}/docker", TLS_FILES[kind], content)
    _write(meta_folder(context.name), "meta.json", json.dumps(context.to_json()).encode())


def _write(folder: str, name: str, content: bytes) -> None:
    os.makedirs(folder, mode=0o700, exist_ok=True)
    temporary = f"{folder}/.{name}"
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    os.replace(temporary, f"{folder}/{name}")


def remove(name: str) -> None:
    """Take it away, and forget that it was in use."""
    shutil.rmtree(meta_folder(name), ignore_errors=True)
    shutil.rmtree(tls_folder(name), ignore_errors=True)
    config = credentials.read_config()
    if config.get("currentContext") == name:
        del config["currentContext"]
        credentials.write_config(config)


def names() -> list[str]:
    """All that are kept, sorted."""
    found = []
    root = f"{credentials.folder()}/contexts/meta"
    for entry in os.listdir(root) if os.path.isdir(root) else ():
        try:
            with open(f"{root}/{entry}/meta.json", encoding="utf-8") as file:
                found.append(str(json.load(file)["Name"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # of a program that is just writing it, or none of ours
    return sorted(found)


def use(name: str) -> None:
    """From now on, where nothing else is said."""
    config = credentials.read_config()
    if name == DEFAULT_CONTEXT:
        config.pop("currentContext", None)
    else:
        config["currentContext"] = load(name).name
    credentials.write_config(config)
