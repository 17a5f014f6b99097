"""Images over real supervisors: our own, and a containerd of today where there is one; and a registry on loopback."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from engine.images.removal import ImageUser
from engine.images.service import Images
from engine.supervisor_client.channel import Channel
from engine.supervisor_client.content import Content
from engine.supervisor_client.diff import Diff
from engine.supervisor_client.images import Images as Records
from engine.supervisor_client.leases import Leases
from engine.supervisor_client.snapshots import Snapshots
from engine.supervisor_client.transfer import Transfer

ROOT = Path(__file__).resolve().parents[4]
PEERS = Path(os.environ.get("PEERS_ROOT", "/var/cache/wherry-peers")) / "native" / "bin"


class Users:
    """The containers that the images' room is told of."""

    def __init__(self) -> None:
        self.users: list[ImageUser] = []

    def image_users(self) -> list[ImageUser]:
        return self.users


def _peer() -> str | None:
    """A containerd that has the transfer service (2.x)."""
    for candidate in (str(PEERS / "containerd"), shutil.which("containerd")):
        if candidate and os.path.exists(candidate):
            said = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False).stdout
            if " v2." in said or "/v2 " in said:
                return candidate
    return None


def _started(words: list[str], address: Path, folder: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PATH": f"{PEERS}:{os.environ['PATH']}"}
    with open(folder / "log", "wb") as log:
        daemon = subprocess.Popen(words, stdout=log, stderr=log, cwd=ROOT, env=environment)
    for _ in range(200):
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(address)) == 0:
                return daemon
        if daemon.poll() is not None:
            break
        time.sleep(0.05)
    daemon.kill()
    daemon.wait()
    raise RuntimeError((folder / "log").read_text()[-2000:])


@pytest.fixture(scope="module", params=["ours", "containerd"])
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    """The socket of a supervisor with nothing in it."""
    folder = Path(tempfile.mkdtemp(prefix="wherry-images-", dir="/run"))
    socket_path = folder / "s.sock"
    roots = ["--root", str(folder / "root"), "--state", str(folder / "state")]
    if request.param == "ours":
        words = [sys.executable, "-m", "supervisor", *roots, "-a", str(socket_path)]
    else:
        peer = _peer()
        if peer is None:
            pytest.skip("needs a containerd 2.x (../shared/peers)")
        config = folder / "config.toml"
        config.write_text(
            'version = 3\ndisabled_plugins = ["io.containerd.cri.v1.images", "io.containerd.grpc.v1.cri"]\n'
        )
        words = [peer, "-c", str(config), *roots, "-a", str(socket_path)]
    daemon = _started(words, socket_path, folder)
    yield str(socket_path)
    daemon.send_signal(signal.SIGTERM)
    try:
        daemon.wait(timeout=20)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def users() -> Users:
    return Users()


@pytest.fixture
async def channel(address: str) -> AsyncIterator[Channel]:
    made = Channel(address)
    yield made
    await made.close()


@pytest.fixture
async def images(channel: Channel, users: Users) -> AsyncIterator[Images]:
    made = Images(
        records=Records(channel),
        content=Content(channel),
        snapshots=Snapshots(channel),
        leases=Leases(channel),
        transfers=Transfer(channel),
        users=users,
        differences=Diff(channel),
        announce=lambda *event: None,
    )
    yield made
    users.users = []
    for image in await made.catalog.all():
        await made.remove(image.id, force=True)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry's `localhost:port`."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("needs docker-registry in PATH")
    folder = tmp_path_factory.mktemp("registry")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (folder / "config.yml").write_text(
        f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}/data}}}}\nhttp: {{addr: 127.0.0.1:{port}}}\n"
    )
    with open(folder / "log", "wb") as log:
        daemon = subprocess.Popen([program, "serve", str(folder / "config.yml")], stdout=log, stderr=log)
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield f"localhost:{port}"
    daemon.terminate()
    daemon.wait()
