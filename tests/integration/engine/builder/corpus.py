"""Dockerfiles of every shape that the classic builder knows, and how a built image is looked at.

What is expected of them is in expected.json, captured from Debian's dockerd 20.10 by `capture.py`: file trees with
kinds, modes, owners, content and links; Config; history. Layer digests and times are not compared. A second corpus is
for BuildKit's clients, expected_buildkit.json from dockerd 28.
"""

import hashlib
import io
import json
import re
import subprocess
import tarfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Docker = Callable[..., subprocess.CompletedProcess[bytes]]

_OF_CONFIG = (
    *("Env", "Cmd", "Entrypoint", "User", "WorkingDir", "ExposedPorts", "Volumes", "Labels", "StopSignal"),
    *("Healthcheck", "Shell", "OnBuild"),
)
_NOT_THE_IMAGE = re.compile(r"^(dev|proc|sys)(/|$)|^\.dockerenv$|^etc/(hosts|hostname|resolv\.conf|mtab)$")


@dataclass(frozen=True)
class Case:
    """One Dockerfile with its context, as corpus.toml describes them."""

    name: str
    dockerfile: str
    files: dict[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    first: str = ""  # another Dockerfile, built before and tagged `base`
    fails: str = ""  # what the failure says

    def write(self, folder: Path) -> Path:
        """The context on disk."""
        folder.mkdir(parents=True)
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content.startswith("->"):
                path.symlink_to(content[2:])
            elif content.startswith("tar:"):
                path.write_bytes(archive(content[4:]))
            else:
                path.write_text(content)
                path.chmod(0o755 if content.startswith("#!") else 0o644)
        (folder / "Dockerfile").write_text(self.dockerfile)
        return folder


def archive(kind: str) -> bytes:
    """A small tar with owners and modes of its own, compressed or not; `caps`: with file capabilities."""
    buffer = io.BytesIO()
    if kind == "caps":
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name, value in (("program", _NET_BIND), ("other", _NET_BIND), ("user", "")):
                entry = tarfile.TarInfo(name)
                entry.mode = 0o755
                entry.pax_headers = {"SCHILY.xattr.security.capability": value} if value else {}
                tar.addfile(entry)
        return buffer.getvalue()
    with tarfile.open(fileobj=buffer, mode=f"w:{kind}") as tar:
        for name, mode, owner in (("in", 0o750, 7), ("in/file", 0o640, 8), ("top", 0o604, 9)):
            entry = tarfile.TarInfo(name)
            entry.mode, entry.uid, entry.gid = mode, owner, owner + 1
            if name == "in":
                entry.type = tarfile.DIRTYPE
            else:
                entry.size = 3
            tar.addfile(entry, io.BytesIO(b"abc") if entry.size else None)
    return buffer.getvalue()


def look(docker: Docker, image: str, *, plain: bool = False) -> dict[str, Any]:
    """What is compared of an image; a plain look leaves its history out, and the container that it is seen by."""
    document = json.loads(docker("inspect", image).stdout)[0]
    container = docker("create", "--network", "none", image, "x").stdout.decode().strip()
    try:
        tree = look_at_tree(docker("export", container).stdout)
    finally:
        if not plain:
            docker("rm", "-v", container)
    config = {key: document["Config"].get(key) or None for key in _OF_CONFIG}
    if config["Env"]:
        config["Env"] = sorted(config["Env"])
    if plain:
        return {"config": config, "tree": tree}
    steps = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image).stdout.decode().splitlines()
    # dockerd 20.10 forgets the space after --chown; later ones do not
    history = [re.sub(r"(--chown=\S*?)? ?(file|dir|multi):[0-9a-f]{64}", r"\1 \2:…", step.rstrip()) for step in steps]
    return {"config": config, "tree": tree, "history": history[: -len(_base_steps(steps)) or None]}


def _base_steps(steps: list[str]) -> list[str]:
    """The base image's own step."""
    return [step for step in steps if step.startswith(("layer", "<missing>"))] or steps[-1:]


def look_at_tree(data: bytes) -> dict[str, str]:
    """Path → kind, mode, owner, content or link, and extended attributes."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for entry in tar:
            path = entry.name.removeprefix("./").rstrip("/")
            if not path or _NOT_THE_IMAGE.search(path) or path.startswith(("bin/", "usr/bin/")):
                continue
            words = [entry.type.decode(), f"{entry.mode & 0o7777:o}", f"{entry.uid}:{entry.gid}"]
            if entry.isreg():
                content = tar.extractfile(entry)
                assert content is not None
                words.append(hashlib.sha256(content.read()).hexdigest()[:16])
            elif entry.issym() or entry.islnk():
                words = [words[0], entry.linkname]
            words += sorted(f"{key}={value!r}" for key, value in entry.pax_headers.items() if "xattr" in key)
            found[path] = " ".join(words)
    return dict(sorted(found.items()))


# cap_net_bind_service=ep, as the kernel stores it
_NET_BIND = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

_COMMON = {
    "a.txt": "a\n",
    "b.txt": "b\n",
    "run.sh": "#!/bin/sh\necho run\n",
    "dir/x": "x\n",
    "dir/sub/y": "y\n",
    "dir/link": "->x",
}


def cases(name: str) -> list[Case]:
    """A corpus, by the name of its file."""
    document = tomllib.loads(Path(__file__).with_name(name).read_text())
    return [
        Case(
            name=entry["name"],
            dockerfile=entry["dockerfile"],
            files={**(_COMMON if entry.get("tree") else {}), **entry.get("files", {})},
            flags=tuple(entry.get("flags", ())),
            first=entry.get("first", ""),
            fails=entry.get("fails", ""),
        )
        for entry in document["case"]
    ]


CASES = cases("corpus.toml")
BUILDKIT_CASES = cases("corpus_buildkit.toml")
