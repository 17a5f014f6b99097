"""Bundles on disk."""

import json
import os
import stat
from pathlib import Path

import pytest

from proto.errdefs import AlreadyExists, InvalidArgument
from supervisor.runtime.bundle import BundleRoots, mapped_root_group

SPEC = b'{"ociVersion":"1.0.2"}'


@pytest.fixture
def roots(tmp_path: Path) -> BundleRoots:
    return BundleRoots(str(tmp_path / "state"), str(tmp_path / "root"))


def test_a_bundle_has_spec_rootfs_work_and_log(roots: BundleRoots, tmp_path: Path) -> None:
    bundle = roots.create("ns", "c1", SPEC)
    assert bundle.path == str(tmp_path / "state" / "ns" / "c1")
    assert Path(bundle.config).read_bytes() == SPEC
    assert os.readlink(bundle.work) == str(tmp_path / "root" / "ns" / "c1")
    assert os.path.isdir(bundle.work)
    assert stat.S_ISFIFO(os.stat(bundle.log).st_mode)
    assert stat.S_IMODE(os.stat(bundle.path).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(bundle.rootfs).st_mode) == 0o711


def test_a_bundle_that_is_there_is_not_made_again(roots: BundleRoots) -> None:
    bundle = roots.create("ns", "c1", SPEC)
    with pytest.raises(AlreadyExists):
        roots.create("ns", "c1", b"{}")
    assert Path(bundle.config).read_bytes() == SPEC


def test_a_bundle_that_fails_half_way_leaves_nothing(roots: BundleRoots, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument):
        roots.create("ns", "c1", b"not json")
    assert os.listdir(tmp_path / "state" / "ns") == []


def test_deleting_takes_bundle_and_work_directory(roots: BundleRoots, tmp_path: Path) -> None:
    roots.create("ns", "c1", SPEC).delete()
    assert os.listdir(tmp_path / "state" / "ns") == []
    assert os.listdir(tmp_path / "root" / "ns") == []


def test_deleting_what_is_not_there_is_no_error(roots: BundleRoots) -> None:
    roots.bundle("ns", "c1").delete()


def test_a_root_file_system_with_files_in_it_is_never_removed(roots: BundleRoots) -> None:
    bundle = roots.create("ns", "c1", SPEC)
    Path(bundle.rootfs, "precious").touch()
    with pytest.raises(OSError, match="not empty"):
        bundle.delete()
    assert Path(bundle.rootfs, "precious").exists()


def test_files_are_replaced_whole(roots: BundleRoots) -> None:
    bundle = roots.create("ns", "c1", SPEC)
    bundle.write(bundle.bootstrap, b"one")
    bundle.write(bundle.bootstrap, b"two")
    assert Path(bundle.bootstrap).read_bytes() == b"two"
    assert [name for name in os.listdir(bundle.path) if name.startswith(".")] == []


def test_bundles_on_their_way_out_are_not_listed_but_swept(roots: BundleRoots, tmp_path: Path) -> None:
    roots.create("ns", "keep", SPEC)
    (tmp_path / "state" / "ns" / ".gone").mkdir()
    (tmp_path / "root" / "ns" / "rebooted").mkdir()
    assert [bundle.id for bundle in roots.existing()] == ["keep"]
    roots.sweep(frozenset({("ns", "keep")}))
    assert os.listdir(tmp_path / "state" / "ns") == ["keep"]
    assert os.listdir(tmp_path / "root" / "ns") == ["keep"]


def test_a_work_directory_from_before_a_reboot_is_replaced(roots: BundleRoots, tmp_path: Path) -> None:
    old = tmp_path / "root" / "ns" / "c1"
    old.mkdir(parents=True)
    (old / "stale").touch()
    bundle = roots.create("ns", "c1", SPEC)
    assert os.listdir(bundle.work) == []


def test_the_group_of_a_mapped_root_is_found() -> None:
    mappings = [{"containerID": 1, "hostID": 7, "size": 1}, {"containerID": 0, "hostID": 100000, "size": 65536}]
    assert mapped_root_group(json.dumps({"linux": {"gidMappings": mappings}}).encode()) == 100000
    assert mapped_root_group(SPEC) == 0


@pytest.mark.parametrize(
    "spec",
    [
        b"[]",
        b"[" * 100_000,
        b'{"linux":[1]}',
        b'{"linux":{"gidMappings":7}}',
        b'{"linux":{"gidMappings":[7]}}',
        b'{"linux":{"gidMappings":[{"containerID":0,"size":"1"}]}}',
    ],
)
def test_what_is_no_spec_is_refused_in_words(spec: bytes) -> None:
    with pytest.raises(InvalidArgument, match="container spec is not"):
        mapped_root_group(spec)
