"""The daemon as its callers see it: command line, configuration, signals, sockets, and who may not share what."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import needs
from tests.supervisor_process import PROGRAM, ROOT, Supervisor, eventually

pytestmark = [needs.root, needs.overlay, needs.binary("ctr")]
BUSYBOX = "docker.io/library/busybox:latest"
PEERS = Path(os.environ.get("PEERS_ROOT", "/var/cache/wherry-peers")) / "native" / "bin"


def run(*words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*PROGRAM, *words], env=environment, input=stdin, capture_output=True, timeout=20, check=False
    )


@pytest.mark.parametrize("program", ["/usr/bin/containerd", str(PEERS / "containerd")])
def test_containerds_own_configuration_is_understood(tmp_path: Path, program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"needs {program}")
    given = subprocess.run([program, "config", "default"], capture_output=True, check=True).stdout
    (tmp_path / "config.toml").write_bytes(given)
    done = run("-c", str(tmp_path / "config.toml"), "--root", "/r", "config", "dump")
    assert done.returncode == 0, done.stderr
    assert b'root = "/r"\nstate = "/run/containerd"\n' in done.stdout


def test_a_configuration_file_is_obeyed(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        f'version = 3\n[grpc]\ngid = 12\n[debug]\naddress = "{tmp_path}/debug.sock"\nformat = "json"\n'
    )
    with Supervisor(tmp_path / "s", "-c", str(tmp_path / "c.toml")) as supervisor:
        assert supervisor.log.read_text().startswith('{"time": ')
        for path in (supervisor.address, f"{supervisor.address}.ttrpc"):
            status = os.stat(path)
            assert (stat.S_IMODE(status.st_mode), status.st_gid) == (0o660, 12)
        assert stat.S_IMODE(os.stat(supervisor.root).st_mode) == 0o700
        shown = subprocess.run(
            ["curl", "-s", "--unix-socket", str(tmp_path / "debug.sock"), "http://d/"], capture_output=True, check=False
        )
        assert b"thread MainThread" in shown.stdout or shutil.which("curl") is None


@needs.binary("busybox")
def test_metrics_are_served_where_the_configuration_says(
    own_supervisor: Callable[..., Supervisor], tmp_path: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "c.toml").write_text(f'[metrics]\naddress = "127.0.0.1:{port}"\n')
    supervisor = own_supervisor("-c", str(tmp_path / "c.toml"))
    supervisor.ctr("run", "-d", "--runtime", "io.containerd.wherry.v2", BUSYBOX, "counted", "sleep", "1000")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/metrics") as answer:
        page = answer.read().decode()
    assert 'container_pids_current{container_id="counted",namespace="default"} 1\n' in page
    labels = 'grpc_code="OK",grpc_method="Create",grpc_service="containerd.services.tasks.v1.Tasks",grpc_type="unary"'
    assert f"grpc_server_handled_total{{{labels}}} 1\n" in page
    assert "process_resident_memory_bytes " in page


def test_the_limits_of_messages_are_the_configurations(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("[grpc]\nmax_recv_message_size = 100000\n")
    with Supervisor(tmp_path / "s", "-c", str(tmp_path / "c.toml")) as supervisor:
        done = subprocess.run(
            supervisor.command("content", "ingest", "ref"), input=bytes(300_000), capture_output=True, check=False
        )
        assert b"ResourceExhausted" in done.stderr or b"larger than max" in done.stderr


def test_a_wrong_configuration_file_stops_it_at_once(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("[grpc]\naddres = 'x'\n")
    done = run("-c", str(tmp_path / "c.toml"), "--root", str(tmp_path / "r"))
    assert done.returncode == 1
    assert done.stderr.decode() == f"wherry-supervisor: {tmp_path}/c.toml: unknown key grpc.addres\n"
    assert not (tmp_path / "r").exists()


def test_an_address_in_use_is_not_taken_over(supervisor: Supervisor, tmp_path: Path) -> None:
    done = run("--root", str(tmp_path / "r"), "--state", str(tmp_path / "st"), "-a", supervisor.address)
    assert done.returncode == 1
    assert f"another daemon answers on {supervisor.address}".encode() in done.stderr
    assert supervisor.ctr("version").returncode == 0


def test_sigusr1_puts_the_stacks_in_the_log(supervisor: Supervisor) -> None:
    os.kill(supervisor.pid, signal.SIGUSR1)
    eventually(lambda: "BEGIN stack dump" in supervisor.log.read_text())


def test_publish_is_containerds(supervisor: Supervisor) -> None:
    words = ("-address", supervisor.address, "publish", "-topic", "/tests/probe", "-namespace", "default")
    from proto import anys
    from proto.containerd.events.task_pb2 import TaskOOM

    assert run(*words, stdin=anys.pack(TaskOOM(container_id="c")).SerializeToString()).returncode == 0
    refused = run("-a", supervisor.address, "publish", "--topic", "/tests/probe")
    assert (refused.returncode, refused.stderr) == (
        1,
        b"wherry-supervisor: namespace is required: failed precondition\n",
    )


def test_its_children_know_nothing_of_systemd(supervisor: Supervisor) -> None:
    children = Path(f"/proc/{supervisor.pid}/task/{supervisor.pid}/children").read_text().split()
    for child in children:
        assert b"NOTIFY_SOCKET" not in Path(f"/proc/{child}/environ").read_bytes()
