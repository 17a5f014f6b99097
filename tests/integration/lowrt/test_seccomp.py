"""Seccomp on the real kernel: what a profile forbids fails as it says, and an agent is asked where it wants to be."""

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from lowrt.seccomp.compile import compile_profile
from tests import needs
from tests.integration.lowrt.environment import Bundle

pytestmark = [needs.root, needs.binary("busybox")]

PROJECT = Path(__file__).resolve().parents[3]
DOCKER: dict[str, Any] = json.loads((PROJECT / "tests" / "golden" / "lowrt" / "seccomp_docker_amd64.json").read_text())
X86 = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]


def deny(names: list[str], action: str = "SCMP_ACT_ERRNO", **more: object) -> dict[str, Any]:
    rule = {"names": names, "action": action} | more
    return {"defaultAction": "SCMP_ACT_ALLOW", "architectures": X86, "syscalls": [rule]}


def test_dockers_profile_loads_and_forbids_what_it_forbids(bundle: Bundle) -> None:
    bundle.linux["seccomp"] = DOCKER
    script = "grep Seccomp: /proc/self/status; mount -t tmpfs x /tmp 2>&1 | grep -c 'denied\\|not permitted'; echo fine"
    assert bundle.output(script) == "Seccomp:\t2\n1\nfine\n"


def test_the_error_is_the_one_the_rule_names(bundle: Bundle) -> None:
    bundle.linux["seccomp"] = deny(["mkdir", "mkdirat"], errnoRet=28)
    assert "No space left on device" in bundle.output("mkdir /tmp/x 2>&1 || true")


def test_a_rule_may_look_at_arguments(bundle: Bundle) -> None:
    args = [{"index": 1, "value": 0o111, "valueTwo": 0o111, "op": "SCMP_CMP_MASKED_EQ"}]
    bundle.linux["seccomp"] = deny(["chmod"], args=args)
    (bundle.rootfs / "bin" / "chmod").symlink_to("busybox")
    script = "cd /tmp; touch a; chmod 644 a && echo read; chmod 755 a 2>/dev/null || echo no exec"
    assert bundle.output(script) == "read\nno exec\n"


def test_killing_kills(bundle: Bundle) -> None:
    bundle.linux["seccomp"] = deny(["mkdir", "mkdirat"], "SCMP_ACT_KILL_PROCESS")
    bundle.shell("(mkdir /tmp/x); echo status $?")
    done = bundle.run()
    assert "status 159" in done.stdout  # 128 + SIGSYS


@pytest.mark.parametrize(
    "flags", [None, [], ["SECCOMP_FILTER_FLAG_LOG"], ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]]
)
def test_flags_are_taken(bundle: Bundle, flags: list[str] | None) -> None:
    bundle.linux["seccomp"] = deny(["mkdir"]) | ({} if flags is None else {"flags": flags})
    assert bundle.output("echo fine") == "fine\n"


@pytest.mark.parametrize("no_new_privs", [False, True])
def test_it_works_with_and_without_no_new_privileges(bundle: Bundle, no_new_privs: bool) -> None:
    bundle.linux["seccomp"] = DOCKER
    bundle.config["process"]["noNewPrivileges"] = no_new_privs
    bundle.config["process"]["user"] = {"uid": 1000, "gid": 1000}
    assert bundle.output("grep Seccomp: /proc/self/status") == "Seccomp:\t2\n"


def test_a_second_start_takes_the_filter_from_the_cache(bundle: Bundle) -> None:
    bundle.linux["seccomp"] = DOCKER
    for _ in range(2):
        assert bundle.output("grep Seccomp: /proc/self/status") == "Seccomp:\t2\n"


class Agent:
    """Answers one notification with an errno of its own."""

    def __init__(self, path: str) -> None:
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(path)
        self._server.listen(1)
        self._server.settimeout(20)
        self.state: dict[str, Any] = {}
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._server.accept()
        with connection:
            text, fds, _, _ = socket.recv_fds(connection, 65536, 1)
        self.state = json.loads(text)
        request = bytearray(80)  # struct seccomp_notif
        fcntl.ioctl(fds[0], 0xC0502100, request)
        (identity,) = struct.unpack_from("=Q", request)
        fcntl.ioctl(fds[0], 0xC0182101, bytearray(struct.pack("=QqiI", identity, 0, -122, 0)))  # EDQUOT
        os.close(fds[0])

    def close(self) -> None:
        self._thread.join(20)
        self._server.close()


def test_an_agent_gets_the_listener_and_decides(bundle: Bundle, tmp_path: Path) -> None:
    agent = Agent(str(tmp_path / "agent.sock"))
    try:
        bundle.linux["seccomp"] = deny(["mkdir"], "SCMP_ACT_NOTIFY") | {
            "listenerPath": str(tmp_path / "agent.sock"),
            "listenerMetadata": "data",
        }
        output = bundle.output("mkdir /tmp/x 2>&1 || true")
    finally:
        agent.close()
    assert "quota exceeded" in output.lower()
    assert agent.state["metadata"] == "data"
    assert agent.state["fds"] == ["seccompFd"]
    assert agent.state["state"]["bundle"] == str(bundle.path)
    assert agent.state["pid"] > 0


def test_without_its_agent_a_container_does_not_start(bundle: Bundle) -> None:
    bundle.linux["seccomp"] = deny(["mkdir"], "SCMP_ACT_NOTIFY") | {"listenerPath": "/nowhere/agent.sock"}
    assert "failed to connect with seccomp agent" in bundle.error()


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"defaultAction": "SCMP_ACT_MAYBE"}, "string SCMP_ACT_MAYBE is not a valid action for seccomp"),
        ({"defaultAction": "SCMP_ACT_ALLOW", "flags": ["X"]}, "seccomp flag X is not known"),
        (deny(["write"], "SCMP_ACT_NOTIFY"), "SCMP_ACT_NOTIFY cannot be used for the write syscall"),
    ],
)
def test_a_wrong_section_is_refused_before_anything_is_made(
    bundle: Bundle, section: dict[str, Any], words: str
) -> None:
    bundle.linux["seccomp"] = section
    assert words in bundle.error()


PROBE = """
import ctypes, json, os, sys
sys.path.insert(0, sys.argv[1])
from lowrt.seccomp.compile import CompiledFilter
from lowrt.seccomp.install import install
libc = ctypes.CDLL(None, use_errno=True)
install(CompiledFilter(open(sys.argv[2], "rb").read(), 0))
answers = []
for number in (155, 246, 39, 472, 500):
    result = libc.syscall(number, -1, -1, -1, -1, -1, -1)
    answers.append((number, ctypes.get_errno() if result == -1 else 0))
os.write(1, json.dumps(answers).encode())
os._exit(0)
"""


def test_a_call_that_the_profile_does_not_know_is_not_there(tmp_path: Path) -> None:
    """The kernel's own answers under Docker's profile: EPERM for what is refused, ENOSYS beyond what it knows."""
    compiled = compile_profile(DOCKER)
    assert compiled is not None
    (tmp_path / "filter").write_bytes(compiled.bpf)
    command = [sys.executable, "-c", PROBE, str(PROJECT), str(tmp_path / "filter")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    answers = dict(json.loads(done.stdout))
    assert answers[155] == 1  # pivot_root
    assert answers[246] == 1  # kexec_load
    assert answers[39] == 0  # getpid
    assert answers[472] == answers[500] == 38
