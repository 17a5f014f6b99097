"""Lists of manifests that are still to be pushed, where docker keeps them, so that either program goes on with them.

    <configuration>/manifests/<list's name>/<member's name>    {"Ref": …, "Descriptor": {…}, "OCIManifest": {…}}

In file names `/` is `_`, and `:` and `@` are `-`.
"""

import json
import os
import shutil
from collections.abc import Iterator
from typing import Any

from engine.cli import credentials
from engine.cli.errors import CommandFailed

Json = dict[str, Any]

_SCHEMAS = ("OCIManifest", "SchemaV2Manifest")


def full_name(reference: str) -> str:
    """With the registry and the tag that go without saying."""
    host, separator, rest = reference.partition("/")
    known = bool(separator) and ("." in host or ":" in host or host == "localhost")
    path = rest if known else reference
    domain = host if known else "docker.io"
    if domain in ("docker.io", "index.docker.io"):
        domain, path = "docker.io", path if "/" in path else f"library/{path}"
    tagged = "@" in path or ":" in path.rpartition("/")[2]
    return f"{domain}/{path}" if tagged else f"{domain}/{path}:latest"


def members(name: str) -> list[Json]:
    """Those of a list; empty where there is none of that name."""
    return list(_read(_folder(name)))


def member(name: str, reference: str) -> Json | None:
    """One of a list."""
    path = os.path.join(_folder(name), _file(reference))
    return next(_read_file(path), None)


def write(name: str, reference: str, document: Json) -> None:
    """Add a member, or replace it."""
    folder = _folder(name)
    os.makedirs(folder, mode=0o755, exist_ok=True)
    path = os.path.join(folder, _file(reference))
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False)
    os.replace(temporary, path)


def remove(name: str) -> bool:
    """Forget a list; False where there was none."""
    try:
        shutil.rmtree(_folder(name))
    except FileNotFoundError:
        return False
    return True


def schema_of(document: Json) -> Json:
    """The manifest itself, of whichever kind."""
    return next((document[key] for key in _SCHEMAS if document.get(key)), {})


def _folder(name: str) -> str:
    return os.path.join(credentials.folder(), "manifests", _file(name))


def _file(reference: str) -> str:
    return full_name(reference).replace("/", "_").replace(":", "-").replace("@", "-")


def _read(folder: str) -> Iterator[Json]:
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return
    for name in names:
        yield from _read_file(os.path.join(folder, name))


def _read_file(path: str) -> Iterator[Json]:
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except FileNotFoundError:
        return
    except ValueError as error:
        raise CommandFailed(f"{path} is not JSON: {error}") from error
    if isinstance(document, dict):
        yield document
