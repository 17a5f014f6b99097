"""docker-py: a container's life, its streams and its files."""

import contextlib
import io
import socket
import tarfile
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests import needs

docker: Any = pytest.importorskip("docker")
pytestmark = [
    needs.root,
    needs.binary("docker"),
    needs.overlay,
    pytest.mark.filterwarnings(
        "ignore:unclosed <socket:ResourceWarning"
    ),  # docker-py leaves hijacked ones to the collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SLEEP = {"network_mode": "none", "detach": True, "stop_signal": "SIGKILL"}


@pytest.fixture
def box(client: Any) -> Iterator[Any]:
    """A container that does nothing for long."""
    made = client.containers.run("busybox", ["sleep", "1000"], **SLEEP)
    yield made
    made.remove(force=True, v=True)


@pytest.fixture
def made(client: Any) -> Iterator[list[Any]]:
    """What is put here is removed."""
    containers: list[Any] = []
    yield containers
    for container in containers:
        with contextlib.suppress(docker.errors.APIError):  # some go by themselves
            container.remove(force=True, v=True)


def test_run_gives_the_output(client: Any) -> None:
    assert client.containers.run("busybox", ["echo", "hi"], network_mode="none", remove=True) == b"hi\n"


def test_a_failure_carries_code_and_stderr(client: Any) -> None:
    with pytest.raises(docker.errors.ContainerError) as caught:
        client.containers.run("busybox", ["sh", "-c", "echo no >&2; exit 3"], network_mode="none", remove=True)
    assert caught.value.exit_status == 3
    assert b"no" in caught.value.stderr


@pytest.mark.parametrize("status", [0, 1, 42, 255])
def test_wait_answers_the_status(client: Any, made: list[Any], status: int) -> None:
    made.append(client.containers.run("busybox", ["sh", "-c", f"exit {status}"], **SLEEP))
    assert made[0].wait()["StatusCode"] == status


@pytest.mark.parametrize("condition", ["not-running", "next-exit", "removed"])
def test_wait_may_begin_before_the_start(client: Any, made: list[Any], condition: str) -> None:
    container = client.containers.create("busybox", ["sh", "-c", "exit 7"], network_mode="none", auto_remove=True)
    made.append(container)
    found: list[int] = []
    if condition == "not-running":
        container.start()
        return
    waiting = threading.Thread(target=lambda: found.append(container.wait(condition=condition)["StatusCode"]))
    waiting.start()
    container.start()
    waiting.join(timeout=20)
    assert found == [7]


def test_a_wait_hears_of_an_exit_that_a_restart_follows(client: Any, made: list[Any]) -> None:
    policy = {"Name": "always", "MaximumRetryCount": 0}
    made.append(client.containers.run("busybox", ["sh", "-c", "sleep 0.3; exit 4"], restart_policy=policy, **SLEEP))
    assert made[0].wait()["StatusCode"] == 4
    with pytest.raises(docker.errors.APIError, match="top the container before"):
        made[0].remove()


@pytest.mark.parametrize(("signal", "status"), [(None, 137), ("SIGKILL", 137), ("KILL", 137), (9, 137)])
def test_kill_by_every_spelling(client: Any, made: list[Any], signal: Any, status: int) -> None:
    made.append(client.containers.run("busybox", ["sleep", "1000"], **SLEEP))
    made[0].kill(signal)
    assert made[0].wait()["StatusCode"] == status


def test_stop_then_start_then_restart(box: Any) -> None:
    box.stop(timeout=0)
    box.reload()
    assert (box.status, box.attrs["State"]["ExitCode"]) == ("exited", 137)
    box.start()
    first = box.attrs["State"]["StartedAt"]
    box.restart(timeout=0)
    box.reload()
    assert box.status == "running"
    assert box.attrs["State"]["StartedAt"] > first


def test_pause_and_unpause(box: Any) -> None:
    box.pause()
    box.reload()
    assert box.status == "paused"
    box.unpause()
    box.reload()
    assert box.status == "running"


def test_rename_keeps_the_id(client: Any, box: Any) -> None:
    box.rename("another-name")
    assert client.containers.get("another-name").id == box.id


def test_update_changes_limits_while_it_runs(box: Any) -> None:
    box.update(mem_limit="64m", memswap_limit="128m")
    box.reload()
    assert box.attrs["HostConfig"]["Memory"] == 64 << 20


def test_top_stats_and_diff(box: Any) -> None:
    assert box.top()["Titles"][0] == "UID"
    assert box.top(ps_args="-eo pid,comm")["Titles"] == ["PID", "COMMAND"]
    stats = box.stats(stream=False)
    assert stats["pids_stats"]["current"] >= 1
    assert stats["memory_stats"]["usage"] > 0
    assert next(box.stats(decode=True))["id"] == box.id
    box.exec_run(["touch", "/fresh"])
    assert {"Path": "/fresh", "Kind": 1} in box.diff()


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"label": "role=a"}, True),
        ({"label": ["role", "role=b"]}, False),
        ({"name": "lister"}, True),
        ({"name": "^/lister$"}, True),
        ({"status": "running"}, True),
        ({"status": "exited"}, False),
        ({"ancestor": "busybox"}, True),
        ({"ancestor": "alpine"}, False),
        ({"volume": "/nowhere"}, False),
        ({"network": "none"}, True),
        ({"is-task": "false"}, True),
    ],
)
def test_lists_are_filtered(client: Any, made: list[Any], filters: dict[str, Any], found: bool) -> None:
    made.append(client.containers.run("busybox", ["sleep", "1000"], name="lister", labels={"role": "a"}, **SLEEP))
    assert (made[0] in client.containers.list(filters=filters, all=True)) is found


def test_a_filter_that_is_none_is_refused(client: Any) -> None:
    with pytest.raises(docker.errors.APIError, match="invalid filter 'nope'"):
        client.containers.list(filters={"nope": "x"})


@pytest.mark.parametrize("tail", [0, 1, 2, "all"])
def test_logs_by_their_tail(client: Any, made: list[Any], tail: Any) -> None:
    made.append(client.containers.run("busybox", ["sh", "-c", "echo 1; echo 2; echo 3"], **SLEEP))
    made[0].wait()
    lines = [b"1\n", b"2\n", b"3\n"]
    assert made[0].logs(tail=tail) == b"".join(lines[len(lines) - tail :] if tail != "all" else lines)


def test_logs_of_one_stream_with_times_and_followed(client: Any, made: list[Any]) -> None:
    script = "echo out; echo err >&2; sleep 0.3; echo late"
    made.append(client.containers.run("busybox", ["sh", "-c", script], **SLEEP))
    assert b"".join(made[0].logs(stream=True, follow=True, stderr=False)) == b"out\nlate\n"
    assert made[0].logs(stdout=False) == b"err\n"
    assert made[0].logs(timestamps=True, stderr=False).splitlines()[0].endswith(b"Z out")
    assert made[0].logs(since=2**31) == b""
    assert made[0].logs(until=1) == b""


@pytest.mark.parametrize(
    ("options", "script", "code", "output"),
    [
        ({}, "echo one; echo two >&2; exit 4", 4, b"one\ntwo\n"),
        ({"demux": True}, "echo one; echo two >&2", 0, (b"one\n", b"two\n")),
        ({"environment": {"A": "b"}}, "echo $A", 0, b"b\n"),
        ({"workdir": "/tmp"}, "pwd", 0, b"/tmp\n"),
        ({"user": "nobody"}, "id -un", 0, b"nobody\n"),
        ({"tty": True}, "test -t 0; echo $?", 0, b"0\r\n"),
        ({"privileged": True}, "grep -c 0000000000000000 /proc/self/status; true", 0, None),
        ({"stdout": False}, "echo out; echo err >&2", 0, b"err\n"),
    ],
)
def test_exec(box: Any, options: dict[str, Any], script: str, code: int, output: Any) -> None:
    found = box.exec_run(["sh", "-c", script], **options)
    assert found.exit_code == code
    if output is not None:
        assert sorted(found.output.splitlines() if isinstance(found.output, bytes) else found.output) == sorted(
            output.splitlines() if isinstance(output, bytes) else output
        )


def test_an_exec_whose_client_reads_frames_although_it_has_a_terminal(client: Any, box: Any) -> None:
    """Its start says how the client reads, not its creation."""
    made_exec = client.api.exec_create(box.id, ["echo", "x"], tty=True)
    assert client.api.exec_start(made_exec) == b"x\r\n"


def test_an_exec_that_is_not_there(box: Any) -> None:
    assert box.exec_run(["nope"]).exit_code == 127


def test_exec_with_stdin_over_a_socket(client: Any, box: Any) -> None:
    exec_id = client.api.exec_create(box.id, ["cat"], stdin=True)["Id"]
    stream = client.api.exec_start(exec_id, socket=True)
    stream._sock.sendall(b"through")
    stream._sock.shutdown(socket.SHUT_WR)
    assert stream.read().endswith(b"through")
    stream.close()
    assert client.api.exec_inspect(exec_id)["ExitCode"] == 0


def test_attach_with_stdin_over_a_socket(client: Any, made: list[Any]) -> None:
    container = client.containers.create(
        "busybox", ["sh", "-c", "read x; echo got $x"], network_mode="none", stdin_open=True
    )
    made.append(container)
    stream = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    container.start()
    stream._sock.sendall(b"word\n")
    assert stream.read().endswith(b"got word\n")
    stream.close()


def test_attach_streams_what_comes(client: Any, made: list[Any]) -> None:
    container = client.containers.create("busybox", ["sh", "-c", "echo a; sleep 0.2; echo b"], network_mode="none")
    made.append(container)
    output = container.attach(stream=True, logs=True)
    container.start()
    assert b"".join(output) == b"a\nb\n"


def test_files_go_in_and_come_out(client: Any, made: list[Any]) -> None:
    container = client.containers.create("busybox", ["sleep", "1"], network_mode="none")
    made.append(container)
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
    with pytest.raises(docker.errors.NotFound):
        container.get_archive("/nope")
    with tarfile.open(fileobj=io.BytesIO(b"".join(container.export()))) as tar:
        assert tar.getmember("tmp/f").size == 3


def test_health_goes_its_way(client: Any, made: list[Any]) -> None:
    check = {"test": ["CMD-SHELL", "test -e /ok"], "interval": 10**8 * 2, "retries": 1, "timeout": 10**9}
    made.append(client.containers.run("busybox", ["sleep", "1000"], healthcheck=check, **SLEEP))

    def status() -> str:
        made[0].reload()
        return str(made[0].health)

    for command, wanted in ((["true"], "unhealthy"), (["touch", "/ok"], "healthy")):
        made[0].exec_run(command)
        for _ in range(100):
            if status() == wanted:
                break
            threading.Event().wait(0.05)
        assert status() == wanted


def test_remove_by_itself_and_prune(client: Any, made: list[Any]) -> None:
    made.append(client.containers.run("busybox", "true", labels=["pruned"], **SLEEP))
    made[0].wait()
    assert client.containers.prune(filters={"label": "pruned"})["ContainersDeleted"] == [made[0].id]
    with pytest.raises(docker.errors.NotFound):
        made[0].reload()


def test_names_are_taken_once(client: Any, made: list[Any]) -> None:
    made.append(client.containers.create("busybox", "true", name="only-one"))
    with pytest.raises(docker.errors.APIError, match="is already in use by container") as caught:
        client.containers.create("busybox", "true", name="only-one")
    assert caught.value.response.status_code == 409


def test_what_is_not_there_is_not_found(client: Any) -> None:
    with pytest.raises(docker.errors.ImageNotFound):
        client.api.create_container("no-such-image", "true")
    with pytest.raises(docker.errors.NotFound):
        client.containers.get("nope")
