"""Builds. Under the stock docker CLI of each engine: the classic endpoint, BuildKit where there is one, and ours by our
own client too, which sends of a context only what has changed. And by a raw client, which costs next to nothing itself:
the classic endpoint's own share.
"""

import http.client
import os
import socket
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.measure import in_turn, print_table
from tests.bench.stacks import BIN, DOCKER, Engine, engines
from tests.daemons import peers_programs

_STEPS = "FROM busybox\n" + "".join(f"RUN echo {number} > /{number}\n" for number in range(10))
_STAGES = "".join(f"FROM busybox AS s{n}\nRUN sleep 1; echo {n} > /f\n" for n in range(4))
_STAGES += "FROM busybox\n" + "".join(f"COPY --from=s{n} /f /f{n}\n" for n in range(4))


# Title, context, the client's words, and how many times as often as others.
_ROWS: tuple[tuple[str, str, tuple[str, ...], int], ...] = (
    ("ten steps, all cached", "steps", (), 3),
    ("ten steps, cold", "steps", ("--no-cache",), 1),
    ("four stages that sleep 1 s, cold", "stages", ("--no-cache",), 1),
    ("COPY of 10,000 files, cold", "many", ("--no-cache",), 1),
    ("COPY of 500 MB, cold", "large", ("--no-cache",), 1),
    ("10,000 files, cached", "many", (), 1),
    ("500 MB, cached", "large", (), 1),
)


@dataclass(frozen=True)
class Builder:
    """An engine, and how its client is told to build."""

    name: str
    engine: Engine
    program: str
    environment: dict[str, str]
    flags: tuple[str, ...] = ()

    def build(self, context: Path, *words: str) -> None:
        """One build; nothing of the network is in it."""
        self._run("build", "--network", "none", *words, "-q", "-t", f"bench-{context.name}", str(context))

    def start(self) -> None:
        """The client alone: it says its version, and asks no engine."""
        self._run("version" if self.flags else "--version")

    def _run(self, *words: str) -> None:
        done = subprocess.run(
            [self.program, "-H", f"unix://{self.engine.address}", *self.flags, *words],
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "DOCKER_CONFIG": str(self.engine.address.parent), **self.environment},
        )
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: {done.stderr}")


def run(folder: Path, rounds: int) -> None:
    """Time and print; builds are slow, so a tenth of the rounds that others have, at least two."""
    rounds = max(2, rounds // 10)
    contexts = _contexts(folder / "contexts")
    with engines(folder) as found:
        builders = [builder for engine in found for builder in _builders(engine)]
        for builder in builders:
            builder.build(contexts["steps"])
            print(f"builds: {builder.name} is ready", flush=True)
        rows = {"the client's start alone": in_turn({one.name: one.start for one in builders}, rounds * 3)}
        for title, name, words, factor in _ROWS:
            rows[title] = in_turn({one.name: _job(one, contexts[name], *words) for one in builders}, rounds * factor)
            print(f"builds: {title}: done", flush=True)
        raw = {}
        archives = {name: _archived(contexts[name]) for name in ("steps", "many", "large")}
        for title, name, words, factor in _ROWS:
            if name in archives and (name, words) != (
                "many",
                ("--no-cache",),
            ):  # minutes, and the clients cost little there
                jobs = {one.name: _call(one, archives[name], cold=bool(words)) for one in found}
                raw[title] = in_turn(jobs, rounds * factor)
                print(f"builds: {title}, by a raw client: done", flush=True)
    print_table("Builds, under each engine's client", rows, ours="wherry")
    print_table("Builds, POST /build by a raw client", raw, ours="wherry")


def _builders(engine: Engine) -> list[Builder]:
    buildx = _buildx(engine)
    if engine.name == "wherry":
        ours = [
            Builder(engine.name, engine, DOCKER, {"DOCKER_BUILDKIT": "0"}),
            Builder("wherry build", engine, f"{BIN}/wherry", {}),
        ]
        return [*ours, *buildx] if _speaks_buildkit(engine) else ours
    if engine.name == "dockerd 20.10":
        return [
            Builder(f"{engine.name} classic", engine, DOCKER, {"DOCKER_BUILDKIT": "0"}),
            Builder(f"{engine.name} BuildKit", engine, DOCKER, {"DOCKER_BUILDKIT": "1"}),
        ]
    return buildx


def _buildx(engine: Engine) -> list[Builder]:
    """Today's docker CLI with its default builder, where it is set up."""
    native = peers_programs()
    plugin = Path(native).parent / "docker/cli-plugins/docker-buildx" if native else None
    if plugin is None or not plugin.exists():
        return []
    place = engine.address.parent / "cli-plugins"
    place.mkdir(exist_ok=True)
    (place / "docker-buildx").symlink_to(plugin)
    return [Builder(f"{engine.name} buildx", engine, f"{native}/docker", {}, ("buildx",))]


def _speaks_buildkit(engine: Engine) -> bool:
    connection = _connected(engine)
    try:
        connection.request("POST", "/grpc", headers={"Connection": "Upgrade", "Upgrade": "h2c"})
        return connection.getresponse().status == http.HTTPStatus.SWITCHING_PROTOCOLS
    finally:
        connection.close()


def _connected(engine: Engine) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("localhost", timeout=300)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(engine.address))
    return connection


def _archived(context: Path) -> Path:
    path = context.with_suffix(".tar")
    with tarfile.open(path, "w") as tar:
        tar.add(context, ".")
    return path


def _call(engine: Engine, archive: Path, *, cold: bool) -> Callable[[], None]:
    """One build by some lines of HTTP; the kernel sends the context."""

    def build() -> None:
        connection = _connected(engine)
        try:
            words = f"t=bench-raw&networkmode=none&q=1{'&nocache=1' if cold else ''}"
            connection.putrequest("POST", f"/v1.41/build?{words}")
            connection.putheader("Content-Type", "application/x-tar")
            connection.putheader("Content-Length", str(archive.stat().st_size))
            connection.endheaders()
            with archive.open("rb") as file:
                connection.sock.sendfile(file)
            answer = connection.getresponse().read()
        finally:
            connection.close()
        if b'"errorDetail"' in answer or b"sha256:" not in answer:
            raise RuntimeError(f"{engine.name}: {answer.decode()[-1000:]}")

    return build


def _contexts(folder: Path) -> dict[str, Path]:
    found = {name: folder / name for name in ("steps", "stages", "many", "large")}
    for path in found.values():
        path.mkdir(parents=True)
    (found["steps"] / "Dockerfile").write_text(_STEPS)
    (found["stages"] / "Dockerfile").write_text(_STAGES)
    for name in ("many", "large"):
        (found[name] / "Dockerfile").write_text("FROM busybox\nCOPY . /c\n")
    for number in range(10_000):
        path = found["many"] / f"{number // 100}"
        path.mkdir(exist_ok=True)
        (path / f"{number}").write_text(f"{number}\n")
    with (found["large"] / "file").open("wb") as file:
        for _ in range(500):
            file.write(os.urandom(1 << 20))
    return found


def _job(builder: Builder, context: Path, *words: str) -> Callable[[], None]:
    return lambda: builder.build(context, *words)
