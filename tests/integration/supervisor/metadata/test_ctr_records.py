"""`ctr`, Debian's and the newest at hand, on the services that keep records: no task is run here."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.supervisor_servers import our_server
from tests.images import busybox_archive

NEWEST = Path(os.environ.get("PEERS_ROOT", "/var/cache/wherry-peers")) / "native" / "bin" / "ctr"
BUSYBOX = "docker.io/library/busybox:latest"

Ctr = Callable[..., str]


def programs() -> list[object]:
    debian = shutil.which("ctr", path="/usr/bin")
    return [
        pytest.param(debian, id="debian", marks=pytest.mark.skipif(not debian, reason="needs ctr in PATH")),
        pytest.param(str(NEWEST), id="newest", marks=pytest.mark.skipif(not NEWEST.exists(), reason="needs the peers")),
    ]


@pytest.fixture(scope="module")
def socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with our_server(tmp_path_factory.mktemp("s")) as path:
        yield path


@pytest.fixture(params=programs())
def ctr(request: pytest.FixtureRequest, socket: Path) -> Ctr:
    namespace = (
        f"ns-{request.node.name.partition('[')[0][-30:].strip('_').replace('_', '-')}-{Path(request.param).parts[1]}"
    )

    def run(*words: str, fails: str = "") -> str:
        done = subprocess.run(
            [request.param, "-a", str(socket), "-n", namespace, *words],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        said = done.stdout + done.stderr
        assert (done.returncode != 0, fails) == (bool(fails), fails if fails in said else said), said
        return done.stdout

    run.is_newest = "peers" in request.param  # type: ignore[attr-defined]
    return run


def rows(table: str) -> list[list[str]]:
    """A printed table without its head."""
    return [line.split() for line in table.splitlines()[1:]]


def test_version_and_plugins(ctr: Ctr) -> None:
    """The server's version, and all plugins well."""
    assert "v2.2.0+wherry" in ctr("version")
    plugins = rows(ctr("plugins", "ls"))
    assert [
        "io.containerd.snapshotter.v1",
        "overlayfs",
        "linux/amd64",
        "ok",
    ] in plugins or os.uname().machine != "x86_64"
    assert {row[-1] for row in plugins} == {"ok"}
    assert "io.containerd.snapshotter.v1" in ctr("plugins", "ls", "-d", "id==native")


def test_namespaces(ctr: Ctr) -> None:
    """Made, labelled, listed, removed."""
    name = "made-by-new" if ctr.is_newest else "made-by-old"  # type: ignore[attr-defined]
    ctr("namespaces", "create", name, "a=b")
    ctr("namespaces", "label", name, "a=", "c=d")
    assert [name, "c=d"] in rows(ctr("namespaces", "ls"))
    ctr("namespaces", "create", name, fails=f'namespace "{name}": already exists')
    ctr("namespaces", "rm", name)
    assert name not in ctr("namespaces", "ls", "-q")


def test_leases(ctr: Ctr) -> None:
    """With an expiry of their own making."""
    ctr("leases", "create", "--id", "mine", "x=y")
    assert any(row[0] == "mine" and "x=y" in row[-1] for row in rows(ctr("leases", "ls")))
    ctr("leases", "create", "--id", "mine", fails='lease "mine": already exists')
    ctr("leases", "rm", "--sync", "mine")
    assert ctr("leases", "ls", "-q") == ""


def test_snapshots(ctr: Ctr, tmp_path: Path) -> None:
    """Prepare, commit, view, mounts, tree, usage, label, info, removal."""
    ctr("snapshots", "prepare", "k1")
    ctr("snapshots", "commit", "n1", "k1")
    ctr("snapshots", "prepare", "k2", "n1")
    ctr("snapshots", "commit", "n2", "k2")
    assert "lowerdir=" in ctr("snapshots", "view", "--target", str(tmp_path), "v", "n2")  # nothing keeps a view
    ctr("snapshots", "prepare", "k3", "n2")
    listed = sorted(row for row in rows(ctr("snapshots", "ls")) if row[0] != "v")
    assert listed == [["k3", "n2", "Active"], ["n1", "Committed"], ["n2", "n1", "Committed"]]
    assert [line for line in ctr("snapshots", "tree").splitlines() if not line.endswith(" v")] == [
        " n1",
        "  \\_ n2",
        "    \\_ k3",
    ]
    ctr("snapshots", "label", "n2", "a=b")
    assert '"a": "b"' in ctr("snapshots", "info", "n2")
    assert {"k3", "n1", "n2"} <= {row[0] for row in rows(ctr("snapshots", "usage"))}
    ctr("snapshots", "rm", "n1", fails="cannot remove snapshot with child")
    ctr("leases", "create", "--id", "x")
    ctr("leases", "rm", "--sync", "x")  # the view goes with the next collection
    ctr("snapshots", "rm", "k3", "n2", "n1")
    assert rows(ctr("snapshots", "ls")) == []
    ctr("snapshots", "rm", "n1", fails="snapshot n1 does not exist: not found")
    ctr("snapshots", "--snapshotter", "zz", "ls", fails="snapshotter not loaded: zz")


def test_containers(ctr: Ctr, tmp_path: Path) -> None:
    """Created with a root file system of their own, labelled, filtered, shown, removed."""
    ctr("containers", "create", "--rootfs", str(tmp_path), "c1", "true")
    ctr("containers", "create", "--rootfs", str(tmp_path), "c1", "true", fails='container "c1": already exists')
    ctr("containers", "label", "c1", "a.b=c")
    assert rows(ctr("containers", "ls", 'labels."a.b"==c')) == [["c1", "-", "io.containerd.runc.v2"]]
    assert rows(ctr("containers", "ls", "id==zz")) == []
    assert '"a.b": "c"' in ctr("containers", "info", "c1")
    ctr("containers", "rm", "c1")
    ctr("containers", "info", "c1", fails='container "c1" in namespace')


def test_images_and_what_they_are_made_of(ctr: Ctr, tmp_path: Path) -> None:
    """Imported, labelled, tagged; after a synchronous removal nothing is left."""
    local = ["--local"] if ctr.is_newest else []  # type: ignore[attr-defined]
    ctr("images", "import", *local, "--no-unpack", str(busybox_archive(tmp_path / "b.tar")))
    assert ctr("images", "ls", "-q") == f"{BUSYBOX}\n"
    ctr("images", "label", BUSYBOX, "a=b")
    assert "a=b" in ctr("images", "ls", "labels.a==b")
    ctr("images", "tag", *local, BUSYBOX, "other:1")
    assert ctr("images", "ls", "-q").split() == [BUSYBOX, "other:1"]
    assert ctr("content", "ls", "-q").count("sha256:") >= 3
    ctr("images", "rm", "other:1")
    ctr("images", "rm", "--sync", BUSYBOX)
    assert (ctr("images", "ls", "-q"), ctr("content", "ls", "-q")) == ("", "")
