"""Images in and out of a real daemon: by its own transfer, by an old ctr that moves the bytes itself, by a new one."""

import gzip
import io
import json
import os
import tarfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from supervisor.diff import linux
from tests import needs
from tests.fakes.registry import digest_of
from tests.fakes.supervisor_archives import make_tar
from tests.images import busybox_archive
from tests.raw_tar import Member, archive, file, folder, hardlink, symlink
from tests.supervisor_process import Supervisor
from tests.transfer_client import PLATFORM, TransferClient

pytestmark = [needs.root, needs.binary("ctr"), needs.overlay]

NEW_CTR = Path("/var/cache/wherry-peers/native/bin/ctr")
BUSYBOX = "docker.io/library/busybox:latest"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"


@pytest.fixture(scope="module")
def supervisor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervisor]:
    with Supervisor(tmp_path_factory.mktemp("t")) as supervisor:
        yield supervisor


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> str:
    """One per test, so that each starts with nothing."""
    return f"n{abs(hash(request.node.nodeid)) % 10**9}"


@pytest.fixture
async def client(supervisor: Supervisor, namespace: str) -> AsyncIterator[TransferClient]:
    client = TransferClient(supervisor.address, namespace)
    yield client
    await client.aclose()


def oci_archive(layers: list[bytes], diff_ids: list[str] | None = None, kind: str = "", **lies: Any) -> bytes:
    """An OCI layout of one image under the name `x:1`."""
    config = json.dumps(
        {
            "architecture": PLATFORM.architecture,
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": diff_ids or [digest_of(layer) for layer in layers]},
        }
    ).encode()
    packed = [gzip.compress(layer) if kind else layer for layer in layers]

    def item(media_type: str, data: bytes) -> dict[str, Any]:
        return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}

    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": item("application/vnd.oci.image.config.v1+json", config),
            "layers": [item("application/vnd.oci.image.layer.v1.tar" + kind, one) for one in packed],
        }
    ).encode()
    described = item("application/vnd.oci.image.manifest.v1+json", manifest)
    described["annotations"] = {"io.containerd.image.name": "docker.io/library/x:1"}
    index = json.dumps({"schemaVersion": 2, "manifests": [described]}).encode()
    blobs = {f"blobs/sha256/{digest_of(one)[7:]}": one for one in (config, manifest, *packed)}
    return make_tar({"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": index, **blobs})


def nothing_is_left(supervisor: Supervisor, namespace: str) -> bool:
    """No image, no lease; and after a collection no blob, ingest, snapshot or mount."""
    lists = (
        ("images", "ls", "-q"),
        ("leases", "ls", "-q"),
        ("content", "ls", "-q"),
        ("content", "active"),
        ("snapshots", "ls"),
    )
    supervisor.ctr("leases", "create", "--id", "collect", namespace=namespace)
    supervisor.ctr("leases", "delete", "--sync", "collect", namespace=namespace)
    outputs = [supervisor.ctr(*words, namespace=namespace).stdout.strip().splitlines() for words in lists]
    return [len(lines) for lines in outputs] == [0, 0, 0, 1, 1] and supervisor.mounts() == []


@pytest.mark.parametrize("kind", ["docker", "oci", "both"])
@pytest.mark.parametrize("compress", [False, True])
async def test_every_kind_of_archive_is_imported_and_unpacked(
    supervisor: Supervisor, client: TransferClient, namespace: str, tmp_path: Path, kind: Any, compress: bool
) -> None:
    await client.import_(busybox_archive(tmp_path / "b.tar", kind=kind, compress=compress).read_bytes())
    assert BUSYBOX in supervisor.ctr("images", "ls", "-q", namespace=namespace).stdout
    assert "true" in supervisor.ctr("images", "check", namespace=namespace).stdout
    assert client.events[0] == "Importing"
    assert client.events[-1] == "Completed import"


@pytest.mark.parametrize("program", ["/usr/bin/ctr", str(NEW_CTR)])
async def test_exports_of_all_clients_come_back(
    supervisor: Supervisor, client: TransferClient, namespace: str, tmp_path: Path, program: str
) -> None:
    if not Path(program).exists():
        pytest.skip(f"needs {program}")
    ctr: Callable[..., Any] = lambda *words: supervisor.ctr(*words, namespace=namespace, program=program)  # noqa: E731
    busybox_archive(tmp_path / "b.tar")
    ctr("images", "import", str(tmp_path / "b.tar"))
    ctr("images", "export", str(tmp_path / "out.tar"), BUSYBOX)
    ours = await client.export(BUSYBOX)
    with tarfile.open(tmp_path / "out.tar") as tar:
        names = sorted(tar.getnames())
    with tarfile.open(fileobj=io.BytesIO(ours)) as tar:
        assert sorted(tar.getnames()) == names
    ctr("images", "rm", "--sync", BUSYBOX)
    await client.import_(ours)
    ctr("images", "rm", "--sync", BUSYBOX)
    ctr("images", "import", str(tmp_path / "out.tar"))
    assert BUSYBOX in ctr("images", "ls", "-q").stdout
    ctr("images", "rm", "--sync", BUSYBOX)
    assert nothing_is_left(supervisor, namespace)


async def test_layers_are_stacked_with_whiteouts_links_devices_and_owners(
    supervisor: Supervisor, client: TransferClient, namespace: str, tmp_path: Path
) -> None:
    first = archive(
        folder("etc", 0o711, mtime=1000),
        file("etc/gone"),
        file("etc/kept", b"old"),
        folder("opaque"),
        file("opaque/hidden"),
        folder("dir"),
        file("dir/below"),
        Member(b"big-ids", data=b"x", pax={"uid": b"3000000", "gid": b"70000"}),
        Member(b"null", b"3", mode=0o666, major=1, minor=3),
        Member(
            b"capable",
            data=b"x",
            pax={"SCHILY.xattr.security.capability": b"\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0"},
        ),
    )
    second = archive(
        file("etc/.wh.gone", b""),
        file("etc/kept", b"new"),
        hardlink("etc/again", "etc/kept"),
        folder("opaque"),
        file("opaque/.wh..wh..opq", b""),
        file("opaque/shown"),
        file(".wh.dir", b""),
        folder("dir"),
        symlink("l", "/etc/kept"),
    )
    await client.import_(oci_archive([first, second], kind="+gzip"))
    supervisor.ctr("images", "mount", "docker.io/library/x:1", str(tmp_path), namespace=namespace)
    try:
        assert sorted(path.name for path in (tmp_path / "etc").iterdir()) == ["again", "kept"]
        assert [path.name for path in (tmp_path / "opaque").iterdir()] == ["shown"]
        assert list((tmp_path / "dir").iterdir()) == []
        assert ((tmp_path / "etc").stat().st_mode & 0o7777) == 0o711
        status = (tmp_path / "big-ids").stat()
        assert (status.st_uid, status.st_gid) == (3_000_000, 70_000)
        assert (tmp_path / "null").stat().st_rdev == 0x103
        assert b"security.capability" in [name.encode() for name in os.listxattr(tmp_path / "capable")]
        assert (tmp_path / "etc" / "again").stat().st_ino == (tmp_path / "etc" / "kept").stat().st_ino
    finally:
        supervisor.ctr("images", "unmount", "--rm", str(tmp_path), namespace=namespace)


LAYER = archive(file("a", b"x" * 100_000))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no archive" * 1000, "archive/tar: invalid tar header"),
        (oci_archive([LAYER])[:60_000], "unexpected EOF"),
        (oci_archive([LAYER], diff_ids=["sha256:" + "0" * 64]), "wrong diff id"),
        (oci_archive([LAYER[:-60_000]]), "unexpected EOF"),
        (oci_archive([b"\x1f\x8b\x08 no gzip"], diff_ids=[digest_of(b"x")]), "failed to extract layer"),
        (make_tar({"x": b"y"}), "unrecognized image format"),
    ],
)
async def test_a_corrupt_archive_leaves_nothing(
    supervisor: Supervisor, client: TransferClient, namespace: str, data: bytes, words: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError, match=words) as caught:
        await client.import_(data)
    assert caught.value.code() is grpc.StatusCode.UNKNOWN
    assert nothing_is_left(supervisor, namespace)


async def test_a_full_disk_is_said_and_leaves_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("full")
    linux.mount("tmpfs", str(folder), "tmpfs", 0, "size=12m")
    try:
        with Supervisor(folder) as supervisor:
            client = TransferClient(supervisor.address)
            for data in (
                oci_archive([archive(file("a", bytes(16 << 20)))]),
                oci_archive([archive(file("a", bytes(7 << 20)))]),
            ):
                with pytest.raises(grpc.aio.AioRpcError, match="no space left on device") as caught:
                    await client.import_(data)
                assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
                assert nothing_is_left(supervisor, "default")
            await client.import_(oci_archive([archive(file("a", bytes(1 << 20)))]))
            await client.aclose()
    finally:
        linux.umount2(str(folder), linux.MNT_DETACH)


async def test_an_image_of_two_hundred_layers_is_unpacked_and_compared(
    supervisor: Supervisor, client: TransferClient, namespace: str, tmp_path: Path
) -> None:
    await client.import_(oci_archive([archive(file(f"f{number}")) for number in range(200)]))
    supervisor.ctr("images", "mount", "--rw", "docker.io/library/x:1", str(tmp_path), namespace=namespace)
    try:
        assert len(list(tmp_path.iterdir())) == 200
        (tmp_path / "new").write_text("x")
        supervisor.ctr("snapshots", "commit", "made", str(tmp_path), namespace=namespace)
    finally:
        supervisor.ctr("images", "unmount", str(tmp_path), namespace=namespace)
    layer = supervisor.ctr("snapshots", "diff", "--media-type", OCI_LAYER, "made", namespace=namespace).stdout
    assert layer.startswith("new\0")
