"""docker-py on our engine."""

import io
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests import needs
from tests.engine_process import Engine

docker: Any = pytest.importorskip("docker")
pytestmark = [needs.root, needs.binary("docker"), needs.overlay]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of an engine of its own."""
    with Engine(tmp_path_factory.mktemp("py")) as engine:
        made = docker.DockerClient(base_url=engine.host, timeout=30)
        yield made
        made.close()


def test_run_gives_the_output(client: Any) -> None:
    assert client.containers.run("busybox", ["echo", "hi"], network_mode="none", remove=True) == b"hi\n"


def test_a_failure_carries_code_and_stderr(client: Any) -> None:
    with pytest.raises(docker.errors.ContainerError) as caught:
        client.containers.run("busybox", ["sh", "-c", "echo no >&2; exit 3"], network_mode="none", remove=True)
    assert caught.value.exit_status == 3
    assert b"no" in caught.value.stderr
    with pytest.raises(docker.errors.ImageNotFound):
        client.api.create_container("no-such-image", "true")
    with pytest.raises(docker.errors.NotFound):
        client.containers.get("nope")


def test_a_life_with_execs_logs_and_stats(client: Any) -> None:
    container = client.containers.run(
        "busybox", ["sh", "-c", "echo begin; sleep 100"], network_mode="none", detach=True, labels={"a": "b"}
    )
    try:
        code, output = container.exec_run(["sh", "-c", "echo one; echo two >&2; exit 4"], demux=True)
        assert (code, output) == (4, (b"one\n", b"two\n"))
        assert container.logs() == b"begin\n"
        assert container.stats(stream=False)["pids_stats"]["current"] >= 1
        container.reload()
        assert container.status == "running"
        assert client.containers.list(filters={"label": "a=b"}) == [container]
        assert container.top()["Titles"][0] == "UID"
        container.kill()
        assert container.wait()["StatusCode"] == 137
    finally:
        container.remove(force=True)


def test_archives(client: Any) -> None:
    container = client.containers.create("busybox", "sleep 100", network_mode="none")
    try:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            info = tarfile.TarInfo("f")
            info.size, info.uid, info.mode = 3, 12, 0o640
            tar.addfile(info, io.BytesIO(b"abc"))
        assert container.put_archive("/tmp", buffer.getvalue())
        chunks, stat = container.get_archive("/tmp/f")
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
            member = tar.getmember("f")
            assert (member.uid, member.mode, stat["size"]) == (12, 0o640, 3)
    finally:
        container.remove(force=True)


def test_events_are_a_stream(client: Any) -> None:
    events = client.events(decode=True, filters={"event": "create"})
    container = client.containers.create("busybox", "true", network_mode="none")
    try:
        assert next(events)["Actor"]["ID"] == container.id
    finally:
        events.close()
        container.remove()
