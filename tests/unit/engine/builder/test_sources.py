"""Sources: found inside of their root only, globs as Go's, digests by content."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.builder.sources import Source, find
from proto.errdefs import InvalidArgument, NotFound


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    """A context with secrets beside it."""
    inside = tmp_path / "context"
    (inside / "d/e").mkdir(parents=True)
    (inside / "a.txt").write_text("a")
    (inside / "b.txt").write_text("b")
    (inside / "d/e/f").write_text("f")
    (inside / "out").symlink_to(tmp_path / "secret")
    (inside / "up").symlink_to("../secret")
    (inside / "abs").symlink_to("/d")
    (tmp_path / "secret").write_text("s")
    fd = os.open(inside, os.O_PATH | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def _find(root: int, *words: str, excludes: tuple[str, ...] = ()) -> list[Source]:
    return find(root, words, excludes, owners=False)


def test_words_and_globs_are_found_by_name(root: int) -> None:
    assert [source.path for source in _find(root, "*.txt", "d/*/f", "./a.txt")] == ["a.txt", "b.txt", "d/e/f", "a.txt"]
    assert [source.is_folder for source in _find(root, "d", ".", "/")] == [True, True, True]


@pytest.mark.parametrize("word", ["out", "up", "../secret", "../../etc/passwd", "nothing", "a.txt/x"])
def test_nothing_outside_of_the_root_is_found(root: int, word: str) -> None:
    with pytest.raises((NotFound, InvalidArgument)):
        _find(root, word)


def test_an_absolute_link_leads_to_the_roots_own_path(root: int) -> None:
    assert _find(root, "abs")[0].digest == _find(root, "d")[0].digest


def test_globs_that_match_nothing_are_refused(root: int) -> None:
    with pytest.raises(InvalidArgument, match="no source files were specified"):
        _find(root, "*.none")


def test_a_digest_is_of_content_and_mode_not_of_times(root: int) -> None:
    before = _find(root, "a.txt", "d")
    os.utime("a.txt", (1, 1), dir_fd=root)
    os.utime("d/e/f", (1, 1), dir_fd=root)
    assert _find(root, "a.txt", "d") == before
    os.chmod("d/e/f", 0o700, dir_fd=root)
    assert _find(root, "d")[0].digest != before[1].digest


def test_what_is_excluded_does_not_count(root: int) -> None:
    before = _find(root, "d", excludes=("e/f",))[0].digest
    with open(os.open("d/e/f", os.O_WRONLY | os.O_TRUNC, dir_fd=root), "w") as file:
        file.write("other")
    assert _find(root, "d", excludes=("e/f",))[0].digest == before
