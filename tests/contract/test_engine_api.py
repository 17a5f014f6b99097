"""Our engine's refusals, word for word; and that a real dockerd says the same."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.contract.engine_api import QUESTIONS, Question, ask
from tests.engine_process import Engine

pytestmark = [needs.root, needs.binary("docker"), needs.overlay]


def _prepare(path: str) -> None:
    body = {"Image": "busybox", "Cmd": ["sleep", "1000"], "HostConfig": {"NetworkMode": "none"}}
    for name in ("up", "down"):
        assert ask(path, "POST", f"/containers/create?name={name}", body)[0] == 201
    assert ask(path, "POST", "/containers/up/start")[0] == 204


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Our engine's socket."""
    with Engine(tmp_path_factory.mktemp("ours")) as engine:
        _prepare(str(engine.socket))
        yield str(engine.socket)


@pytest.mark.parametrize(
    "question", QUESTIONS, ids=lambda question: f"{question.method} {question.path} {question.message[:40]}"
)
def test_our_engine_answers_in_dockers_words(ours: str, question: Question) -> None:
    cpus = Path("/sys/devices/system/cpu/online").read_text().strip()
    wanted = question.message.replace("{cpus}", cpus)
    assert ask(ours, question.method, question.path, question.body) == (question.status, wanted)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real dockerd's socket, on private folders, with no bridge and no firewall rules."""
    if shutil.which("dockerd") is None:
        pytest.skip("needs dockerd in PATH")
    folder = tmp_path_factory.mktemp("theirs")
    path = str(folder / "docker.sock")
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(
            [
                *(
                    "dockerd",
                    "-H",
                    f"unix://{path}",
                    "--data-root",
                    str(folder / "data"),
                    "--exec-root",
                    str(folder / "exec"),
                ),
                *("-p", str(folder / "pid"), "--bridge", "none", "--iptables=false", "--ip6tables=false"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            _await(path, daemon)
            from tests.images import busybox_archive

            busybox_archive(folder / "busybox.tar")
            subprocess.run(
                ["docker", "-H", f"unix://{path}", "load", "-i", str(folder / "busybox.tar")],
                check=True,
                capture_output=True,
            )
            _prepare(path)
            yield path
            ask(path, "DELETE", "/containers/up?force=1")
        finally:
            daemon.terminate()
            daemon.wait(20)


def _await(path: str, daemon: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and daemon.poll() is None:
        try:
            if ask(path, "GET", "/_ping")[0] == 200:
                return
        except OSError:
            time.sleep(0.1)
    pytest.skip("dockerd does not start on this host")


def test_dockerd_says_the_same(theirs: str) -> None:
    cpus = Path("/sys/devices/system/cpu/online").read_text().strip()
    differ = []
    for question in QUESTIONS:
        answer = ask(theirs, question.method, question.path, question.body)
        wanted = (question.status, question.message.replace("{cpus}", cpus))
        if answer != wanted:
            differ.append((question.method, question.path, answer, wanted))
    assert differ == []
