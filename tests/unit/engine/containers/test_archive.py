"""Looking at paths inside a root."""

import base64
import io
import json
import os
import stat
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.containers import archive
from engine.containers.live import Live
from engine.containers.model import Mount
from proto.errdefs import InvalidArgument, NotFound, PermissionDenied
from tests import needs
from tests.fakes.engine_room import Bench, container


def test_modes_are_gos() -> None:
    assert archive.go_mode(stat.S_IFREG | 0o644) == 0o644
    assert archive.go_mode(stat.S_IFDIR | 0o755) == 1 << 31 | 0o755
    assert archive.go_mode(stat.S_IFLNK | 0o777) == 1 << 27 | 0o777
    assert archive.go_mode(stat.S_IFCHR | stat.S_ISVTX) == 1 << 26 | 1 << 21 | 1 << 20


def test_the_last_link_is_shown_unless_a_slash_follows(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "l").symlink_to("d")
    root = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    live = Live(container())
    found = archive.look(root, "/l", live)
    assert (found.name, found.link_target, bool(found.mode & 1 << 27)) == ("l", "/d", True)
    assert archive.look(root, "/l/", live).mode & 1 << 31
    assert archive.look(root, "/../../d", live).path == "/d"
    with pytest.raises(NotFound, match="Could not find the file /zz in container web"):
        archive.look(root, "/zz", live)
    os.close(root)


async def test_a_tar_streams(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("abc")
    root = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    data = b"".join([chunk async for chunk in archive.tar(archive.Tree(root), "/f", "f")])
    os.close(root)
    assert b"abc" in data


def test_the_header_is_dockers_document() -> None:
    """The command line unpacks it from base64."""
    shown = archive.PathStat("f", 3, 0o644, "2026-01-02T03:04:05Z", "", "/d/f").header()
    assert json.loads(base64.b64decode(shown)) == {
        "name": "f",
        "size": 3,
        "mode": 0o644,
        "mtime": "2026-01-02T03:04:05Z",
        "linkTarget": "",
    }


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    """A root with a secret beside it."""
    (tmp_path / "secret").write_text("mine")
    (tmp_path / "root" / "etc").mkdir(parents=True)
    (tmp_path / "root" / "etc" / "f").write_text("abc")
    fd = os.open(tmp_path / "root", os.O_PATH | os.O_DIRECTORY)
    yield fd
    os.close(fd)


@pytest.mark.parametrize(
    "path", ["../secret", "/../secret", "/etc/../../secret", "/up/secret", "/abs/secret", "/etc/loop", "/magic/secret"]
)
def test_no_path_leads_out_of_the_root(root: int, tmp_path: Path, path: str) -> None:
    """Not by dots, not by links the container has made, not by the kernel's magic ones."""
    (tmp_path / "root" / "up").symlink_to("../../..")
    (tmp_path / "root" / "abs").symlink_to(str(tmp_path))
    (tmp_path / "root" / "magic").symlink_to("/proc/self/root")
    (tmp_path / "root" / "etc" / "loop").symlink_to("loop/")
    live = Live(container())
    with pytest.raises(NotFound):
        archive.look(root, path if "loop" not in path else f"{path}/", live)


def test_a_links_target_is_shown_as_seen_from_inside(root: int, tmp_path: Path) -> None:
    """The client joins the rest to it."""
    for name, target in (("a", "f"), ("b", "/etc/f"), ("c", "../../../x")):
        (tmp_path / "root" / "etc" / name).symlink_to(target)
    live = Live(container())
    assert archive.look(root, "/etc/a", live).link_target == "/etc/f"
    assert archive.look(root, "/etc/b", live).link_target == "/etc/f"
    assert archive.look(root, "/etc/c", live).link_target == "/x"


@pytest.mark.parametrize(
    ("path", "name"), [("/", "/"), ("", "/"), ("/etc", "etc"), ("/etc/", "etc"), ("/etc/.", "etc")]
)
def test_names_of_folders(root: int, path: str, name: str) -> None:
    """The root's own is a slash."""
    found = archive.look(root, path, Live(container()))
    assert (found.name, bool(found.mode & 1 << 31)) == (name, True)


async def test_a_reader_that_leaves_ends_the_writer(root: int, tmp_path: Path) -> None:
    """No thread stays behind with a full pipe."""
    (tmp_path / "root" / "big").write_bytes(b"x" * (4 << 20))
    stream = archive.tar(archive.Tree(root), "/big", "big")
    assert await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name == "tar"]


async def test_a_failure_in_the_middle_is_told(root: int) -> None:
    """The stream must not look complete."""
    with pytest.raises(FileNotFoundError):
        async for _ in archive.tar(archive.Tree(root), "/no/such/place", "x"):
            pass


def packed(name: str, data: bytes) -> io.BytesIO:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        info = tarfile.TarInfo(name)
        info.size, info.uid, info.gid = len(data), os.getuid(), os.getgid()
        made.addfile(info, io.BytesIO(data))
    return io.BytesIO(out.getvalue())


@pytest.fixture
async def running(bench: Bench) -> Live:
    """A container whose root is the test's own: /proc/<our pid>/root."""
    live = await bench.run()
    live.container.state.pid = os.getpid()
    return live


async def test_a_folder_is_filled_and_announced(bench: Bench, running: Live, tmp_path: Path) -> None:
    """Through /proc/<pid>/root, with the mounts the container sees."""
    (tmp_path / "to").mkdir()
    await archive.extract(bench.room, running, f"{tmp_path}/to", packed("f", b"x"), keep_kinds=False, as_user=False)
    assert (tmp_path / "to" / "f").read_bytes() == b"x"
    assert bench.actions[-1] == "extract-to-dir"


@pytest.mark.parametrize(("user", "owner"), [("", (33, 34)), ("5:6", (5, 6))])
@needs.root
async def test_owners_are_the_containers_user_where_it_has_one(
    bench: Bench, running: Live, tmp_path: Path, user: str, owner: tuple[int, int]
) -> None:
    """copyUIDGID, as dockerd has it: without a user, the archive's own stay."""
    running.container.config["User"] = user
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        entry = tarfile.TarInfo("f")
        entry.uid, entry.gid = 33, 34
        made.addfile(entry)
    out.seek(0)
    await archive.extract(bench.room, running, str(tmp_path), out, keep_kinds=False, as_user=True)
    found = (tmp_path / "f").stat()
    assert (found.st_uid, found.st_gid) == owner


async def test_a_file_is_no_place_to_unpack(bench: Bench, running: Live, tmp_path: Path) -> None:
    """In dockerd's words."""
    (tmp_path / "file").write_text("x")
    for path, kind in ((f"{tmp_path}/file", (InvalidArgument, NotFound)), (f"{tmp_path}/none", (NotFound,))):
        with pytest.raises(kind):
            await archive.extract(bench.room, running, path, packed("f", b"x"), keep_kinds=False, as_user=False)


async def test_a_read_only_root_takes_nothing_but_on_a_writable_volume(
    bench: Bench, running: Live, tmp_path: Path
) -> None:
    """The innermost mount decides."""
    running.container.host_config["ReadonlyRootfs"] = True
    places = {name: tmp_path / name for name in ("root", "ro", "rw", "rwx")}
    for place in places.values():
        place.mkdir()
    (places["rw"] / "ro").mkdir()
    running.container.mounts = [
        Mount("bind", "", str(places["ro"]), writable=False),
        Mount("bind", "", str(places["rw"])),
        Mount("bind", "", str(places["rw"] / "ro"), writable=False),
    ]

    async def put(place: Path) -> None:
        await archive.extract(bench.room, running, str(place), packed("f", b"x"), keep_kinds=False, as_user=False)

    await put(places["rw"])
    for place in (places["root"], places["ro"], places["rw"] / "ro", places["rwx"]):
        with pytest.raises(PermissionDenied, match="container rootfs is marked read-only"):
            await put(place)


async def test_a_container_that_has_just_ended_has_no_root(bench: Bench, running: Live) -> None:
    """404 rather than somebody else's files."""
    running.container.state.pid = 2**22 + 1
    with pytest.raises(NotFound, match="has just ended"):
        async with archive.opened(bench.room, running):
            pass
