"""Hostile layers, unpacked for real beside a canary tree: nothing outside is touched, nothing but a Fault comes out."""

import hashlib
import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from proto.errdefs import Fault
from supervisor.core.snapshots import Mount
from supervisor.diff.apply import apply_tar
from supervisor.diff.tree import Tree
from tests import needs
from tests.evil_tars import corpus

pytestmark = needs.root

PLACES = ("overlay", "bind")


def fingerprint(root: Path) -> str:
    """Everything about a tree but its access times."""
    lines = []
    for folder, folders, files in os.walk(root):
        for name in sorted([".", *folders, *files]):
            path = os.path.join(folder, name)
            status = os.lstat(path)
            content = Path(path).read_bytes() if stat.S_ISREG(status.st_mode) else b""
            attributes = sorted(
                (key, os.getxattr(path, key, follow_symlinks=False))
                for key in os.listxattr(path, follow_symlinks=False)
            )
            facts = (
                path,
                status.st_mode,
                status.st_uid,
                status.st_gid,
                status.st_nlink,
                status.st_mtime_ns,
                content,
                attributes,
            )
            lines.append(repr(facts))
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


@pytest.fixture
def jail(tmp_path: Path) -> Path:
    """A canary beside the folder that is unpacked into, and a lower layer whose links lead out."""
    canary = tmp_path / "canary"
    (canary / "a" / "b").mkdir(parents=True)
    (canary / "victim").write_text("untouched")
    (canary / "a" / "victim").write_text("untouched")
    os.chmod(canary, 0o710)
    for name in ("upper", "lower", "work"):
        (tmp_path / "jail" / name).mkdir(parents=True)
    lower = tmp_path / "jail" / "lower"
    (lower / "lower-abs").symlink_to(canary)
    (lower / "lower-up").symlink_to("../../canary")
    (lower / "lower-dir").mkdir(mode=0o711)
    (lower / "lower-dir" / "victim").write_text("lower")
    return tmp_path


def mounts(jail: Path, place: str) -> list[Mount]:
    inside = jail / "jail"
    if place == "bind":
        return [Mount("bind", str(inside / "upper"), ("rbind", "rw"))]
    options = (f"workdir={inside}/work", f"upperdir={inside}/upper", f"lowerdir={inside}/lower")
    return [Mount("overlay", "overlay", options)]


def cases() -> Iterator[str]:
    return (name for name, _ in corpus("/canary"))


def test_the_corpus_has_more_than_two_hundred_different_archives() -> None:
    assert len({data for _, data in corpus("/canary")}) >= 200


@pytest.mark.parametrize("place", PLACES)
def test_no_hostile_archive_gets_out(jail: Path, place: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = str(jail / "canary")
    before = {path: fingerprint(jail / path) for path in ("canary", "jail/lower")}
    above = sorted(os.listdir(jail)), sorted(os.listdir(jail / "jail"))
    failures = []
    for name, data in corpus(outside):
        try:
            apply_tar(iter([data]), mounts(jail, place))
        except Fault:
            pass
        except Exception as error:
            failures.append(f"{name}: {type(error).__name__}: {error}")
        if any(fingerprint(jail / path) != was for path, was in before.items()):
            failures.append(f"{name}: outside was touched")
            before = {path: fingerprint(jail / path) for path in before}
        if (sorted(os.listdir(jail)), sorted(os.listdir(jail / "jail"))) != above:
            failures.append(f"{name}: something new outside")
        failures += [f"{name}: {problem}" for problem in injected(jail / "jail" / "upper", place)]
        empty(jail / "jail" / "upper")
    assert not failures


def injected(upper: Path, place: str) -> list[str]:
    """Attributes that only overlayfs may write, and where no archive has a right to any."""
    found = []
    for folder, folders, files in os.walk(upper):
        for name in (".", *folders, *files):
            path = os.path.join(folder, name)
            try:
                names = os.listxattr(path, follow_symlinks=False)
            except OSError:
                continue  # deeper than a path can say
            allowed = {"trusted.overlay.opaque"} if place == "overlay" else set()
            found += [f"{path} has {key}" for key in names if "overlay" in key and key not in allowed]
    return found


def empty(upper: Path) -> None:
    """Remove what an archive left, however deep."""
    root = os.open(upper, os.O_RDONLY | os.O_DIRECTORY)
    tree = Tree(root)
    for name in os.listdir(root):
        tree.clear(root, os.fsencode(name))
    tree.close()
    os.close(root)
    assert os.listdir(upper) == []


def test_an_archive_never_sets_the_opaque_attribute_but_by_its_marker(jail: Path) -> None:
    from tests.raw_tar import Member, archive

    data = archive(Member(b"d", b"5", pax={"SCHILY.xattr.trusted.overlay.opaque": b"y"}))
    apply_tar(iter([data]), mounts(jail, "overlay"))
    assert os.listxattr(jail / "jail" / "upper" / "d") == []


def test_a_bomb_of_a_layer_is_unpacked_in_bounded_memory(jail: Path) -> None:
    """A gigabyte of zeros out of a megabyte of gzip, of which the tar holds a sparse-free file that goes nowhere."""
    import gzip

    from supervisor.diff import compression

    piece = gzip.compress(bytes(1 << 24))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    size = sum(len(chunk) for chunk in compression.decompress(iter([piece] * 64)))
    assert size == 64 << 24
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
