"""Fields appear and vanish with the API's version: every line of the table, in every version that the engine speaks.

`WHERRY_TEST_DOCKER_HOST=unix:///… pytest tests/contract/test_field_versions.py` asks a dockerd the same.
"""

import http.client
import json
import os
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests import needs
from tests.contract.field_versions import LINES, NEWEST, OLDEST, present
from tests.engine_process import Engine

pytestmark = [needs.root, needs.binary("docker"), needs.overlay]

BODY = {
    "Image": "busybox",
    "Cmd": ["sleep", "600"],
    "Healthcheck": {"Test": ["CMD", "true"], "Interval": 10**9},
    "HostConfig": {"Annotations": {"a": "b"}},
}


class _Connection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("docker", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(path: str, method: str, target: str, body: Any = None) -> Any:
    """A document, or a stream's first line."""
    connection = _Connection(path)
    try:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, target, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        data = answer.readline()
        assert answer.status < 300, (method, target, answer.status, data)
        return json.loads(data) if data.strip() else None
    finally:
        connection.close()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A socket, and a healthy container on the default bridge."""
    if host := os.environ.get("WHERRY_TEST_DOCKER_HOST"):
        path = host.removeprefix("unix://")
        yield path, _container(path)
        ask(path, "DELETE", "/containers/versions?force=1")
        return
    folder = tmp_path_factory.mktemp("versions")
    with Engine(folder, "--bip", "10.217.0.1/24", bridge="wver0", netns=f"wherry-ver-{os.getpid()}") as engine:
        yield str(engine.socket), _container(str(engine.socket))


def _container(path: str) -> str:
    made = ask(path, "POST", "/v1.46/containers/create?name=versions", BODY)["Id"]
    ask(path, "POST", f"/containers/{made}/start", {})
    return str(made)


@pytest.fixture(scope="module")
def spoken(daemon: tuple[str, str]) -> range:
    """The minor numbers of the versions that the daemon speaks; ours takes newer ones than it advertises."""
    if "WHERRY_TEST_DOCKER_HOST" not in os.environ:
        return range(OLDEST, NEWEST + 1)
    about = ask(daemon[0], "GET", "/version")
    oldest, newest = (int(about[name].partition(".")[2]) for name in ("MinAPIVersion", "ApiVersion"))
    return range(oldest, newest + 1)


def documents(path: str, container: str, minor: int) -> dict[str, Any]:
    """Every endpoint's answer in one version."""
    base, now = f"/v1.{minor}", f"{time.time():.9f}"
    return {
        "info": ask(path, "GET", f"{base}/info"),
        "df": ask(path, "GET", f"{base}/system/df"),
        "images": ask(path, "GET", f"{base}/images/json?manifests=1"),
        "image": ask(path, "GET", f"{base}/images/busybox/json?manifests=1"),
        "containers": ask(path, "GET", f"{base}/containers/json"),
        "container": ask(path, "GET", f"{base}/containers/{container}/json"),
        "event": ask(path, "GET", f'{base}/events?since=1&until={now}&filters={{"event":["start"]}}'),
        "network": ask(path, "GET", f"{base}/networks/bridge"),
        "stats": ask(path, "GET", f"{base}/containers/{container}/stats?stream=1"),
    }


@pytest.mark.parametrize("minor", range(OLDEST, NEWEST + 1))
def test_every_field_is_there_in_its_versions_and_in_no_others(
    daemon: tuple[str, str], spoken: range, minor: int
) -> None:
    if minor not in spoken:
        pytest.skip(f"the daemon speaks 1.{spoken[0]} to 1.{spoken[-1]}")
    answers = documents(*daemon, minor)
    found = {str(line) for line in LINES if present(answers[line.endpoint], line.field)}
    assert found == {str(line) for line in LINES if line.since <= minor <= line.until}
