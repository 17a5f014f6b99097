"""Questions to every endpoint of the API, each with the status and the shape of its answer (bodies.py).

`prepare` makes what they are about: a container with much in its configuration (`rich`), others running, created, ended
and without a network, a built image, a network and a volume.
"""

import http.client
import io
import json
import socket
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

Json = dict[str, Any]

DOCKERFILE = b"""FROM busybox
ENV A=b
EXPOSE 80
VOLUME /data
RUN echo a > /b
HEALTHCHECK --interval=30s CMD true
SHELL ["/bin/sh", "-c"]
USER 1
WORKDIR /w
STOPSIGNAL 9
LABEL a=b
ENTRYPOINT ["c"]
"""
RICH: Json = {
    "Image": "busybox",
    "Cmd": ["sh", "-c", "echo out; echo err >&2; exec sleep 1000"],
    "Env": ["A=b"],
    "Hostname": "rich",
    "ExposedPorts": {"80/tcp": {}, "81/udp": {}},
    "Healthcheck": {"Test": ["CMD", "true"], "Interval": 10**9, "Timeout": 10**10, "StartPeriod": 10**9, "Retries": 2},
    "StopSignal": "SIGKILL",
    "StopTimeout": 1,
    "Volumes": {"/anonymous": {}},
    "Labels": {"walk": "1"},
    "HostConfig": {
        "NetworkMode": "walk",
        "Annotations": {"a": "b"},
        "Binds": ["walk:/volume:ro", "/tmp:/bound"],
        "Mounts": [
            {"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 65536, "Mode": 0o700}},
            {"Type": "volume", "Source": "walk", "Target": "/again", "VolumeOptions": {"NoCopy": True}},
        ],
        "PortBindings": {"80/tcp": [{"HostPort": "18099"}], "81/udp": [{"HostIp": "127.0.0.1"}]},
        "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2},
        "Ulimits": [{"Name": "nofile", "Soft": 1000, "Hard": 2000}],
        "Memory": 64 << 20,
        "PidsLimit": 100,
        "CapAdd": ["NET_ADMIN"],
        "CapDrop": ["MKNOD"],
        "Dns": ["192.0.2.1"],
        "ExtraHosts": ["a:192.0.2.2"],
        "Sysctls": {"net.ipv4.ip_forward": "1"},
        "Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/other", "CgroupPermissions": "rwm"}],
        "GroupAdd": ["5"],
        "SecurityOpt": ["no-new-privileges"],
        "Tmpfs": {"/more": "size=64k"},
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}},
    },
    "NetworkingConfig": {
        "EndpointsConfig": {
            "walk": {"Aliases": ["alias"], "IPAMConfig": {"IPv4Address": "10.217.9.200"}, "DriverOpts": {"a": "b"}}
        }
    },
}
NETWORK: Json = {
    "Name": "walk",
    "Labels": {"walk": "1"},
    "IPAM": {"Config": [{"Subnet": "10.217.9.0/24", "IPRange": "10.217.9.128/25", "Gateway": "10.217.9.1"}]},
}
NOTHING = quote(json.dumps({"label": ["nothing-has-this-label"]}))
NO_RECORD = quote(json.dumps({"id": ["nothing-has-this-id"]}))


class _Connection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("docker", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(path: str, method: str, target: str, body: Any = None) -> tuple[int, Json, bytes]:
    """Status, headers (in small letters) and body; a body of bytes is sent as a tar."""
    connection = _Connection(path)
    try:
        kind = "application/x-tar" if isinstance(body, bytes) else "application/json"
        data = body if isinstance(body, bytes) or body is None else json.dumps(body)
        connection.request(method, target, data, {"Content-Type": kind} if body is not None else {})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def tar_of(name: str, data: bytes) -> bytes:
    """A tar of one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def prepare(path: str) -> None:
    """What the questions are about."""

    def do(method: str, target: str, body: Any = None) -> bytes:
        status, _, data = ask(path, method, f"/v1.44{target}", body)
        assert status < 300, (method, target, status, data)
        return data

    do("POST", "/volumes/create", {"Name": "walk", "Labels": {"walk": "1"}})
    do("POST", "/networks/create", NETWORK)
    others: tuple[tuple[str, Json], ...] = (
        ("plain", {"Cmd": ["sleep", "1000"]}),
        ("created", {"Cmd": ["sleep", "1000"]}),
        ("ended", {"Cmd": ["false"], "HostConfig": {"NetworkMode": "host"}}),
        ("alone", {"Cmd": ["sleep", "1000"], "Tty": True, "HostConfig": {"NetworkMode": "none"}}),
    )
    for name, body in (("rich", RICH), *others):
        do("POST", f"/containers/create?name={name}", {"Image": "busybox"} | body)
        if name != "created":
            do("POST", f"/containers/{name}/start")
    do("POST", "/containers/ended/wait")
    built = do("POST", "/build?t=built", tar_of("Dockerfile", DOCKERFILE))
    assert b"Successfully built" in built, built
    while b"healthy" not in do("GET", "/containers/rich/json"):
        time.sleep(0.1)


@dataclass(frozen=True, slots=True)
class Question:
    """A request; the status and the type of its answer's body ("" for none, TAR or STREAM for those)."""

    method: str
    target: str
    status: int
    kind: str
    body: Any = None

    def __str__(self) -> str:
        return f"{self.method} {self.target}"


TAR, STREAM, LINES = "a tar", "a stream", "lines of Event"


def reads() -> Iterator[Question]:
    """Those that change nothing, in every version."""
    yield Question("GET", "/_ping", 200, STREAM)
    for query in ("", "?all=1&size=1"):
        yield Question("GET", f"/containers/json{query}", 200, "[Summary]")
    for name in ("rich", "plain", "created", "ended", "alone"):
        yield Question("GET", f"/containers/{name}/json?size=1", 200, "Container")
    yield Question("GET", "/containers/rich/top", 200, "Top")
    yield Question("GET", "/containers/rich/changes", 200, "[Change]~")
    yield Question("GET", "/containers/rich/stats?stream=0&one-shot=1", 200, "Stats")
    yield Question("GET", "/containers/rich/logs?stdout=1&stderr=1", 200, STREAM)
    yield Question("HEAD", "/containers/rich/archive?path=/etc/passwd", 200, "PathStat")
    yield Question("GET", "/containers/rich/archive?path=/etc/passwd", 200, TAR)
    for query in ("", "?all=1&digests=1&shared-size=1", "?manifests=1"):
        yield Question("GET", f"/images/json{query}", 200, "[ImageSummary]")
    for name in ("busybox", "built", "built?manifests=1"):
        image, _, query = name.partition("?")
        yield Question("GET", f"/images/{image}/json?{query}", 200, "Image")
        yield Question("GET", f"/images/{image}/history", 200, "[Step]")
    yield Question("GET", "/networks", 200, "[Network]")
    for name in ("walk", "bridge", "host", "none"):
        yield Question("GET", f"/networks/{name}", 200, "NetworkInspected")
    yield Question("GET", "/volumes", 200, "Volumes")
    yield Question("GET", "/volumes/walk", 200, "Volume")
    yield Question("GET", "/info", 200, "Info")
    yield Question("GET", "/version", 200, "Version")
    for query in ("", "?verbose=1"):
        yield Question("GET", f"/system/df{query}", 200, "DiskUsage")
    yield Question("GET", f"/events?since=1&until={time.time():.6f}", 200, LINES)
    for what in ("containers/nope", "exec/nope", "images/nope"):
        yield Question("GET", f"/{what}/json", 404, "Error")
    for what in ("networks/nope", "volumes/nope", "containers/nope/top", "containers/nope/logs?stdout=1"):
        yield Question("GET", f"/{what}", 404, "Error")


def verbs() -> Iterator[Question]:
    """A life of one container, and of an image, a network and a volume; they leave nothing."""
    body = {"Image": "busybox", "Cmd": ["sleep", "1000"], "Tty": True, "HostConfig": {"Memory": 64 << 20}}
    one = "/containers/verbs"
    yield Question("POST", "/containers/create?name=verbs", 201, "Created", body)
    yield Question("POST", "/containers/create?name=verbs", 409, "Error", body)
    yield Question("POST", "/containers/create", 404, "Error", {"Image": "nope:nope"})
    yield Question("POST", f"{one}/update", 200, "Updated", {"CpuShares": 512})
    yield Question("POST", f"{one}/start", 204, "")
    yield Question("POST", f"{one}/start", 304, "")
    yield Question("POST", f"{one}/resize?h=10&w=20", 200, "")
    yield Question("POST", f"{one}/pause", 204, "")
    yield Question("POST", f"{one}/unpause", 204, "")
    yield Question("POST", f"{one}/exec", 201, "Id", {"Cmd": ["true"], "AttachStdout": True})
    yield Question("PUT", f"{one}/archive?path=/tmp", 200, "", tar_of("file", b"data"))
    yield Question("GET", f"{one}/export", 200, TAR)
    yield Question("POST", "/commit?container=verbs&repo=verbs", 201, "Id", {})
    yield Question("DELETE", "/images/verbs", 200, "[Removed]")
    yield Question("POST", f"{one}/rename?name=other", 204, "")
    yield Question("POST", "/containers/other/rename?name=verbs", 204, "")
    yield Question("POST", f"{one}/restart?t=0", 204, "")
    yield Question("POST", f"{one}/kill", 204, "")
    yield Question("POST", f"{one}/wait", 200, "Waited")
    yield Question("POST", f"{one}/kill", 409, "Error")
    yield Question("POST", f"{one}/stop", 304, "")
    yield Question("DELETE", one, 204, "")
    yield Question("POST", f"/containers/prune?filters={NOTHING}", 200, "PrunedContainers")
    yield Question("POST", "/images/busybox/tag?repo=verbs&tag=1", 201, "")
    yield Question("DELETE", "/images/verbs:1", 200, "[Removed]")
    yield Question("POST", f"/images/prune?filters={NOTHING}", 200, "PrunedImages")
    yield Question("GET", "/images/busybox/get", 200, TAR)
    yield Question("POST", f"/build/prune?filters={NO_RECORD}", 200, "PrunedCache")
    yield Question("POST", "/networks/create", 201, "NetworkMade", {"Name": "verbs"})
    yield Question("POST", "/networks/verbs/connect", 200, "", {"Container": "plain"})
    yield Question("POST", "/networks/verbs/disconnect", 200, "", {"Container": "plain"})
    yield Question("DELETE", "/networks/verbs", 204, "")
    yield Question("POST", f"/networks/prune?filters={NOTHING}", 200, "PrunedNetworks")
    yield Question("POST", "/volumes/create", 201, "Volume", {"Name": "verbs"})
    yield Question("DELETE", "/volumes/walk", 409, "Error")
    yield Question("DELETE", "/volumes/verbs", 204, "")
    yield Question("POST", f"/volumes/prune?filters={NOTHING}", 200, "PrunedVolumes")
