"""What comes from outside: a user namespace joined by its path, an agent that answers for the kernel, podman."""

import fcntl
import json
import os
import socket
import struct
import threading
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.contract.oci_runtime import Bundles, Runtime, listening
from tests.integration.lowrt.runtimes import bundles, lowrt, rootfs

__all__ = ["bundles", "lowrt", "rootfs"]  # fixtures

pytestmark = [needs.root, needs.binary("busybox")]

Json = dict[str, Any]

_MAPPINGS = [{"containerID": 0, "hostID": 100000, "size": 65536}]


def test_a_user_namespace_is_joined_by_its_path(lowrt: Runtime, bundles: Bundles) -> None:
    """With the others that belong to it, as in a pod; and an exec finds its way in."""

    def own(document: Json) -> None:
        document["linux"]["namespaces"].append({"type": "user"})
        document["linux"].update(uidMappings=_MAPPINGS, gidMappings=_MAPPINGS)

    assert lowrt("run", "-d", "-b", bundles(change=own), "c1").code == 0
    pid = lowrt.state("c1")["pid"]

    def join(document: Json) -> None:
        for entry in document["linux"]["namespaces"]:
            if entry["type"] in ("network", "ipc", "uts"):
                entry["path"] = f"/proc/{pid}/ns/{'net' if entry['type'] == 'network' else entry['type']}"
        document["linux"]["namespaces"].append({"type": "user", "path": f"/proc/{pid}/ns/user"})
        document.pop("hostname")

    script = "id -u; cat /proc/self/uid_map; for n in user net; do readlink /proc/self/ns/$n; done; sleep 60"
    assert lowrt("run", "-d", "-b", bundles.sh(script, join), "c2").code == 0
    inside = lowrt("exec", "c2", "sh", "-c", script.removesuffix("; sleep 60")).out.split()
    assert inside[:4] == ["0", "0", "100000", "65536"]
    assert inside[4:] == [os.readlink(f"/proc/{pid}/ns/{kind}") for kind in ("user", "net")]
    assert Path(f"/proc/{lowrt.state('c2')['pid']}/status").read_text().split("Uid:\t")[1].split()[0] == "100000"


_NOTIF_RECV, _NOTIF_SEND = 0xC0502100, 0xC0182101
_ENOMSG = 42


class Agent(threading.Thread):
    """Takes one listener, and answers every call with an error of its own choosing."""

    def __init__(self, server: socket.socket) -> None:
        super().__init__(daemon=True)
        self._server = server
        self.document: Json = {}
        self.calls: list[int] = []

    def run(self) -> None:
        connection, _ = self._server.accept()
        with connection:
            text, fds, _, _ = socket.recv_fds(connection, 65536, 1)
        self.document = json.loads(text)
        try:
            while True:
                self._answer(fds[0])
        except OSError:  # nobody is left under the filter
            os.close(fds[0])

    def _answer(self, listener: int) -> None:
        request = bytearray(80)
        fcntl.ioctl(listener, _NOTIF_RECV, request)
        number, pid, _, call = struct.unpack_from("=QIIi", request)
        assert pid
        self.calls.append(call)
        fcntl.ioctl(listener, _NOTIF_SEND, struct.pack("=QqiI", number, 0, -_ENOMSG, 0))


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the call's number is x86-64's")
def test_an_agent_answers_for_the_kernel(lowrt: Runtime, bundles: Bundles, tmp_path: Path) -> None:
    """SCMP_ACT_NOTIFY, from the configuration to the answer; the document is the specification's."""

    def notify(document: Json) -> None:
        document["linux"]["seccomp"] = {
            "defaultAction": "SCMP_ACT_ALLOW",
            "listenerPath": str(tmp_path / "agent"),
            "listenerMetadata": "for the agent",
            "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}],
        }

    with listening(tmp_path / "agent") as server:
        agent = Agent(server)
        agent.start()
        result = lowrt("run", "-b", bundles("mkdir", "/tmp/x", change=notify), "c1")
        agent.join(10)
    assert (result.code, agent.calls) == (1, [83])
    assert os.strerror(_ENOMSG) in result.err
    assert agent.document["fds"] == ["seccompFd"]
    assert agent.document["metadata"] == "for the agent"
    assert agent.document["state"]["id"] == "c1"
    assert agent.document["state"]["status"] == "creating"
    assert agent.document["pid"] == agent.document["state"]["pid"]


def test_without_its_agent_a_container_does_not_start(lowrt: Runtime, bundles: Bundles, tmp_path: Path) -> None:
    def notify(document: Json) -> None:
        document["linux"]["seccomp"] = {
            "defaultAction": "SCMP_ACT_ALLOW",
            "listenerPath": str(tmp_path / "nobody"),
            "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}],
        }

    result = lowrt("run", "-b", bundles("true", change=notify), "c1")
    assert result.code == 1
    assert "failed to connect with seccomp agent" in result.error
    assert lowrt("state", "c1").code == 1
