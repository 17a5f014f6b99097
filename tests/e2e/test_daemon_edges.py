"""The engine's edges with real clients: mutual TLS, a pipe in the place of ssh, a websocket, SIGHUP, metrics."""

import asyncio
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests import needs
from tests.containerd_process import Containerd
from tests.engine_process import PROGRAM, ROOT, Engine

pytestmark = [needs.root, needs.binary("docker"), needs.binary("openssl"), needs.overlay]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def certificates(folder: Path) -> None:
    """A CA, a server's certificate for 127.0.0.1 and a client's."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    def key(name: str) -> None:
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}-key.pem")

    key("ca")
    openssl("req", "-x509", "-new", "-key", "ca-key.pem", "-days", "2", "-subj", "/CN=ca", "-out", "ca.pem")
    for name, extension in (("server", "subjectAltName=IP:127.0.0.1"), ("client", "extendedKeyUsage=clientAuth")):
        key(name)
        (folder / f"{name}.ext").write_text(extension + "\n")
        openssl("req", "-new", "-key", f"{name}-key.pem", "-subj", f"/CN={name}", "-out", f"{name}.csr")
        signing = ("-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-days", "2")
        openssl("x509", "-req", "-in", f"{name}.csr", *signing, "-extfile", f"{name}.ext", "-out", f"{name}-cert.pem")


class Edges:
    """An engine and its addresses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tcp, self.metrics = free_port(), free_port()
        certificates(folder)
        (folder / "daemon.json").write_text("{}")
        self.engine = Engine(
            folder / "e",
            *("-H", f"tcp://127.0.0.1:{self.tcp}", "--tlsverify", "--tlscacert", f"{folder}/ca.pem"),
            *("--tlscert", f"{folder}/server-cert.pem", "--tlskey", f"{folder}/server-key.pem"),
            *("--metrics-addr", f"127.0.0.1:{self.metrics}", "--config-file", f"{folder}/daemon.json"),
        )

    def over_tls(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """The docker CLI on the TCP address."""
        flags = ["-H", f"tcp://127.0.0.1:{self.tcp}", "--tlsverify", "--tlscacert", "ca.pem"]
        return subprocess.run(
            ["docker", *flags, *words],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            input=stdin,
        )


@pytest.fixture(scope="module")
def edges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edges]:
    """One engine for all."""
    made = Edges(tmp_path_factory.mktemp("edges"))
    with made.engine:
        yield made


def test_a_client_with_a_certificate_works_over_tls(edges: Edges) -> None:
    certificate = ("--tlscert", "client-cert.pem", "--tlskey", "client-key.pem")
    done = edges.over_tls(*certificate, "run", "--rm", "--network", "none", "busybox", "echo", "tls")
    assert (done.stdout, done.stderr, done.returncode) == ("tls\n", "", 0)
    held = ["run", "--rm", "-i", "--network", "none", "busybox", "cat"]
    done = edges.over_tls(*certificate, *held, stdin="in over tls\n" * 100_000)
    assert (done.stdout, done.returncode) == ("in over tls\n" * 100_000, 0)


def test_a_client_without_a_certificate_does_not_get_in(edges: Edges) -> None:
    done = edges.over_tls("version", "--format", "{{.Server.Version}}")
    assert done.returncode == 1
    assert "certificate" in done.stderr
    plain = subprocess.run(
        ["docker", "-H", f"tcp://127.0.0.1:{edges.tcp}", "ps"], capture_output=True, text=True, timeout=60, check=False
    )
    assert plain.returncode == 1


def test_a_pipe_is_as_good_as_the_socket(edges: Edges) -> None:
    """What `ssh://` does on the far side: `docker system dial-stdio`."""
    request = b"GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"
    program = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from engine.cli.main import main; main()",
            "-H",
            edges.engine.host,
            "system",
            "dial-stdio",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert program.stdin is not None
    program.stdin.write(request)  # and held open, as ssh does
    program.stdin.flush()
    assert program.stdout is not None
    answer = program.stdout.read()
    program.stdin.close()
    program.stdout.close()
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b"OK")
    assert program.wait(timeout=30) == 0


def test_a_websocket_carries_a_shell(edges: Edges) -> None:
    edges.engine.docker("create", "-i", "--name", "shell", "--network", "none", "busybox", "sh")

    async def talk() -> bytes:
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(edges.engine.socket))) as session,
            session.ws_connect("http://d/v1.41/containers/shell/attach/ws?stream=1") as client,
        ):
            async with session.post("http://d/v1.41/containers/shell/start") as started:
                assert started.status == 204
            await client.send_bytes(b"echo $((6 * 7))\n")
            answer = await client.receive(10)
            await client.send_bytes(b"exit 5\n")
            assert (await client.receive(10)).type == aiohttp.WSMsgType.CLOSE
            return bytes(answer.data)

    assert asyncio.run(talk()) == b"42\n"
    assert edges.engine.out("wait", "shell") == "5"
    edges.engine.docker("rm", "shell")


def test_a_hangup_reads_the_file_again(edges: Edges) -> None:
    (edges.folder / "daemon.json").write_text(json.dumps({"labels": ["floor=2"], "mtu": 1400}))
    pid = int((edges.engine.folder / "pid").read_text())
    os.kill(pid, signal.SIGHUP)
    edges.engine.until('["floor=2"]', "info", "--format", "{{json .Labels}}")
    assert "changes that need a restart of the engine: mtu" in edges.engine.log.read_text()
    (edges.folder / "daemon.json").write_text('{"nonsense": 1}')
    os.kill(pid, signal.SIGHUP)
    assert edges.engine.out("info", "--format", "{{json .Labels}}") == '["floor=2"]'


class Mirror(http.server.BaseHTTPRequestHandler):
    """A registry that has nothing, and remembers who asked."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        """Not to stderr."""


@pytest.fixture
def mirror() -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        server.asked = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_hangup_changes_the_mirrors(edges: Edges, mirror: http.server.ThreadingHTTPServer) -> None:
    """The next pull asks the new one: what the supervisor reads is written anew."""
    address = f"http://127.0.0.1:{mirror.server_port}"
    settings = {"registry-mirrors": [address], "insecure-registries": ["r.test:5000", "10.9.0.0/16"]}
    (edges.folder / "daemon.json").write_text(json.dumps(settings))
    os.kill(int((edges.engine.folder / "pid").read_text()), signal.SIGHUP)
    edges.engine.until(f'["{address}"]', "info", "--format", "{{json .RegistryConfig.Mirrors}}", timeout=30)
    shown = edges.engine.out("info", "--format", "{{json .RegistryConfig.IndexConfigs}}")
    assert json.loads(shown)["r.test:5000"]["Secure"] is False
    assert edges.engine.docker("pull", "nowhere/at:all", check=False).returncode == 1
    assert any("/v2/nowhere/at/manifests/all" in path for path in mirror.asked)  # type: ignore[attr-defined]


def test_the_metrics_page_counts_starts(edges: Edges) -> None:
    def page() -> dict[str, float]:
        with urllib.request.urlopen(f"http://127.0.0.1:{edges.metrics}/metrics", timeout=30) as answer:
            lines = (line.rpartition(" ") for line in answer.read().decode().splitlines() if not line.startswith("#"))
            return {name: float(value) for name, _, value in lines}

    name = 'engine_daemon_container_actions_seconds_count{action="start"}'
    before = page()[name]
    edges.engine.docker("run", "--rm", "--network", "none", "busybox", "true")
    assert page()[name] == before + 1


@needs.binary("containerd")
@needs.binary("ctr")
def test_a_containerd_without_transfers_is_refused_at_the_start(tmp_path: Path) -> None:
    """Debian 12's; a newer one is taken, so there is nothing to refuse."""
    shown = subprocess.run(["containerd", "--version"], capture_output=True, text=True, check=True).stdout
    if " 1.6." not in shown:
        pytest.skip(f"this containerd has transfers: {shown.strip()}")
    folders = ("--data-root", f"{tmp_path}/data", "--exec-root", f"{tmp_path}/exec", "-p", f"{tmp_path}/pid")
    with Containerd(tmp_path) as containerd:
        words = ["-H", f"unix://{tmp_path}/d.sock", *folders, "--bridge", "none", "--containerd", containerd.address]
        done = subprocess.run(
            [*PROGRAM, *words],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert "has no transfer service" in done.stderr
    assert "containerd 1.7 or newer is needed" in done.stderr
