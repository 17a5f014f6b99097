"""Stock clients of BuildKit on our engine: buildx with its "docker" driver, compose, and the CLI of before buildx."""

import json
import os
import re
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.e2e.test_compose import programs
from tests.engine_process import Engine

PEERS = Path(os.environ.get("PEERS_ROOT", "/var/cache/wherry-peers")) / "native"
NEWEST, PLUGINS = PEERS / "bin/docker", PEERS / "docker"
OLDER = Path("/usr/bin/docker")
WITHIN = 60.0

pytestmark = [needs.root, needs.overlay, needs.binary("docker")]
buildx = pytest.mark.skipif(
    not (PLUGINS / "cli-plugins/docker-buildx").exists(), reason="needs ../shared/peers: buildx"
)


def _is_older() -> bool:
    """A CLI that speaks BuildKit's protocol by itself."""
    if not os.access(OLDER, os.X_OK):
        return False
    told = subprocess.run([OLDER, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"version (\d+)\.", told)
    return found is not None and 19 <= int(found[1]) < 23


class Client:
    """One docker CLI on the engine; what is built has no network."""

    def __init__(self, program: Path, engine: Engine, home: Path, **environment: str) -> None:
        self.program = str(program)
        self.engine = engine
        self.environment = {
            **os.environ,
            **{"DOCKER_HOST": engine.host, "DOCKER_CONFIG": str(PLUGINS), "HOME": str(home)},
            **{"NO_COLOR": "1", "BUILDX_CONFIG": str(home / "buildx")},
            **environment,
        }

    def begin(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [self.program, *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __call__(self, *words: str, code: int = 0, stdin: bytes | None = None) -> str:
        """What it says, in both streams."""
        done = subprocess.run(
            [self.program, *words],
            env=self.environment,
            input=b"" if stdin is None else stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=WITHIN,
            check=False,
        )
        said = done.stdout.decode()
        assert done.returncode == code, f"{words}: {done.returncode}: {said}\n{self.engine.tail()}"
        return said

    def build(self, folder: Path, *flags: str, code: int = 0) -> str:
        return self("build", "--progress", "plain", "--network", "none", *flags, str(folder), code=code)

    def run(self, image: str, command: str) -> str:
        return self.engine.out("run", "--rm", "--network", "none", image, "sh", "-c", command)


def _clear(engine: Engine) -> None:
    """Of what these tests have built."""
    for name in engine.out("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=bx*").split():
        engine.docker("rmi", "-f", name)
    engine.docker("image", "prune", "-f")


@pytest.fixture
def newest(stack: Engine, tmp_path: Path) -> Iterator[Client]:
    made = Client(NEWEST, stack, tmp_path)
    yield made
    _clear(stack)


@pytest.fixture
def context(tmp_path: Path) -> Path:
    made = tmp_path / "context"
    (made / "sub").mkdir(parents=True)
    (made / "sub/note").write_text("noted\n")
    (made / "ignored").write_text("x")
    (made / ".dockerignore").write_text("ignored\n")
    (made / "Dockerfile").write_text(
        "FROM busybox AS base\nARG WHO=nobody\nRUN echo $WHO > /who; echo said\n"
        "FROM base AS app\nCOPY . /c\nENV A=b\nRUN cat /c/sub/note >> /who\nCMD cat /who\n"
    )
    return made


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.05)


@buildx
def test_the_engine_is_a_builder_among_buildx_s(newest: Client) -> None:
    assert re.search(r"default\s+running\s+v\S+\s+linux/", newest("buildx", "ls"))
    shown = newest("buildx", "inspect")
    assert "Driver:" in shown
    assert "host-gateway-ip: 10.213.0.1" in shown


@buildx
def test_a_build_shows_its_steps_and_the_next_finds_them(newest: Client, context: Path, tmp_path: Path) -> None:
    said = newest.build(context, "-t", "bx:one", "--build-arg", "WHO=me", "--label", "l=v")
    for words in (
        "[internal] load build definition from Dockerfile",
        "[internal] load metadata for docker.io/library/busybox:latest",
        "[base 1/2] FROM docker.io/library/busybox:latest",
        "[base 2/2] RUN echo $WHO > /who; echo said",
        "[app 2/2] RUN cat /c/sub/note >> /who",
        "naming to docker.io/library/bx:one",
    ):
        assert words in said, said
    assert re.search(r"#\d+ [\d.]+ said", said)
    assert newest.run("bx:one", "cat /who; ls -A /c; echo $A").split() == [
        "me",
        "noted",
        ".dockerignore",
        "Dockerfile",
        "sub",
        "b",
    ]
    files = ("--iidfile", str(tmp_path / "iid"), "--metadata-file", str(tmp_path / "meta"))
    again = newest.build(context, "-t", "bx:two", "--build-arg", "WHO=me", "--label", "l=v", *files)
    assert again.count("CACHED") == 3
    identity = (tmp_path / "iid").read_text()
    assert identity == newest.engine.out("inspect", "-f", "{{.Id}}", "bx:two")
    assert json.loads((tmp_path / "meta").read_text())["containerimage.config.digest"] == identity
    assert newest("build", "-q", "--network", "none", str(context)).strip().startswith("sha256:")


@buildx
def test_a_failure_shows_the_line_and_the_words(newest: Client, context: Path) -> None:
    (context / "Dockerfile").write_text("FROM busybox\nRUN echo heard; exit 7\n")
    said = newest.build(context, code=1)
    assert ">>> RUN echo heard; exit 7" in said
    assert 'ERROR: failed to build: failed to solve: process "/bin/sh -c echo heard; exit 7" did not complete' in said
    (context / "Dockerfile").write_text("FROM busybox\nRUNN x\n")
    said = newest.build(context, code=1)
    assert ">>> RUNN x" in said
    assert "failed to solve: dockerfile parse error on line 2: unknown instruction: RUNN (did you mean RUN?)" in said


@buildx
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_client_that_leaves_takes_its_build_along(newest: Client, context: Path, number: signal.Signals) -> None:
    (context / "Dockerfile").write_text("FROM busybox\nRUN exec sleep 1000\n")
    engine = newest.engine
    before = set(engine.out("ps", "-aq").split())
    words = ("build", "--progress", "plain", "--network", "none", "--no-cache", str(context))
    with newest.begin("buildx", *words) as client:
        _until(lambda: set(engine.out("ps", "-q").split()) - before != set(), "the step's container")
        children = subprocess.run(["pgrep", "-P", str(client.pid)], capture_output=True, text=True, check=False)
        for pid in [*map(int, children.stdout.split()), client.pid]:
            os.kill(pid, number)
        client.communicate(timeout=WITHIN)
    _until(lambda: set(engine.out("ps", "-aq").split()) == before, "the end of the step's container")


@buildx
def test_secrets_go_in_and_files_come_out(newest: Client, context: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("geheim")
    (context / "Dockerfile").write_text(
        "FROM busybox AS made\nRUN --mount=type=secret,id=t cat /run/secrets/t | wc -c > /size\n"
        "FROM scratch\nCOPY --from=made /size /\n"
    )
    out = tmp_path / "out"
    newest.build(context, "--secret", f"id=t,src={tmp_path}/token", "-o", f"type=local,dest={out}")
    assert (out / "size").read_text() == "6\n"
    newest.build(context, "--secret", f"id=t,src={tmp_path}/token", "-o", f"type=tar,dest={tmp_path}/out.tar")
    with tarfile.open(tmp_path / "out.tar") as tar:
        assert tar.getnames() == ["size"]


@buildx
def test_bake_builds_targets_on_each_other(newest: Client, context: Path, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/Dockerfile").write_text("FROM base\nRUN echo app >> /who\n")
    targets = {
        "base": {"context": str(context), "target": "base", "args": {"WHO": "bake"}, "network": "none"},
        "app": {
            **{"context": str(tmp_path / "app"), "contexts": {"base": "target:base"}},
            **{"tags": ["bx:baked"], "network": "none"},
        },
    }
    file = tmp_path / "bake.json"
    file.write_text(json.dumps({"target": targets, "group": {"default": {"targets": ["app"]}}}))
    newest("buildx", "bake", "-f", str(file), "--allow", f"fs.read={tmp_path}")
    assert newest.run("bx:baked", "cat /who").split() == ["bake", "app"]


@buildx
def test_what_is_kept_is_shown_and_pruned(newest: Client, context: Path) -> None:
    newest.build(context, "--no-cache")
    assert re.search(r"Total:\s+[\d.]+[kM]B", newest("buildx", "du"))
    newest("buildx", "prune", "-f", "--filter", "type=regular")
    assert "regular" not in newest("buildx", "du", "--verbose")
    assert "TARGET" in newest("build", "--call=targets", str(context))
    newest("buildx", "build", "--call=lint", str(context), code=1)


@buildx
@pytest.mark.parametrize("program", programs() or [pytest.param("", marks=pytest.mark.skip(reason="no compose here"))])
def test_compose_builds_without_being_told_how(newest: Client, context: Path, program: str) -> None:
    name = f"bx{len(program)}"
    (context / "compose.yaml").write_text(
        f"name: {name}\nservices:\n"
        f"  one:\n    build: {{context: ., target: base, network: none, args: {{WHO: {name}}}}}\n"
        "  two:\n    build: {context: ., network: none}\n"
    )
    compose = Client(Path(program), newest.engine, context)
    compose("--project-directory", str(context), "build")
    assert newest.run(f"{name}-one", "cat /who") == name
    assert newest.run(f"{name}-two", "cat /who").split() == ["nobody", "noted"]


@pytest.mark.skipif(not _is_older(), reason="needs a docker CLI of 19.03 to 20.10")
def test_the_cli_of_before_buildx_builds_by_default(stack: Engine, context: Path, tmp_path: Path) -> None:
    older = Client(OLDER, stack, tmp_path, DOCKER_CONFIG=str(tmp_path))
    said = older.build(context, "-t", "bx:older", "--build-arg", "WHO=older")
    assert "[base 2/2] RUN echo $WHO > /who; echo said" in said
    assert older.run("bx:older", "cat /who").split() == ["older", "noted"]
    assert older("build", "-q", "--network", "none", str(context)).strip().startswith("sha256:")
    tar = subprocess.run(["tar", "c", "-C", context, "."], capture_output=True, check=True).stdout
    assert older("build", "-q", "--network", "none", "-", stdin=tar).strip().startswith("sha256:")
    (context / "Dockerfile").write_text("FROM busybox\nRUN exit 7\n")
    assert 'process "/bin/sh -c exit 7" did not complete successfully: exit code: 7' in older.build(context, code=1)
    _clear(stack)
