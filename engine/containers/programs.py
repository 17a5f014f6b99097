"""What the programs below the engine say of themselves: the runtimes' versions and features, and the init's version.

Each is run once for as long as its file stays the same. A program that is missing, fails or says something else is
passed over: what `docker info` tells of it is then left out, and nothing else depends on it.
"""

import asyncio
import functools
import json
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from engine import jsontext
from engine.containers.runtimes import Runtime, Runtimes

logger = logging.getLogger(__name__)

FEATURES = "org.opencontainers.runtime-spec.features"
OUR_RUNTIME = "lowrt"
_PATIENCE = 10.0  # seconds
_TINI = re.compile(r"tini version (\S+)(?: - git\.(\w+))?")


@dataclass(frozen=True, slots=True)
class Program:
    """A name, a version, and where it tells the commit that it was made of."""

    name: str
    version: str
    commit: str = ""

    @property
    def id(self) -> str:
        """What stands for a commit; a version that has none says more than nothing."""
        return self.commit or self.version


@dataclass(frozen=True, slots=True)
class Below:
    """Everything that is below."""

    runtime: Program | None = None
    init: Program | None = None
    supervisor: Program | None = None
    features: dict[str, str] = field(default_factory=dict)  # of the runtimes, by Docker's name


async def look(runtimes: Runtimes, init_path: str, supervisor: Program | None) -> Below:
    """Ask all of them at once."""
    names = runtimes.names
    asked = (asyncio.to_thread(_features, program(runtimes.find(name))) for name in names)
    runtime, init, features = await asyncio.gather(
        asyncio.to_thread(_runtime, program(runtimes.find(runtimes.default))),
        asyncio.to_thread(_init, init_path),
        asyncio.gather(*asked),
    )
    found = {name: text for name, text in zip(names, features, strict=True) if text}
    return Below(runtime, init, supervisor, found)


def program(runtime: Runtime) -> str:
    """The path of the program that a runtime runs; empty where nobody knows it."""
    if runtime.binary:
        return runtime.binary
    if not runtime.ours:
        return (shutil.which("runc") or "") if runtime.shim.startswith("io.containerd.runc.") else ""
    beside = os.path.join(os.path.dirname(sys.executable), OUR_RUNTIME)
    return beside if os.path.exists(beside) else shutil.which(OUR_RUNTIME) or ""


def read_version(text: str) -> Program | None:
    """Read `NAME version VERSION` and `commit: COMMIT`, as OCI runtimes print them."""
    lines = text.strip().splitlines()
    first = re.fullmatch(r"(\S+) version (\S+)", lines[0].strip()) if lines else None
    if first is None:
        return None
    commits = [line.partition(":")[2].strip() for line in lines[1:] if line.startswith("commit:")]
    return Program(first[1], first[2], commits[0] if commits else "")


def read_init(text: str, name: str) -> Program | None:
    """Read `tini version VERSION - git.COMMIT`."""
    found = _TINI.match(text.strip())
    return Program(name, found[1], found[2] or "") if found else None


def _runtime(path: str) -> Program | None:
    return read_version(_said(path, "--version"))


def _init(path: str) -> Program | None:
    return read_init(_said(path, "--version"), os.path.basename(path))


def _features(path: str) -> str:
    """The JSON object on one line; empty where there is none."""
    text = _said(path, "features")
    try:
        document = jsontext.loads(text) if text else None
    except ValueError:
        return ""
    return json.dumps(document, separators=(",", ":")) if isinstance(document, dict) else ""


def _said(path: str, *arguments: str) -> str:
    if not path:
        return ""
    try:
        status = os.stat(path)
    except OSError:
        return ""
    return _ask((path, *arguments), (status.st_ino, status.st_mtime_ns))


@functools.lru_cache(maxsize=64)
def _ask(command: Sequence[str], file: tuple[int, int]) -> str:
    """What the program prints; `file` is only there to ask again once another is in its place."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE, check=True)
        return done.stdout.decode()
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError) as error:
        logger.debug("%s: %s", " ".join(command), error)
        return ""
