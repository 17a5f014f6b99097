"""Links made after a copy: where the mount has gone, the upper layer has the context's own files."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.builder.copy import Copier, Rules
from engine.builder.late_links import LateLinks
from engine.builder.modes import Mode
from engine.builder.sources import find
from tests import needs


class Place:
    """A context, and a layer whose mount is played by the folder itself or by another one."""

    def __init__(self, folder: Path) -> None:
        self.context, self.upper = folder / "context", folder / "upper"
        for path in (self.context / "d/e", self.upper):
            path.mkdir(parents=True)
        (self.context / "d/e/f").write_text("f")
        (self.context / "d/g").write_text("g")
        self.fds = [os.open(path, os.O_PATH | os.O_DIRECTORY) for path in (self.context, self.upper)]
        self.links = LateLinks(upper=str(self.upper), mounted=str(self.upper))

    def copy(self, word: str, destination: str, rules: Rules | None = None) -> None:
        rules = rules or Rules(owner=(os.getuid(), os.getgid()))
        found = find(self.fds[0], (word,), (), owners=False)
        Copier(self.fds[0], self.fds[1], rules, self.links).copy(found, destination)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    for fd in made.fds:
        os.close(fd)


def _inode(path: Path) -> int:
    return path.stat().st_ino


def test_files_are_linked_when_asked_and_not_before(place: Place) -> None:
    place.copy("d", "/x/")
    assert (place.upper / "x/e").is_dir()
    assert not (place.upper / "x/g").exists()
    place.links.make()
    assert _inode(place.upper / "x/g") == _inode(place.context / "d/g")
    assert _inode(place.upper / "x/e/f") == _inode(place.context / "d/e/f")


def test_one_file_is_linked_under_another_name(place: Place) -> None:
    place.copy("d/g", "/h")
    place.links.make()
    assert _inode(place.upper / "h") == _inode(place.context / "d/g")


def test_what_gets_another_mode_or_owner_is_copied_at_once(place: Place) -> None:
    place.copy("d/g", "/h", Rules(owner=(os.getuid(), os.getgid()), mode=Mode("600")))
    assert (place.upper / "h").read_text() == "g"
    assert _inode(place.upper / "h") != _inode(place.context / "d/g")
    assert stat.S_IMODE((place.context / "d/g").stat().st_mode) != 0o600


def test_without_a_folder_to_link_in_all_is_copied(place: Place) -> None:
    place.links.upper = ""
    place.copy("d", "/x/")
    assert (place.upper / "x/e/f").read_text() == "f"
    place.links.make()
    assert _inode(place.upper / "x/g") != _inode(place.context / "d/g")


def test_a_folder_that_is_not_in_the_layer_is_none_to_link_in(place: Place, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    place.links.upper = str(tmp_path / "empty")
    place.copy("d", "/x/")
    assert (place.upper / "x/g").read_text() == "g"


def test_a_file_is_given_away_once(place: Place) -> None:
    place.copy("d/g", "/h")
    place.copy("d/g", "/i")
    place.links.make()
    place.copy("d/g", "/j")
    assert _inode(place.upper / "h") == _inode(place.context / "d/g")
    for name in ("i", "j"):
        assert (place.upper / name).read_text() == "g"
        assert (place.upper / name).stat().st_nlink == 1


def test_something_else_of_that_name_is_never_replaced(place: Place) -> None:
    place.copy("d/g", "/h")
    (place.upper / "h").write_text("other")
    with pytest.raises(FileExistsError):
        place.links.make()


@needs.root
def test_the_mark_of_a_removed_file_makes_room(place: Place) -> None:
    place.copy("d/g", "/h")
    os.mknod(place.upper / "h", stat.S_IFCHR | 0o600, os.makedev(0, 0))
    place.links.make()
    assert (place.upper / "h").read_text() == "g"


def test_where_the_kernel_makes_no_link_the_bytes_are_copied(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    place.copy("d/g", "/h")
    monkeypatch.setattr(os, "link", refuse)
    place.links.make()
    assert (place.upper / "h").read_text() == "g"
    assert _inode(place.upper / "h") != _inode(place.context / "d/g")
