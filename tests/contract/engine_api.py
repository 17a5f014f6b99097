"""Questions whose answers, status and words, every Docker Engine API daemon must agree on.

Each is asked of ours; where a dockerd is at hand, of that too, and the answers are compared. `{id}` in an answer
stands for an id.
"""

import contextlib
import http.client
import json
import re
import socket
from dataclasses import dataclass
from typing import Any

_ID = re.compile(r"\b[0-9a-f]{64}\b")
VERSION = "v1.41"  # the newest that Debian's dockerd speaks too


@dataclass(frozen=True)
class Question:
    """One request, and what the answer must be."""

    method: str
    path: str
    status: int
    message: str
    body: Any = None


def create(status: int, message: str, own: dict[str, Any] | None = None, **host: Any) -> Question:
    body = {"Image": "busybox", "Cmd": ["true"], "HostConfig": {"NetworkMode": "none"} | host} | (own or {})
    return Question("POST", "/containers/create", status, message, body)


# `up` runs and `down` was created, in both daemons, when these are asked.
QUESTIONS = (
    create(404, "No such image: no-such:1", {"Image": "no-such:1"}),
    create(400, "Minimum memory limit allowed is 6MB", Memory=1000),
    create(
        400,
        "Minimum memoryswap limit should be larger than memory limit, see usage",
        Memory=100_000_000,
        MemorySwap=50_000_000,
    ),
    create(400, "You should always set the Memory limit when using Memoryswap limit, see usage", MemorySwap=50_000_000),
    create(400, "Conflicting options: Nano CPUs and CPU Period cannot both be set", NanoCpus=1000, CpuPeriod=1000),
    create(400, "Requested CPUs are not available - requested 99, available: {cpus}", CpusetCpus="99"),
    create(400, "Duplicate mount point: /x", Binds=["/tmp:/x", "/etc:/x"]),
    create(
        400,
        'invalid mount config for type "bind": bind source path does not exist: /no/such',
        Mounts=[{"Type": "bind", "Source": "/no/such", "Target": "/x"}],
    ),
    create(
        400,
        'invalid mount config for type "bind": field Source must not be empty',
        Mounts=[{"Type": "bind", "Source": "", "Target": "/x"}],
    ),
    create(
        400,
        "can't create 'AutoRemove' container with restart policy",
        AutoRemove=True,
        RestartPolicy={"Name": "always"},
    ),
    create(400, "the working directory 'rel' is invalid, it needs to be an absolute path", {"WorkingDir": "rel"}),
    create(400, "invalid environment variable: =x", {"Env": ["=x"]}),
    Question(
        "POST",
        "/containers/create?name=up",
        409,
        'Conflict. The container name "/up" is already in use by container "{id}". You have to remove (or rename) that '
        "container to be able to reuse that name.",
        {"Image": "busybox", "Cmd": ["true"]},
    ),
    Question("POST", "/containers/up/start", 304, ""),
    Question("POST", "/containers/down/stop", 304, ""),
    Question("POST", "/containers/nope/start", 404, "No such container: nope"),
    Question("DELETE", "/containers/nope", 404, "No such container: nope"),
    Question("GET", "/containers/nope/json", 404, "No such container: nope"),
    Question(
        "POST", "/containers/up/rename?name=up", 400, "Renaming a container with the same name as its current name"
    ),
    Question("POST", "/containers/up/rename?name=", 400, "Neither old nor new names may be empty"),
    Question("GET", "/containers/up/logs", 400, "Bad parameters: you must choose at least one stream"),
    Question("POST", "/containers/up/exec", 400, "No exec command specified", {"Cmd": []}),
    Question("GET", "/exec/nope/json", 404, "No such exec instance: nope"),
    Question("GET", "/volumes/nope", 404, "get nope: no such volume"),
    Question("GET", "/no/such/page", 404, "page not found"),
)


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("docker", timeout=20)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(path: str, method: str, url: str, body: Any = None) -> tuple[int, str]:
    """(status, message), ids taken out."""
    headers = {"Content-Type": "application/json"}
    with contextlib.closing(_Connection(path)) as connection:
        connection.request(method, f"/{VERSION}{url}", None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        data = answer.read()
    message = json.loads(data).get("message", "") if data and answer.status >= 300 else ""
    return answer.status, _ID.sub("{id}", message)
