import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.core.snapshots import Mount
from supervisor.diff.apply import apply_tar
from supervisor.diff.implicit_folders import ImplicitFolders
from supervisor.diff.mounts import as_upper
from tests.raw_tar import archive, file, folder, symlink


@pytest.fixture
def implicit() -> Iterator[ImplicitFolders]:
    one = ImplicitFolders()
    yield one
    one.close()


@pytest.fixture
def lower(tmp_path: Path) -> Path:
    top = tmp_path / "lower"
    for name, mode in (("etc", 0o711), ("etc/deep", 0o750), ("given", 0o700)):
        (top / name).mkdir(parents=True)
        os.chmod(top / name, mode)
    return top


def unpack(data: bytes, target: Path, implicit: ImplicitFolders) -> None:
    apply_tar(iter([data]), as_upper([Mount("bind", str(target), ("rw", "rbind"))]), implicit=implicit)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_folders_that_the_archive_leaves_out_look_as_below(
    target: Path, lower: Path, implicit: ImplicitFolders
) -> None:
    unpack(archive(file("etc/deep/a"), file("new/b"), file("given/c"), folder("given", 0o777)), target, implicit)
    assert implicit
    assert mode(target / "etc") == 0o755
    implicit.copy_up(str(target), [str(lower)])
    assert [mode(target / name) for name in ("etc", "etc/deep", "new", "given")] == [0o711, 0o750, 0o755, 0o777]


def test_the_topmost_layer_that_has_the_folder_counts(
    target: Path, lower: Path, tmp_path: Path, implicit: ImplicitFolders
) -> None:
    upper = tmp_path / "between"
    (upper / "etc").mkdir(parents=True)
    os.chmod(upper / "etc", 0o701)
    (upper / "given").touch()  # no folder any more: what is below it does not shine through
    unpack(archive(file("etc/deep/a"), file("given/b")), target, implicit)
    implicit.copy_up(str(target), [str(upper), str(lower)])
    assert [mode(target / name) for name in ("etc", "etc/deep", "given")] == [0o701, 0o750, 0o755]


def test_a_folder_that_was_replaced_is_left_alone(target: Path, lower: Path, implicit: ImplicitFolders) -> None:
    unpack(archive(file("etc/a"), symlink("etc", "elsewhere"), folder("elsewhere", 0o777)), target, implicit)
    implicit.copy_up(str(target), [str(lower)])
    assert mode(target / "elsewhere") == 0o777


def test_nothing_is_noted_when_the_archive_says_all(target: Path, implicit: ImplicitFolders) -> None:
    unpack(archive(folder("etc"), file("etc/a"), file("b")), target, implicit)
    assert not implicit
