"""The zygote's answers, without forking a shim."""

import json
import os
import socket

from shim import zygote
from shim.zygote import ForkLauncher


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


def test_a_start_that_fails_is_answered_with_its_reason() -> None:
    """There is no bundle here."""
    answer = ask(args=["-namespace", "n", "-id", "c1", "start"], cwd="/does/not/exist")
    assert answer["code"] == 1
    assert answer["stderr"] == "containerd-shim-wherry-v2: /does/not/exist/config.json: No such file or directory\n"


def test_other_runtimes_are_programs_also_when_warm() -> None:
    """Only lowrt is in memory."""
    null = os.open("/dev/null", os.O_RDWR)
    pid = ForkLauncher().launch(["true", "--log", "x"], (null, null, null))
    os.close(null)
    assert os.waitpid(pid, 0)[1] == 0


def test_lowrt_runs_in_a_fork_with_the_streams_given() -> None:
    """Same output and status as the program."""
    null = os.open("/dev/null", os.O_RDWR)
    output = os.memfd_create("output")
    pid = ForkLauncher().launch(["/anywhere/lowrt", "--version"], (null, output, output))
    assert os.waitpid(pid, 0)[1] == 0
    assert os.pread(output, 1000, 0).startswith(b"lowrt version ")
    for fd in (null, output):
        os.close(fd)
