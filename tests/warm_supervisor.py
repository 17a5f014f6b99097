"""A parent with the supervisor's modules imported, which forks supervisors: each start is a third of a second cheaper.

    test ──{"words","environment","folder","log"}──▶ nursery ── fork ──▶ supervisor.cli.main(words)
         ◀──{"pid"}──
         ──{"wait": pid}──▶ ... ◀──{"code"}── when it has ended

For tests that kill hundreds of supervisors. The nursery has one thread and has never used gRPC, so a fork of it is a
clean start; it ends with its socket.
"""

import gc
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_PACKET = 1 << 16
_ANSWER_WITHIN = 60.0


class Nursery:
    """The test's side. `environment` is what counts at import, too."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.warm_supervisor", str(theirs.fileno())],
                env={**environment, "PYTHONPATH": str(ROOT)},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self._socket = ours
        self._socket.settimeout(_ANSWER_WITHIN)

    def start(self, words: list[str], environment: Mapping[str, str], folder: Path, log: Path) -> "Forked":
        """A supervisor; `words` are its command line, output is appended to `log`."""
        request = {"words": words, "environment": dict(environment), "folder": str(folder), "log": str(log)}
        return Forked(self, self.ask(request)["pid"])

    def ask(self, request: dict[str, object]) -> dict[str, int]:
        """One question, one answer."""
        self._socket.send(json.dumps(request).encode())
        answer: dict[str, int] = json.loads(self._socket.recv(_PACKET))
        return answer

    def close(self) -> None:
        """Let it go."""
        self._socket.close()
        self._process.kill()
        self._process.wait()


class Forked:
    """What subprocess.Popen is to a child of our own."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.pid = pid
        self._nursery = nursery
        self._code: int | None = None

    def send_signal(self, number: int) -> None:
        """kill(2), unless its end is known."""
        if self._code is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def poll(self) -> int | None:
        """The exit code, when it has ended."""
        if self._code is None and (found := self._nursery.ask({"poll": self.pid})):
            self._code = found["code"]
        return self._code

    def wait(self, timeout: float) -> int:
        """The exit code."""
        del timeout  # the nursery's own is longer than anybody's
        if self._code is None:
            self._code = self._nursery.ask({"wait": self.pid})["code"]
        return self._code


def main(control: socket.socket) -> None:
    """The nursery: fork, and reap on demand, until the socket ends."""
    import supervisor.cli
    import supervisor.daemon  # noqa: F401

    gc.collect()
    gc.freeze()
    while packet := control.recv(_PACKET):
        request = json.loads(packet)
        if "words" in request:
            pid = os.fork()
            if pid == 0:
                control.close()
                _become(request)
            answer = {"pid": pid}
        else:
            pid, status = os.waitpid(request.get("wait", 0) or request["poll"], 0 if "wait" in request else os.WNOHANG)
            answer = {"code": os.waitstatus_to_exitcode(status)} if pid else {}
        control.send(json.dumps(answer).encode())


def _become(request: dict[str, object]) -> None:
    """In the child: the supervisor's program; never returns."""
    from supervisor.cli import main as program

    code = 1
    try:
        sys.argv[0] = str(ROOT / "supervisor" / "__main__.py")  # its programs are looked for from there
        os.environ.update(request["environment"])  # type: ignore[call-overload]
        os.chdir(str(request["folder"]))
        log = os.open(str(request["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        code = program(request["words"])  # type: ignore[arg-type]
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as given:
        given.set_inheritable(False)
        main(given)
