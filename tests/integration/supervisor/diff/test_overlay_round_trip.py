"""A container's changes, compared into a layer and applied again, on a real overlay: the same bytes, the same tree."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from supervisor.core.snapshots import Mount
from supervisor.diff import linux
from supervisor.diff.apply import apply_tar
from supervisor.diff.compare import write_diff
from tests import needs

pytestmark = [needs.root, needs.overlay]

CAPABILITY = b"\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0"


@pytest.fixture
def lower(tmp_path: Path) -> Path:
    lower = tmp_path / "lower"
    for name in ("etc/gone", "etc/kept", "etc/sub/grows", "opaque/a", "opaque/x/b", "same", "touched", "tree/d/e"):
        (lower / name).parent.mkdir(parents=True, exist_ok=True)
        (lower / name).write_text(name)
    os.chmod(lower / "etc", 0o751)
    return lower


def overlay(tmp_path: Path, lower: Path, name: str) -> list[Mount]:
    for folder in ("upper", "work"):
        (tmp_path / f"{name}-{folder}").mkdir(exist_ok=True)
    options = (f"workdir={tmp_path}/{name}-work", f"upperdir={tmp_path}/{name}-upper", f"lowerdir={lower}")
    return [Mount("overlay", "overlay", options)]


@pytest.fixture
def changed(tmp_path: Path, lower: Path) -> list[Mount]:
    """The overlay of a container that did all it could."""
    mounts = overlay(tmp_path, lower, "changed")
    root = tmp_path / "merged"
    root.mkdir()
    linux.mount("overlay", str(root), "overlay", 0, ",".join(mounts[0].options))
    try:
        change(root)
    finally:
        linux.umount2(str(root))
    return mounts


def change(root: Path) -> None:
    (root / "etc" / "gone").unlink()
    with open(root / "etc" / "sub" / "grows", "a") as file:
        file.write("more")
    shutil.rmtree(root / "opaque")
    (root / "opaque" / "x").mkdir(parents=True)
    (root / "opaque" / "new").write_text("n")
    shutil.rmtree(root / "tree")
    (root / "tree").write_text("a file now")
    os.mknod(root / "null", 0o20666, os.makedev(1, 3))
    os.mkfifo(root / "fifo")
    (root / "link").symlink_to("/etc/kept")
    deep = root / ("n" * 90) / ("m" * 90)
    deep.mkdir(parents=True)
    (deep / "grün").write_bytes(b"x" * 100_000)
    (root / "one").write_text("h")
    os.link(root / "one", root / "two")
    os.chown(root / "one", 3_000_000, 70_000)
    os.setxattr(root / "one", "user.note", b"b\0ar")
    (root / "capable").write_text("x")
    os.setxattr(root / "capable", "security.capability", CAPABILITY)
    os.utime(root / "touched", (1, 1))


def diff(lower: list[Mount], upper: list[Mount]) -> bytes:
    out: list[bytes] = []
    write_diff(lower, upper, out.append)
    return b"".join(out)


def bind(path: Path) -> list[Mount]:
    return [Mount("bind", str(path), ("ro", "rbind"))]


def test_looking_at_the_upperdir_alone_finds_what_a_whole_walk_finds(lower: Path, changed: list[Mount]) -> None:
    options = dict(option.split("=") for option in changed[0].options)
    whole = [Mount("overlay", "overlay", (f"lowerdir={options['upperdir']}:{lower}",))]
    assert diff(bind(lower), changed) == diff(bind(lower), whole)


def test_a_layer_applied_again_gives_the_same_layer(tmp_path: Path, lower: Path, changed: list[Mount]) -> None:
    data = diff(bind(lower), changed)
    again = overlay(tmp_path, lower, "again")
    applied = apply_tar(iter([data]), again)
    assert applied.digest == "sha256:" + hashlib.sha256(data).hexdigest()
    assert diff(bind(lower), again) == data


def test_nothing_is_mounted_where_others_could_see_it(lower: Path, changed: list[Mount]) -> None:
    ours = str(lower.parent)
    diff(bind(lower), changed)
    assert ours not in Path("/proc/self/mountinfo").read_text()  # the machine may mount other things meanwhile


def test_a_diff_of_three_hundred_layers_fits_into_one_mount(tmp_path: Path) -> None:
    lowers = [tmp_path / "snapshots" / str(number) / "fs" for number in range(300)]
    for number, folder in enumerate(lowers):
        folder.mkdir(parents=True)
        (folder / str(number)).touch()
    joined = ":".join(map(str, lowers))
    upper = tmp_path / "snapshots" / "upper"
    (upper / "fs").mkdir(parents=True)
    (upper / "work").mkdir()
    (upper / "fs" / "new").write_text("x")
    left = [Mount("overlay", "overlay", (f"lowerdir={joined}",))]
    right = [Mount("overlay", "overlay", (f"upperdir={upper}/fs", f"workdir={upper}/work", f"lowerdir={joined}"))]
    assert diff(left, right)[:4] == b"new\0"
