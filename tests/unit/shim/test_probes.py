"""Health checks on a connection: a process of this test's own stands for each, so that nothing is entered."""

import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from shim import probes
from shim.runtime import Streams
from shim.runtime_errors import RuntimeFailure
from shim.spawn import spawn

Json = dict[str, Any]


class Spawned:
    """The document's args, on their own at once; `fails` where the container's side says no."""

    def __init__(self, document: Json, streams: Streams) -> None:
        self._fails = document.get("fails", "")
        self.pid = spawn(document["args"], streams, {"PATH": "/usr/bin:/bin"})
        self.pidfd = os.pidfd_open(self.pid)
        self._reading, writing = os.pipe2(os.O_CLOEXEC)
        os.close(writing)

    def release(self) -> None:
        """It waits for nothing."""

    def fileno(self) -> int:
        return self._reading

    def advance(self) -> bool:
        if self._fails:
            raise RuntimeFailure(255, "", self._fails)
        return True

    def close(self) -> None:
        os.close(self._reading)
        os.close(self.pidfd)


def enter(document: bytes, streams: Streams) -> Spawned:
    wanted = json.loads(document)
    if "refused" in wanted:
        raise RuntimeFailure(255, "", wanted["refused"])
    return Spawned(wanted, streams)


class Engine:
    """The other end, and the server in a thread."""

    def __init__(self, init_pid: int) -> None:
        self.ours, theirs = socket.socketpair()
        self.ours.settimeout(60)
        self._lines = self.ours.makefile("rb")
        self._theirs = theirs
        self._thread = threading.Thread(target=self._serve, args=(init_pid,))
        self._thread.start()

    def _serve(self, init_pid: int) -> None:
        with self._theirs:
            probes.serve(self._theirs, init_pid, enter)

    def say(self, request: Json | bytes) -> None:
        text = request if isinstance(request, bytes) else json.dumps(request).encode()
        self.ours.sendall(text + b"\n")

    def hear(self) -> Json:
        answer: Json = json.loads(self._lines.readline())
        return answer

    def begin(self, *args: str, limit: int = 100, **more: str) -> None:
        self.say({"id": "e1", "process": {"args": args, **more}, "limit": limit})

    def check(self, *args: str, limit: int = 100, **more: str) -> Json:
        """To its end, however long it takes on a busy machine."""
        self.begin(*args, limit=limit, **more)
        while "pid" in (answer := self.hear()) and "status" not in answer:
            continue
        return answer

    def leave(self) -> None:
        self._lines.close()
        self.ours.close()

    def ended(self) -> bool:
        self._thread.join(60)
        return not self._thread.is_alive()


@pytest.fixture
def init() -> Iterator["subprocess.Popen[bytes]"]:
    """What stands for the container's first process."""
    with subprocess.Popen(["sleep", "100"]) as started:
        yield started
        started.kill()


@pytest.fixture
def engine(init: "subprocess.Popen[bytes]") -> Iterator[Engine]:
    made = Engine(init.pid)
    yield made
    made.leave()
    assert made.ended()


def test_a_check_is_told_with_its_status_and_both_its_outputs(engine: Engine) -> None:
    """One after the other, on one connection."""
    assert engine.hear() == {"ok": True, "probes": 1}
    answer = engine.check("sh", "-c", "echo out; echo err >&2; exit 3")
    assert answer == {"id": "e1", "pid": answer["pid"], "status": 3, "output": "out\nerr\n", "cut": False}
    assert engine.check("true")["status"] == 0


def test_output_is_kept_up_to_the_limit(engine: Engine) -> None:
    """The rest is read all the same: nobody is held up by it."""
    engine.hear()
    answer = engine.check("sh", "-c", "head -c 200000 /dev/zero | tr '\\0' x", limit=10)
    assert (answer["status"], answer["output"], answer["cut"]) == (0, "x" * 10, True)


def test_what_cannot_begin_is_told_in_the_runtimes_words(engine: Engine) -> None:
    """Whether it is refused at once, or on its way in."""
    engine.hear()
    for answer in (
        engine.check("true", refused="exec failed: no"),
        engine.check("sleep", "100", fails="exec failed: no"),
    ):
        assert answer == {"id": "e1", "error": "OCI runtime exec failed: exec failed: no"}
    assert engine.check("true")["status"] == 0


def test_a_long_check_is_told_of_at_its_beginning_and_can_be_killed(engine: Engine) -> None:
    """As any exec can."""
    engine.hear()
    engine.begin("sleep", "100")
    began = engine.hear()
    assert began.keys() == {"id", "pid"}
    engine.say({"kill": "another"})
    engine.say({"kill": "e1"})
    assert engine.hear() == {**began, "status": 137, "output": "", "cut": False}


def test_a_program_left_behind_does_not_hold_the_answer_up_for_ever(engine: Engine) -> None:
    """What it keeps open is let go of."""
    engine.hear()
    answer = engine.check("sh", "-c", "sleep 100 & echo $!; exit 4")
    assert answer["status"] == 4
    os.kill(int(answer["output"]), 9)


def test_an_engine_that_goes_takes_its_check_along(init: "subprocess.Popen[bytes]") -> None:
    """The next one has its own."""
    engine = Engine(init.pid)
    engine.hear()
    engine.begin("sleep", "100")
    pid = engine.hear()["pid"]
    engine.leave()
    assert engine.ended()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_it_ends_with_the_container(init: "subprocess.Popen[bytes]") -> None:
    """In the middle of a check, or of nothing."""
    idle, busy = Engine(init.pid), Engine(init.pid)
    idle.hear()
    busy.hear()
    busy.begin("sleep", "100")
    busy.hear()
    init.kill()
    init.wait(60)
    late = Engine(init.pid)
    for engine in (idle, busy, late):
        assert engine.ended()
        assert engine.ours.recv(1) == b""
        engine.leave()


@pytest.mark.parametrize("line", [b"hello", b"[]", b"x" * (1 << 21)])
def test_who_speaks_otherwise_is_left(init: "subprocess.Popen[bytes]", line: bytes) -> None:
    """It is nobody's engine."""
    engine = Engine(init.pid)
    engine.hear()
    try:
        engine.say(line)
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert engine.ended()
    engine.leave()


class Lost(Spawned):
    """Goes astray at its first word: another process takes its place."""

    def __init__(self, document: Json, streams: Streams) -> None:
        super().__init__(document, streams)
        self._kept = [os.dup(fd) for fd in streams]

    def advance(self) -> bool:
        if not self._kept:
            return True
        os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED | os.WNOWAIT)
        self.close()
        super().__init__({"args": ["sh", "-c", "exit 6"]}, (self._kept[0], self._kept[1], self._kept[2]))
        while self._kept:
            os.close(self._kept.pop())
        return False


def test_a_check_that_is_begun_anew_is_followed(init: "subprocess.Popen[bytes]") -> None:
    """Its pid and its fds are others, and the first process is not left unreaped."""

    def lose(document: bytes, streams: Streams) -> Lost:
        made = Lost(json.loads(document), streams)
        pids.append(made.pid)
        return made

    pids: list[int] = []
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=probes.serve, args=(theirs, init.pid, lose))
    thread.start()
    with ours, ours.makefile("rb") as lines:
        lines.readline()
        ours.sendall(b'{"id":"e1","process":{"args":["true"]},"limit":1}\n')
        while "status" not in (answer := json.loads(lines.readline())):
            continue
    thread.join(60)
    theirs.close()
    assert (answer["status"], answer["pid"] == pids[0]) == (6, False)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)
