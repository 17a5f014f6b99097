"""What `wherry build` has beside its request: an SSH agent, results as files, contexts, large secrets; its views."""

import os
import pty
import re
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import needs
from tests.engine_process import ROOT
from tests.integration.engine.builder.conftest import WHERRY, Builds

pytestmark = [needs.root, needs.binary("docker"), needs.overlay]


@contextmanager
def agent(path: Path) -> Iterator[list[bytes]]:
    """Answers each connection's first message by its own reverse; what came is in the list."""
    came: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    data = connection.recv(100)
                    came.append(data)
                    connection.sendall(data[::-1])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield came
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _ask(root: str, words: bytes) -> bytes:
    """As a program in the step would; busybox has none that speaks to unix sockets."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(f"{root}/run/buildkit/ssh_agent.0")
        connection.sendall(words)
        return connection.recv(100)


def test_a_step_reaches_the_clients_agent_and_no_other_does(builds: Builds, tmp_path: Path) -> None:
    text = (
        "FROM busybox\nRUN --mount=type=ssh echo $SSH_AUTH_SOCK > /where; "
        "until [ -e /go ]; do sleep 0.1; done; rm /go\n"
        "RUN echo ${SSH_AUTH_SOCK:-none} > /none; ls /run > /left 2>/dev/null; true\n"
    )
    (tmp_path / "c").mkdir()
    (tmp_path / "c/Dockerfile").write_text(text)
    words = [*WHERRY, "-H", builds.engine.host, "build", "--network", "none", "-t", "ssh", "--ssh", "default"]
    with agent(tmp_path / "a") as came:
        environment = {**os.environ, "SSH_AUTH_SOCK": str(tmp_path / "a")}
        build = subprocess.Popen([*words, str(tmp_path / "c")], stdout=subprocess.PIPE, cwd=ROOT, env=environment)
        try:
            root = _root_of_step(builds)
            assert [_ask(root, b"olleh"), _ask(root, b"dlrow")] == [b"hello", b"world"]
            Path(f"{root}/go").touch()
            build.communicate(timeout=60)
            assert build.returncode == 0
        finally:
            build.kill()
            build.communicate()
    assert came == [b"olleh", b"dlrow"]
    assert builds.run("ssh", "cat /where /none /left").split() == ["/run/buildkit/ssh_agent.0", "none"]
    refused = builds.build(tmp_path / "c", text, "--no-cache", check=False)
    assert "use wherry build --ssh" in refused.stderr
    assert builds.leftovers() == []


def _root_of_step(builds: Builds) -> str:
    """The root of the only container that runs, as the host sees it."""
    end = time.monotonic() + 60
    while not (names := builds.engine.out("ps", "-q").split()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return f"/proc/{builds.engine.out('inspect', '-f', '{{.State.Pid}}', names[0])}/root"


def test_the_result_as_a_folder_and_as_a_tar_and_no_image(builds: Builds, tmp_path: Path) -> None:
    text = (
        "FROM busybox AS make\nRUN mkdir /o && echo made > /o/f && ln -s f /o/l\nFROM scratch\nCOPY --from=make /o /\n"
    )
    before = builds.engine.out("images", "-aq")
    builds.build(tmp_path / "c", text, "-o", str(tmp_path / "out"))
    assert sorted(os.listdir(tmp_path / "out")) == ["f", "l"]
    assert (tmp_path / "out/l").read_text() == "made\n"
    builds.build(tmp_path / "c", text, "-o", f"type=tar,dest={tmp_path}/out.tar")
    with tarfile.open(tmp_path / "out.tar") as tar:
        assert sorted(tar.getnames()) == ["f", "l"]
    (tmp_path / "c/Dockerfile").write_text(text)
    done = subprocess.run(
        [*WHERRY, "-H", builds.engine.host, "build", "--network", "none", "-o", "-", str(tmp_path / "c")],
        capture_output=True,
        check=True,
        cwd=ROOT,
        timeout=60,
    )
    assert done.stdout == (tmp_path / "out.tar").read_bytes()
    assert builds.engine.out("images", "-aq") == before
    assert builds.leftovers() == []


def test_other_contexts_have_names(builds: Builds, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "f").write_text("from another folder\n")
    (other / ".dockerignore").write_text("skipped")
    (other / "skipped").write_text("")
    builds.build(tmp_path / "base", "FROM busybox\nRUN echo replaced > /base\n", "-t", "replacement")
    builds.build(
        tmp_path / "c",
        "FROM busybox AS unused\nRUN false\nFROM unused\nCOPY --from=more . /m/\n"
        "RUN --mount=from=more,target=/x cat /x/f > /bound\nCOPY --from=unused /base /again\n",
        *("--build-context", f"more={other}", "--build-context", "unused=docker-image://replacement", "-t", "contexts"),
    )
    told = builds.run("contexts", "ls -A /m; cat /bound /base /again").splitlines()
    assert told == [".dockerignore", "f", "from another folder", "replaced", "replaced"]


def test_a_large_secret_goes_by_the_channel(builds: Builds, tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(b"s" * 100_000)
    builds.build(
        tmp_path / "c",
        "FROM busybox\nRUN --mount=type=secret,id=big wc -c < /run/secrets/big > /size\n",
        *("--secret", f"id=big,src={tmp_path}/s", "-t", "big"),
    )
    assert builds.run("big", "cat /size") == "100000"


def test_a_terminal_shows_steps_with_times_and_marks(builds: Builds, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    folder.mkdir()
    (folder / "Dockerfile").write_text(
        "FROM busybox AS app\nRUN echo shown-live; true\nRUN --mount=type=tmpfs,target=/t true\n"
    )
    words = [*WHERRY, "-H", builds.engine.host, "build", "--network", "none", "-t", "seen", str(folder)]
    for mark in ("s", "CACHED"):
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            words, stdout=theirs, stderr=theirs, cwd=ROOT, env={**os.environ, "COLUMNS": "100"}
        ) as build:
            os.close(theirs)
            screen = b""
            while True:
                try:
                    data = os.read(ours, 65536)
                except OSError:
                    break  # the other side is closed
                screen += data
            assert build.wait(60) == 0, screen
        os.close(ours)
        shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.decode())
        assert re.search(rf"\[app 2/3\] RUN echo shown-live; true +[0-9.]*{mark}", shown), shown
        assert "Successfully tagged seen:latest" in shown
