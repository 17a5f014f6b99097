"""The units of deploy/ under a systemd that is real, in a machine that is not."""

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import needs

pytestmark = [needs.root, needs.systemd, needs.uml]

PROJECT = Path(__file__).resolve().parents[2]
UNITS = ("wherryd.socket", "wherryd.service", "wherry-supervisor.service")
SOCKET = "/run/wherry/docker.sock"


def systemctl(*words: str, check: bool = True) -> str:
    return subprocess.run(["systemctl", *words], check=check, capture_output=True, text=True).stdout.strip()


def get(path: str) -> bytes:
    """A client that waits as long as it takes: the socket is systemd's."""
    connection = http.client.HTTPConnection("localhost", timeout=300)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(300)
    connection.sock.connect(SOCKET)
    connection.request("GET", path)
    body = connection.getresponse().read()
    connection.close()
    return body


def shown(unit: str, name: str) -> str:
    return systemctl("show", "--property", name, "--value", unit)


@pytest.fixture
def installed() -> Iterator[None]:
    """The units as they are, with the programs of this checkout."""
    for name in UNITS:
        text = (PROJECT / "deploy" / "systemd" / name).read_text()
        Path("/etc/systemd/system", name).write_text(text.replace("/usr/local/bin", str(PROJECT / ".venv" / "bin")))
    # This machine has neither bridges nor a file system that overlayfs takes, but for this one.
    settings: dict[str, Any] = {"bridge": "none", "iptables": False, "ip6tables": False}
    Path("/etc/wherry").mkdir(exist_ok=True)
    Path("/etc/wherry/daemon.json").write_text(json.dumps(settings))
    Path("/var/lib/wherry").mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/var/lib/wherry"], check=True)
    subprocess.run(["modprobe", "nf_tables"], check=True)
    systemctl("daemon-reload")
    yield
    systemctl("stop", *UNITS, check=False)
    subprocess.run(["umount", "--lazy", "/var/lib/wherry"], check=True)


def test_the_first_client_starts_everything_and_a_killed_engine_keeps_its_clients(installed: None) -> None:
    systemctl("start", "wherryd.socket")
    assert stat.S_IMODE(os.stat(SOCKET).st_mode) == 0o660
    assert shown("wherryd.service", "ActiveState") == shown("wherry-supervisor.service", "ActiveState") == "inactive"
    assert get("/_ping") == b"OK"
    assert shown("wherryd.service", "ActiveState") == shown("wherry-supervisor.service", "ActiveState") == "active"

    first = int(shown("wherryd.service", "MainPID"))
    os.kill(first, signal.SIGKILL)
    assert json.loads(get("/version"))["Platform"]["Name"] == "Wherry Engine"
    assert int(shown("wherryd.service", "MainPID")) != first

    systemctl("stop", *UNITS)
    for unit in UNITS[1:]:
        assert (shown(unit, "ActiveState"), shown(unit, "Result")) == ("inactive", "success")
