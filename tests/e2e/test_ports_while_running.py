"""`wherry port add|rm` from end to end: there at once, and after the container and the engine have started again."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.engine_process import ROOT, Engine

pytestmark = [needs.root, needs.binary("docker"), needs.binary("nft"), needs.overlay]

WEB = ("sh", "-c", "echo page > /index.html; httpd -f")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    name = f"wherry-ports-{os.getpid()}"
    with Engine(tmp_path / "e", "--bip", "10.214.0.1/24", bridge="wports0", netns=name) as started:
        yield started


def port(engine: Engine, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from engine.cli.main import main; main()", "-H", engine.host, "port", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)


def answers(engine: Engine, number: int) -> bool:
    """Whether the page is there; a server that is starting is waited for by the caller."""
    asked = engine.inside("busybox", "wget", "-qO-", f"http://127.0.0.1:{number}/", check=False)
    return asked.stdout == "page\n"


def until_answers(engine: Engine, number: int) -> None:
    for _ in range(300):
        if answers(engine, number):
            return
        engine.inside("sleep", "0.1")
    pytest.fail(f"port {number} did not answer:\n{engine.tail()}")


def test_ports_come_and_go_with_the_container_running_and_stay_over_every_restart(engine: Engine) -> None:
    engine.docker("run", "-d", "--name", "web", "-p", "8080:80", "busybox", *WEB)
    until_answers(engine, 8080)
    added = port(engine, "add", "web", "127.0.0.1:8081:80", "8082:80")
    assert added.stdout.splitlines() == [
        "80/tcp -> 0.0.0.0:8080",
        "80/tcp -> 127.0.0.1:8081",
        "80/tcp -> 0.0.0.0:8082",
    ]
    assert port(engine, "rm", "web", "8082:80").returncode == 0
    assert [answers(engine, number) for number in (8080, 8081, 8082)] == [True, True, False]
    engine.kill()
    assert [answers(engine, number) for number in (8080, 8081, 8082)] == [True, True, False], "no engine is needed"
    engine.start()
    assert [answers(engine, number) for number in (8080, 8081, 8082)] == [True, True, False]
    engine.docker("restart", "-t", "0", "web")
    until_answers(engine, 8081)
    assert [answers(engine, number) for number in (8080, 8081, 8082)] == [True, True, False]
    engine.docker("stop", "-t", "0", "web")
    assert port(engine, "add", "web", "8083:80").returncode == 0, "of a stopped container, for its next start"
    engine.docker("start", "web")
    until_answers(engine, 8083)
    assert answers(engine, 8080)


def test_a_conflict_leaves_everything_as_it_was(engine: Engine) -> None:
    engine.docker("run", "-d", "--name", "web", "-p", "8080:80", "busybox", *WEB)
    engine.docker("run", "-d", "--name", "other", "-p", "8090:80", "busybox", *WEB)
    until_answers(engine, 8080)
    before = engine.out("inspect", "-f", "{{json .HostConfig.PortBindings}} {{json .NetworkSettings}}", "web")
    rules = engine.inside("nft", "list", "ruleset").stdout
    refused = port(engine, "add", "web", "8081:80", "8090:80")
    assert refused.returncode == 1
    assert "Bind for 0.0.0.0:8090 failed: port is already allocated" in refused.stderr
    assert engine.out("inspect", "-f", "{{json .HostConfig.PortBindings}} {{json .NetworkSettings}}", "web") == before
    assert engine.inside("nft", "list", "ruleset").stdout == rules
    assert [answers(engine, number) for number in (8080, 8081)] == [True, False]
    engine.docker("rm", "-f", "other")
    assert port(engine, "add", "web", "8090:80").returncode == 0
    assert answers(engine, 8090)
