"""Mounts whose source is found at each start: folders below a volume, and images."""

import json
import urllib.parse
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from socket import AF_UNIX, socket
from typing import Any

import pytest

from tests import needs
from tests.engine_process import Engine

pytestmark = [needs.root, needs.binary("docker"), needs.overlay]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine, and a volume with a tree and a link that leads out."""
    with Engine(tmp_path_factory.mktemp("mounts")) as made:
        script = "mkdir -p /v/a/b && echo inside > /v/a/b/f && ln -s /etc /v/out && ln -s a /v/link"
        made.docker("run", "--rm", "--network", "none", "-v", "tree:/v", "busybox", "sh", "-c", script)
        yield made


def create(engine: Engine, name: str, mount: dict[str, Any], *command: str) -> tuple[int, str]:
    """By the API: no docker CLI of Debian 12 has these flags."""
    connection = HTTPConnection("d")
    connection.sock = socket(AF_UNIX)
    connection.sock.connect(str(engine.socket))
    body = {"Image": "busybox", "Cmd": command, "HostConfig": {"NetworkMode": "none", "Mounts": [mount]}}
    path = f"/v1.48/containers/create?name={urllib.parse.quote(name)}"
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def below(path: str) -> dict[str, Any]:
    return {"Type": "volume", "Source": "tree", "Target": "/s", "VolumeOptions": {"Subpath": path}}


@pytest.mark.parametrize(("path", "file"), [("a/b", "/s/f"), ("link/b", "/s/f"), ("a/b/f", "/s")])
def test_a_subpath_is_what_is_mounted(engine: Engine, path: str, file: str) -> None:
    assert create(engine, "sub", below(path), "cat", file)[0] == 201
    assert engine.out("start", "-a", "sub") == "inside"
    assert engine.out("start", "-a", "sub") == "inside"  # once more
    engine.docker("rm", "sub")


def test_a_subpath_that_leads_out_or_nowhere_fails_the_start(engine: Engine) -> None:
    for path, words in (("out/hostname", "cannot access path"), ("nope", "cannot access path")):
        assert create(engine, "lost", below(path), "true")[0] == 201
        done = engine.docker("start", "lost", check=False)
        assert done.returncode != 0
        assert words in done.stderr
        engine.docker("rm", "lost")


def test_an_image_is_mounted_with_a_layer_of_the_containers_own(engine: Engine) -> None:
    mount = {"Type": "image", "Source": "busybox", "Target": "/i", "ImageOptions": {"Subpath": "bin"}}
    assert create(engine, "image", mount, "sh", "-c", "test -x /i/busybox && echo x >> /i/new && cat /i/new")[0] == 201
    assert engine.out("start", "-a", "image") == "x"
    assert engine.out("start", "-a", "image") == "x\nx"  # what was written stays with the container
    engine.docker("rm", "image")
    assert "new" not in engine.out("run", "--rm", "--network", "none", "busybox", "ls", "/bin").split()


def test_an_image_that_is_not_there_is_missed_at_create(engine: Engine) -> None:
    status, text = create(engine, "none", {"Type": "image", "Source": "nope", "Target": "/i"}, "true")
    assert (status, "No such image: nope" in text) == (404, True)


def test_nothing_stays_mounted(engine: Engine) -> None:
    assert create(engine, "gone", below("a"), "sleep", "100")[0] == 201
    engine.docker("start", "gone")
    assert any(mount.endswith("-0") and "/subpaths/" in mount for mount in engine.mounts())
    engine.docker("rm", "-f", "gone")
    assert not any("/subpaths/" in mount or "/mounts/" in mount for mount in engine.mounts())


def test_a_network_file_system_that_the_kernel_lacks_is_named(engine: Engine) -> None:
    """mount(2) with the volume's own words; nothing is left when it fails."""
    if "\tnfs" in Path("/proc/filesystems").read_text():
        pytest.skip("this kernel has NFS, and would look for the server")
    options = ("-o", "type=nfs", "-o", "device=:/export", "-o", "o=addr=127.0.0.1,noatime,soft")
    engine.docker("volume", "create", *options, "far")
    done = engine.docker("run", "--rm", "--network", "none", "-v", "far:/x", "busybox", "true", check=False)
    engine.docker("volume", "rm", "far")
    assert done.returncode == 125
    assert "failed to mount local volume: mount :/export:" in done.stderr
    assert "flags: 0x400, data: addr=127.0.0.1,soft: no such device" in done.stderr
