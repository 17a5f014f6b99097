"""Parts of volumes: what is refused before anything is mounted."""

from pathlib import Path

import pytest

from engine.volumes import subpaths
from proto.errdefs import InvalidArgument, NotFound


@pytest.mark.parametrize("text", ["/a", "..", "../a", "a/../../b"])
def test_a_part_lies_inside(text: str) -> None:
    with pytest.raises(InvalidArgument, match="subpath must be a relative path within the volume"):
        subpaths.check(text)


def test_a_part_is_kept_in_its_shortest_spelling() -> None:
    assert subpaths.check("a//./b/../c") == "a/c"


def test_a_part_that_is_not_there_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    (tmp_path / "volume" / "out").symlink_to("/etc")
    place = tmp_path / "places" / "c-0"
    for part in ("missing", "out/passwd"):
        with pytest.raises(NotFound, match=r"cannot access path .*: no such file or directory"):
            subpaths.bind(str(tmp_path / "volume"), part, str(place))
    assert not place.parent.exists()


def test_letting_go_of_what_was_never_bound_takes_the_empty_place_away(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for name in ("folder", "file", "missing"):
        subpaths.release(str(tmp_path / name))
    assert list(tmp_path.iterdir()) == []
