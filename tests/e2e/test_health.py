"""Health checks through all the layers: a process of the shim runs them, the engine judges, clients see events."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.engine_process import Engine

pytestmark = [needs.root, needs.binary("docker"), needs.overlay]

RUN = ("run", "-d", "--network", "none", "--health-interval", "100ms", "--health-retries", "2")
STATUS = "{{.State.Health.Status}}"


def health_of(engine: Engine, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(engine.out("inspect", "-f", "{{json .State.Health}}", name))
    return found


def processes(fits: Callable[[list[str]], bool]) -> list[int]:
    """By command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().decode(errors="replace").rstrip("\0 ").split("\0")
        except OSError:  # it ended while we looked
            continue
        if fits(words):
            found.append(int(entry.parent.name))
    return found


def runners(container: str) -> list[int]:
    """The processes that run its checks."""
    return processes(lambda words: words[-1] == "probes" and container in words)


def until(what: str, fact: Callable[[], bool]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + 60
    while not fact():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("runtime", "forked"), [("lowrt", 1), pytest.param("runc", 0, marks=needs.binary("runc"))], ids=["lowrt", "runc"]
)
def test_a_verdict_follows_the_checks(stack: Engine, runtime: str, forked: int) -> None:
    """With our runtime, where a process of the shim's forks them, and with another, where each is an exec."""
    name = f"verdict-{runtime}"
    words = ("--runtime", runtime, "--name", name, "--health-cmd", "cat /ok && echo fine >&2")
    container = stack.out(*RUN, *words, "busybox", "sleep", "1000")
    stack.until("unhealthy", "inspect", "-f", STATUS, name, timeout=60)
    assert "No such file" in health_of(stack, name)["Log"][-1]["Output"]
    assert len(runners(container)) == forked
    stack.docker("exec", name, "sh", "-c", "echo yes > /made; mv /made /ok")
    stack.until("healthy", "inspect", "-f", STATUS, name, timeout=60)
    last = health_of(stack, name)["Log"][-1]
    assert (last["ExitCode"], last["Output"]) == (0, "yes\nfine\n")
    stack.docker("rm", "-f", name)
    until("the process that ran its checks ends", lambda: not runners(container))


def test_each_check_is_an_exec_in_the_events(stack: Engine) -> None:
    """Created, started, ended; under one id."""
    began = str(time.time())
    stack.docker(*RUN, "--name", "told", "--health-cmd", "exit 0", "busybox", "sleep", "1000")
    stack.until("healthy", "inspect", "-f", STATUS, "told", timeout=60)
    stack.docker("rm", "-f", "told")
    words = (
        "--since",
        began,
        "--until",
        str(time.time() + 0.5),
        "--filter",
        "container=told",
        "--format",
        "{{json .}}",
    )
    events = [json.loads(line) for line in stack.out("events", *words).splitlines()]
    execs = [event for event in events if event["Action"].startswith("exec_")][:3]
    assert [event["Action"] for event in execs] == [
        "exec_create: /bin/sh -c exit 0",
        "exec_start: /bin/sh -c exit 0",
        "exec_die",
    ]
    assert len({event["Actor"]["Attributes"]["execID"] for event in execs}) == 1
    assert execs[2]["Actor"]["Attributes"]["exitCode"] == "0"
    actions = [event["Action"] for event in events]
    assert actions.index("health_status: healthy") > actions.index("exec_die")


def test_a_check_that_takes_too_long_is_killed(stack: Engine) -> None:
    """What it had said is told."""
    words = ("--health-timeout", "300ms", "--name", "slow", "--health-cmd", "echo soon; exec sleep 4711")
    container = stack.out(*RUN, *words, "busybox", "sleep", "1000")
    stack.until("unhealthy", "inspect", "-f", STATUS, "slow", timeout=60)
    last = health_of(stack, "slow")["Log"][-1]
    assert (last["ExitCode"], last["Output"]) == (-1, "Health check exceeded timeout (0.3s): soon\n")
    stack.docker("pause", "slow")  # no check begins any more
    assert len(processes(lambda words: words == ["sleep", "4711"])) <= 1
    stack.docker("unpause", "slow")
    stack.docker("rm", "-f", "slow")
    until("its checks end with it", lambda: not runners(container))


def test_a_killed_engine_takes_its_check_along_and_the_next_begins_its_own(tmp_path: Path) -> None:
    """There are never two."""

    def checks() -> list[int]:
        return processes(lambda words: words == ["sleep", "4712"])

    with Engine(tmp_path / "e") as engine:
        container = engine.out(*RUN, "--name", "long", "--health-cmd", "exec sleep 4712", "busybox", "sleep", "1000")
        until("a check runs", lambda: bool(checks()))
        before, runner = checks(), runners(container)
        engine.kill()
        until("it ends with the engine", lambda: not checks() and not runners(container))
        engine.start()
        until("the next engine has one of its own", lambda: bool(checks()))
        assert len(checks()) == len(before) == len(runner) == 1
        assert engine.out("inspect", "-f", "{{.State.Status}}", "long") == "running"
        engine.docker("rm", "-f", "long")
        until("all is gone", lambda: not checks() and not runners(container))
