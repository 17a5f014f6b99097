"""Engines and builds for the builder's tests."""

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine_process import ROOT, Engine

WHERRY = [sys.executable, "-c", "from engine.cli.main import main; main()"]


class Builds:
    """Builds by our own command line, which can do more than the classic docker CLI; and what they leave."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def build(
        self, folder: Path, dockerfile: str, *flags: str, check: bool = True, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """A folder with this Dockerfile."""
        folder.mkdir(exist_ok=True)
        (folder / "Dockerfile").write_text(dockerfile)
        return self.wherry("build", "--network", "none", *flags, str(folder), check=check, env=env)

    def wherry(
        self, *words: str, check: bool = True, env: dict[str, str] | None = None, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[str]:
        """Our own command line."""
        done = subprocess.run(
            [*WHERRY, "-H", self.engine.host, *words],
            capture_output=True,
            timeout=120,
            check=False,
            cwd=ROOT,
            input=stdin,
            env={**os.environ, **(env or {})},
        )
        told = subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())
        assert not check or told.returncode == 0, f"{told.stdout}{told.stderr}\n{self.engine.tail()}"
        return told

    def run(self, image: str, script: str) -> str:
        """What a shell says in a container of the image."""
        return self.engine.out("run", "--rm", "--network", "none", image, "sh", "-c", script)

    def engine_http(self) -> http.client.HTTPConnection:
        """A plain connection to the engine, for what no command line asks."""
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(self.engine.socket))
        return connection

    def leftovers(self) -> list[str]:
        """What a build must not leave."""
        folder = self.engine.folder
        builder, tmp = folder / "exec/builder", folder / "data/builder/tmp"
        names = [*(os.listdir(builder) if builder.exists() else []), *os.listdir(tmp)]
        names += self.engine.out("ps", "-aq").split()
        return names + [point for point in self.engine.mounts() if "/builder/" in point]


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builds]:
    """One engine for all tests of a file."""
    with Engine(tmp_path_factory.mktemp("builds") / "e") as engine:
        yield Builds(engine)
