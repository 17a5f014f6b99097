"""What stock clients hand to a build by their session: folders of which only changes come, secrets, agents, outputs."""

import contextlib
import os
import re
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.e2e.test_buildx import NEWEST, OLDER, PLUGINS, WITHIN, Client, _clear, _is_older
from tests.engine_process import Engine

pytestmark = [needs.root, needs.overlay, needs.binary("docker")]

_LIST_IDENTITIES, _NO_IDENTITIES = b"\0\0\0\1\x0b", b"\0\0\0\5\x0c\0\0\0\0"
_WAY = re.compile(r"transferring context: ([\d.]+)(k?M?)B")


def _clients() -> list[object]:
    older = pytest.param(
        OLDER, marks=pytest.mark.skipif(not _is_older(), reason="needs a docker CLI of 19.03 to 20.10")
    )
    there = (PLUGINS / "cli-plugins/docker-buildx").exists()
    return [older, pytest.param(NEWEST, marks=pytest.mark.skipif(not there, reason="needs ../shared/peers: buildx"))]


@pytest.fixture(params=_clients(), ids=["older", "buildx"])
def client(request: pytest.FixtureRequest, stack: Engine, tmp_path: Path) -> Iterator[Client]:
    home = tmp_path / "home"
    home.mkdir()
    config = {"DOCKER_CONFIG": str(home)} if request.param == OLDER else {}
    made = Client(request.param, stack, home, DOCKER_BUILDKIT="1", **config)
    yield made
    _clear(stack)


def _sent(said: str) -> float:
    """Bytes of the context."""
    number, unit = _WAY.findall(said)[-1]
    return float(number) * {"": 1, "k": 1000, "M": 1_000_000}[unit]


def test_only_changes_are_sent_and_what_is_ignored_never_is(client: Client, tmp_path: Path) -> None:
    context = tmp_path / f"context-{os.getpid()}-{client.program.count('peers')}"
    (context / "many").mkdir(parents=True)
    for number in range(200):
        (context / f"many/{number}").write_bytes(os.urandom(2000))
    (context / "secret.pem").write_text("key")
    encodes = client.program != str(
        OLDER
    )  # older clients know no patterns that are not ASCII, whatever daemon they have
    (context / ("naïve file" if encodes else "naive file")).write_text("x")
    (context / "many/link").symlink_to("7")
    (context / ".dockerignore").write_text("*.pem\nnaïve*\n" if encodes else "*.pem\nnaive*\n")
    (context / "Dockerfile").write_text("FROM busybox\nCOPY . /c\n")

    assert _sent(client.build(context, "-t", "bx:session")) > 400_000
    (context / "many/7").write_text("changed\n")
    (context / "many/8").unlink()
    said = client.build(context, "-t", "bx:session")
    assert _sent(said) < 50_000
    assert client.run("bx:session", "cat /c/many/link; ls /c/many | wc -l; ls -A /c").split() == [
        *("changed", "200", ".dockerignore", "Dockerfile", "many")
    ]
    assert "CACHED" in client.build(context, "-t", "bx:session")


def _read(connection: socket.socket, size: int) -> bytes:
    """So many bytes, in however many pieces; fewer at the end."""
    data = b""
    while len(data) < size and (piece := connection.recv(size - len(data))):
        data += piece
    return data


@contextlib.contextmanager
def _agent(path: Path) -> Iterator[None]:
    """An SSH agent without keys."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer(connection: socket.socket) -> None:
            with connection:
                while _read(connection, len(_LIST_IDENTITIES)) == _LIST_IDENTITIES:
                    connection.sendall(_NO_IDENTITIES)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    thread = threading.Thread(target=answer, args=(listener.accept()[0],))
                    thread.start()
                    threads.append(thread)

        threads = [threading.Thread(target=serve)]
        threads[0].start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(WITHIN)


def _root_of_step(engine: Engine) -> Path:
    """Of the container that waits for /go."""
    end = time.monotonic() + WITHIN
    while time.monotonic() < end:
        for name in engine.out("ps", "-q", "--no-trunc").split():
            pid = engine.docker("inspect", "-f", "{{.State.Pid}}", name, check=False).stdout.strip() or "0"
            if Path(f"/proc/{pid}/root/waits").exists():
                return Path(f"/proc/{pid}/root")
        time.sleep(0.05)
    raise AssertionError(f"no step waits\n{engine.tail()}")


def test_a_step_has_secrets_and_the_clients_agent(client: Client, tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (tmp_path / "token").write_text("geheim")
    (context / "Dockerfile").write_text(
        "FROM busybox\n"
        "RUN --mount=type=secret,id=token --mount=type=secret,id=none"
        " cat /run/secrets/token > /copied; ls /run/secrets > /seen\n"
        "RUN --mount=type=ssh touch /waits; until [ -e /go ]; do sleep 0.05; done; rm /go /waits\n"
    )
    flags = ("--no-cache", "--network", "none", "--secret", f"id=token,src={tmp_path}/token", "--ssh", "default", "-t")
    with _agent(tmp_path / "agent"):
        environment = client.environment | {"SSH_AUTH_SOCK": str(tmp_path / "agent")}
        build = subprocess.Popen(
            [client.program, "build", *flags, "bx:given", str(context)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            root = _root_of_step(client.engine)
            for _ in range(2):
                with socket.socket(socket.AF_UNIX) as asking:
                    asking.settimeout(WITHIN)
                    asking.connect(f"{root}/run/buildkit/ssh_agent.0")
                    asking.sendall(_LIST_IDENTITIES)
                    assert _read(asking, len(_NO_IDENTITIES)) == _NO_IDENTITIES
            (root / "go").touch()
            said, _ = build.communicate(timeout=WITHIN)
            assert build.returncode == 0, said.decode()
        finally:
            build.kill()
            build.communicate()
    assert client.run("bx:given", "cat /copied; echo; cat /seen").split() == ["geheim", "token"]


def test_results_come_as_files_or_as_a_tar_and_others_are_refused_by_name(client: Client, tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM busybox AS made\nFROM scratch\nCOPY --from=made /bin /bin\nCOPY note /\n")
    (context / "note").write_text("noted\n")
    (context / "unnamed").write_bytes(os.urandom(300_000))
    out = tmp_path / "out"
    assert _sent(client.build(context, "-o", f"type=local,dest={out}")) < 10_000  # the Dockerfile names what it takes
    assert (out / "note").read_text() == "noted\n"
    assert (out / "bin/busybox").stat().st_size > 100_000
    assert os.readlink(out / "bin/sh") == "busybox"
    client.build(context, "-o", f"type=tar,dest={tmp_path}/out.tar")
    with tarfile.open(tmp_path / "out.tar") as tar:
        assert {"note", "bin", "bin/sh", "bin/busybox"} < set(tar.getnames())
    assert "not supported" in client.build(context, "-o", f"type=oci,dest={tmp_path}/oci.tar", code=1)
    piped = client(
        "build",
        "-q",
        "--network",
        "none",
        "-t",
        "bx:piped",
        "-f",
        "-",
        str(context),
        stdin=b"FROM busybox\nCOPY note /\n",
    )
    assert piped.strip().startswith("sha256:")
    assert client.run("bx:piped", "cat /note") == "noted"
