"""Copies: what comes along, what is followed, and that nothing leaves the target's root."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.builder.copy import Copier, Rules
from engine.builder.modes import Mode
from engine.builder.sources import find
from proto.errdefs import InvalidArgument

_MINE = Rules(owner=(os.getuid(), os.getgid()))


class Trees:
    """A source and a target beside a folder that nobody may touch."""

    def __init__(self, folder: Path) -> None:
        self.source, self.target, self.host = folder / "source", folder / "target", folder / "host"
        for path in (self.source, self.target, self.host):
            path.mkdir()
        self.fds = [os.open(path, os.O_PATH | os.O_DIRECTORY) for path in (self.source, self.target)]

    def copy(self, destination: str, *words: str, rules: Rules = _MINE) -> None:
        """As an instruction would."""
        sources = find(self.fds[0], words, rules.excludes, owners=False, parents=rules.parents)
        Copier(*self.fds, rules).copy(sources, destination)


@pytest.fixture
def trees(tmp_path: Path) -> Iterator[Trees]:
    """Fresh trees."""
    made = Trees(tmp_path)
    yield made
    for fd in made.fds:
        os.close(fd)


def test_a_file_keeps_mode_and_time_and_gets_its_folders(trees: Trees) -> None:
    file = trees.source / "f"
    file.write_text("x")
    file.chmod(0o4751)
    os.utime(file, (100, 100))
    trees.copy("/new/folder/", "f")
    found = (trees.target / "new/folder/f").stat()
    assert (found.st_mode & 0o7777, found.st_mtime) == (0o4751, 100)


def test_a_folder_gives_its_content_links_as_links(trees: Trees) -> None:
    (trees.source / "d").mkdir()
    (trees.source / "d/f").write_text("x")
    os.link(trees.source / "d/f", trees.source / "d/hard")
    (trees.source / "d/soft").symlink_to("/etc/passwd")
    os.mkfifo(trees.source / "d/pipe")
    trees.copy("/to", "d")
    assert sorted(os.listdir(trees.target / "to")) == ["f", "hard", "pipe", "soft"]
    assert os.readlink(trees.target / "to/soft") == "/etc/passwd"
    assert (trees.target / "to/f").stat().st_ino == (trees.target / "to/hard").stat().st_ino


@pytest.mark.parametrize("destination", ["/out/", "/out/new", "/up/x", "/file"])
def test_links_in_the_target_never_lead_out_of_it(trees: Trees, destination: str) -> None:
    (trees.source / "f").write_text("evil")
    (trees.target / "out").symlink_to(trees.host)
    (trees.target / "up").symlink_to("../host")
    (trees.host / "file").write_text("host")
    (trees.target / "file").symlink_to(trees.host / "file")
    try:
        trees.copy(destination, "f")
    except InvalidArgument:
        pass
    assert os.listdir(trees.host) == ["file"]
    assert (trees.host / "file").read_text() == "host"


def test_a_destination_that_is_a_link_is_written_through(trees: Trees) -> None:
    (trees.source / "f").write_text("new")
    (trees.target / "real").write_text("old")
    (trees.target / "link").symlink_to("/real")
    trees.copy("/link", "f")
    assert (trees.target / "real").read_text() == "new"
    assert (trees.target / "link").is_symlink()


def test_a_folder_behind_a_link_to_nowhere_is_made_inside_of_the_root(trees: Trees) -> None:
    (trees.source / "f").write_text("x")
    (trees.target / "link").symlink_to(f"{trees.host}/new")
    (trees.target / "loop").symlink_to("loop")
    trees.copy("/link/", "f")
    assert list(trees.host.iterdir()) == []
    assert (trees.target / str(trees.host).lstrip("/") / "new/f").read_text() == "x"
    with pytest.raises((InvalidArgument, OSError)):
        trees.copy("/loop/x/", "f")


def test_files_and_folders_do_not_replace_each_other(trees: Trees) -> None:
    (trees.source / "d/x").mkdir(parents=True)
    (trees.source / "e").mkdir()
    (trees.source / "e/y").write_text("")
    (trees.target / "x").write_text("")
    (trees.target / "y").mkdir()
    for name in ("d", "e"):
        with pytest.raises(InvalidArgument):
            trees.copy("/", name)


def test_a_mode_is_for_everything_that_is_copied(trees: Trees) -> None:
    (trees.source / "d/e").mkdir(parents=True)
    (trees.source / "d/e/f").write_text("")
    trees.copy("/to", "d", rules=replace(_MINE, mode=Mode("705")))
    assert {(trees.target / name).stat().st_mode & 0o7777 for name in ("to", "to/e", "to/e/f")} == {0o705}


def test_what_is_excluded_stays_behind(trees: Trees) -> None:
    (trees.source / "d/e").mkdir(parents=True)
    for name in ("d/a", "d/e/b", "d/e/c"):
        (trees.source / name).write_text("")
    trees.copy("/to", "d", rules=replace(_MINE, excludes=("a", "e", "!e/c")))
    assert sorted(str(path.relative_to(trees.target)) for path in trees.target.rglob("*")) == ["to", "to/e", "to/e/c"]


def test_a_file_that_is_no_archive_is_added_as_it_is(trees: Trees) -> None:
    (trees.source / "f.tar").write_text("no tar")
    (trees.source / "empty").write_text("")
    trees.copy("/to/", "f.tar", "empty", rules=replace(_MINE, unpack=True))
    assert sorted(os.listdir(trees.target / "to")) == ["empty", "f.tar"]


def test_parents_are_kept_with_their_modes_or_those_after_the_pivot(trees: Trees) -> None:
    (trees.source / "a/b/c").mkdir(parents=True)
    (trees.source / "a/b").chmod(0o711)
    for name in ("a/x.txt", "a/b/y.txt", "a/b/c/z.txt", "a/b/c/no.log"):
        (trees.source / name).write_text(name)
    rules = replace(_MINE, parents=True)
    trees.copy("/all/", "a/x.txt", "./a/b/y.txt", rules=rules)
    trees.copy("/pivot/", "./a/./b/y.txt", rules=rules)
    trees.copy("/deep/", "a/**/*.txt", rules=rules)
    trees.copy("/folder/", "a/b", rules=rules)

    def files(top: str) -> list[str]:
        root = trees.target / top
        return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())

    assert files("all") == ["a/b/y.txt", "a/x.txt"]
    assert (trees.target / "all/a/b").stat().st_mode & 0o777 == 0o711
    assert files("pivot") == ["b/y.txt"]
    assert files("deep") == ["a/b/c/z.txt", "a/b/y.txt", "a/x.txt"]
    assert files("folder") == ["a/b/c/no.log", "a/b/c/z.txt", "a/b/y.txt"]
    assert (trees.target / "folder/a/b").stat().st_mode & 0o777 == 0o711


def test_symbols_change_each_thing_by_what_it_is(trees: Trees) -> None:
    (trees.source / "d/e").mkdir(parents=True)
    for name, mode in (("d/run", 0o744), ("d/e/text", 0o640)):
        (trees.source / name).write_text("")
        (trees.source / name).chmod(mode)
    trees.copy("/to", "d", rules=replace(_MINE, mode=Mode("u=rwX,go=rX")))
    found = [(trees.target / name).stat().st_mode & 0o777 for name in ("to", "to/e", "to/run", "to/e/text")]
    assert found == [0o755, 0o755, 0o755, 0o644]
