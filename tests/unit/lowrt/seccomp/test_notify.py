"""The message to the seccomp agent."""

import json
import os
import socket
from pathlib import Path

import pytest

from lowrt.errors import Fault
from lowrt.seccomp.notify import process_state, send_listener

STATE = {"ociVersion": "1.2.1", "id": "box", "status": "creating", "pid": 7}


def test_the_document_is_the_specifications() -> None:
    document = process_state({"listenerMetadata": "m"}, 7, STATE)
    assert document == {"ociVersion": "1.2.1", "fds": ["seccompFd"], "pid": 7, "metadata": "m", "state": STATE}
    assert "metadata" not in process_state({}, 7, STATE)


def test_the_fd_travels_beside_it(tmp_path: Path) -> None:
    path = str(tmp_path / "agent.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(1)
        out, into = os.pipe()
        send_listener({"listenerPath": path}, into, 7, STATE)
        connection, _ = server.accept()
        with connection:
            text, fds, _, _ = socket.recv_fds(connection, 65536, 4)
        assert json.loads(text)["pid"] == 7
        os.write(fds[0], b"x")
        assert os.read(out, 1) == b"x"
        for fd in (*fds, out, into):
            os.close(fd)


def test_an_agent_that_is_not_there_is_told() -> None:
    with pytest.raises(Fault, match="failed to connect with seccomp agent"):
        send_listener({"listenerPath": "/nowhere/agent.sock"}, 0, 7, STATE)
    with pytest.raises(Fault, match="listenerPath is not set"):
        send_listener({}, 0, 7, STATE)
