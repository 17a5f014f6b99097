"""The zygote's answers, without forking a shim."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lowrt.resident import Execs, Refused
from proto.errdefs import Unavailable
from shim import zygote
from shim.runtime import Wanted
from shim.runtime_argv import RuntimeSettings
from shim.runtime_errors import RuntimeFailure
from shim.zygote import ForkLauncher

ROOT = Path(__file__).resolve().parents[3]


def ask(**request: object) -> dict[str, object]:
    """One request, its answer."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    packet = json.dumps({"id": 7, "cwd": "/", "env": {}, "stdin": "", **request}).encode()
    with ours, theirs:
        zygote.handle(packet, theirs)
        answer = json.loads(ours.recv(1 << 20))
    assert isinstance(answer, dict)
    return answer


def test_a_wrong_command_line_is_answered_as_the_program_would() -> None:
    """Status 2 and the reason."""
    assert ask(args=["-what"]) == {
        "id": 7,
        "code": 2,
        "stdout": "",
        "stderr": "flag provided but not defined: -what\n",
    }


def test_a_zygote_starts_no_other() -> None:
    answer = ask(args=["zygote"])
    assert (answer["code"], answer["stderr"]) == (1, "containerd-shim-wherry-v2: a zygote starts no other\n")


def test_a_fork_that_is_killed_is_answered_for_with_its_signal() -> None:
    """Who asked would wait for an answer that nobody gives."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(30)
    with ours, theirs:
        parent = os.fork()
        if parent == 0:  # a process of its own, for it reaps every child that it has
            try:
                pid = os.fork()
                if pid == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                zygote.answering[pid] = 7
                os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
                zygote.reap(theirs)
            finally:
                os._exit(0)
        os.waitpid(parent, 0)
        assert json.loads(ours.recv(1 << 20)) == {"id": 7, "code": -9, "stdout": "", "stderr": ""}


def test_a_start_that_fails_is_answered_with_its_reason() -> None:
    """There is no bundle here."""
    answer = ask(args=["-namespace", "n", "-id", "c1", "start"], cwd="/does/not/exist")
    assert answer["code"] == 1
    assert answer["stderr"] == "containerd-shim-wherry-v2: /does/not/exist/config.json: No such file or directory\n"


def test_a_supervisor_that_dies_in_mid_request_ends_the_service() -> None:
    """Its last answer is not read, or cannot even be written; neither is an error to stay for."""
    packet = json.dumps({"id": 1, "cwd": "/", "env": {}, "stdin": "", "args": ["-what"]}).encode()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        ours.send(packet)
        ours.close()
        zygote.serve_requests(theirs)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        theirs.send(b"an answer that is never read")
        ours.close()
        zygote.serve_requests(theirs)


def test_other_runtimes_are_programs_also_when_warm() -> None:
    """Only lowrt is in memory."""
    null = os.open("/dev/null", os.O_RDWR)
    pid = ForkLauncher().launch(["true", "--log", "x"], (null, null, null))
    os.close(null)
    assert os.waitpid(pid, 0)[1] == 0


def test_lowrt_runs_in_a_fork_with_the_streams_given() -> None:
    """Same output and status as the program. From a process of its own: a zygote has one thread and no grpc."""
    code = "import os; from shim.zygote import ForkLauncher\n"
    code += "pid = ForkLauncher().launch(['/anywhere/lowrt', '--version'], (0, 1, 2)); raise SystemExit(os.wait()[1])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert done.stdout.startswith(b"lowrt version ")


def test_only_lowrts_brief_verbs_need_no_process(tmp_path: Path) -> None:
    """Here the thread is the test's own."""
    log = tmp_path / "log"
    flags = ["--root", str(tmp_path), "--log", str(log), "--log-format", "json"]
    launcher = ForkLauncher()
    assert launcher.brief(["runc", *flags, "kill", "c1", "9"]) is None
    assert launcher.brief(["/anywhere/lowrt", *flags, "create", "c1"]) is None
    call = launcher.brief(["/anywhere/lowrt", *flags, "kill", "c1", "9"])
    assert call is not None
    assert call() == 1
    assert json.loads(log.read_text())["msg"] == "container does not exist"


def test_only_lowrt_makes_execs_without_a_process_of_its_own(tmp_path: Path) -> None:
    """And not while another call of it is under way: the fork would have only one of the threads."""
    wanted = Wanted(b"{}", (0, 1, 2), None)
    launcher = ForkLauncher()
    launcher._execs = FailingExecs()
    assert launcher.enter(RuntimeSettings("runc", str(tmp_path)), "c1", wanted) is None
    launcher._in_threads.add(object())
    assert launcher.enter(RuntimeSettings("lowrt", str(tmp_path)), "c1", wanted) is None
    launcher._in_threads.clear()
    with pytest.raises(RuntimeFailure) as failed:
        launcher.enter(RuntimeSettings("/anywhere/lowrt", str(tmp_path)), "c1", wanted)
    assert (failed.value.status, failed.value.reason, failed.value.code) == (255, "exec failed: no", "not_found")


class FailingExecs(Execs):
    """There is no such container."""

    def begin(self, *_: object) -> None:
        fault = Refused(ValueError("no"))
        fault.code = "not_found"
        raise fault


def test_health_checks_are_only_forked_for_lowrt_and_at_a_quiet_moment(tmp_path: Path) -> None:
    """Other runtimes' checks are execs; a fork while another thread works would have its locks for ever."""
    launcher = ForkLauncher()
    launcher._execs = FailingExecs()
    launcher._execs.able = True
    assert launcher.probes(RuntimeSettings("runc", str(tmp_path)), "c1", 1, 0) == 0
    launcher._in_threads.add(object())
    with pytest.raises(Unavailable):
        launcher.probes(RuntimeSettings("lowrt", str(tmp_path)), "c1", 1, 0)
    launcher._execs.able = False
    assert launcher.probes(RuntimeSettings("lowrt", str(tmp_path)), "c1", 1, 0) == 0
