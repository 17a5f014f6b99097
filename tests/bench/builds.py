"""Builds, under the stock docker CLI of each engine: the classic endpoint, BuildKit where there is one, and ours by our
own client too, which sends of a context only what has changed."""

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.measure import in_turn, print_table
from tests.bench.stacks import BIN, DOCKER, Engine, engines
from tests.daemons import peers_programs

_STEPS = "FROM busybox\n" + "".join(f"RUN echo {number} > /{number}\n" for number in range(10))
_STAGES = "".join(f"FROM busybox AS s{n}\nRUN sleep 1; echo {n} > /f\n" for n in range(4))
_STAGES += "FROM busybox\n" + "".join(f"COPY --from=s{n} /f /f{n}\n" for n in range(4))


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
        command = [self.program, "-H", f"unix://{self.engine.address}", *self.flags, "build", "--network", "none"]
        done = subprocess.run(
            [*command, *words, "-q", "-t", f"bench-{context.name}", str(context)],
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
    rows: dict[str, dict[str, float]] = {}
    with engines(folder) as found:
        builders = [builder for engine in found for builder in _builders(engine)]
        for builder in builders:
            builder.build(contexts["steps"])
            print(f"builds: {builder.name} is ready", flush=True)
        rows["ten steps, all cached"] = in_turn(
            {one.name: _job(one, contexts["steps"]) for one in builders}, rounds * 3
        )
        for title, name in (
            ("ten steps, cold", "steps"),
            ("four stages that sleep 1 s, cold", "stages"),
            ("COPY of 10,000 files, cold", "many"),
            ("COPY of 500 MB, cold", "large"),
        ):
            jobs = {one.name: _job(one, contexts[name], "--no-cache") for one in builders}
            rows[title] = in_turn(jobs, rounds)
        for title, name in (("10,000 files, cached", "many"), ("500 MB, cached", "large")):
            rows[title] = in_turn({one.name: _job(one, contexts[name]) for one in builders}, rounds)
    print_table("Builds", rows, ours="wherry")


def _builders(engine: Engine) -> list[Builder]:
    if engine.name == "wherry":
        return [
            Builder(engine.name, engine, DOCKER, {"DOCKER_BUILDKIT": "0"}),
            Builder("wherry build", engine, f"{BIN}/wherry", {}),
        ]
    if engine.name == "dockerd 20.10":
        return [
            Builder(f"{engine.name} classic", engine, DOCKER, {"DOCKER_BUILDKIT": "0"}),
            Builder(f"{engine.name} BuildKit", engine, DOCKER, {"DOCKER_BUILDKIT": "1"}),
        ]
    native = peers_programs()
    plugin = Path(native).parent / "docker/cli-plugins/docker-buildx" if native else None
    if plugin is None or not plugin.exists():
        return []
    place = engine.address.parent / "cli-plugins"
    place.mkdir(exist_ok=True)
    (place / "docker-buildx").symlink_to(plugin)
    return [Builder(f"{engine.name} buildx", engine, f"{native}/docker", {}, ("buildx",))]


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
