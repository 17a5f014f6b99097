"""userns-remap, by dockerd's grammar; the host's own users are the examples."""

import grp
import pwd
from pathlib import Path

import pytest

from engine.users import remapped_root
from engine.users.idmap import Extent, IdMap
from engine.users.subids import Range
from proto.errdefs import FailedPrecondition, InvalidArgument


@pytest.mark.parametrize("given", ["", "root", "0", "root:root", "0:0"])
def test_root_as_itself_is_no_mapping(given: str) -> None:
    assert remapped_root.resolve(given) is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("a:b:c", 'Invalid user/group specification in --userns-remap: "a:b:c"'),
        ("no-such-user", 'Error during uid lookup for "no-such-user": getent unable to find entry "no-such-user"'),
        ("2147483646", "Uid 2147483646 has no entry in /etc/passwd"),
        ("root:no-such-group", 'Error during groupname lookup for "no-such-group": getent unable to find entry'),
        ("root:2147483646", "Gid 2147483646 has no entry in /etc/passwd"),
    ],
)
def test_what_is_not_there_is_refused_in_dockerds_words(given: str, words: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        remapped_root.resolve(given)
    assert str(refused.value).startswith(words)


def test_a_user_without_ranges_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name = next(one.pw_name for one in pwd.getpwall() if one.pw_uid and _has_group(one.pw_name))
    for file in ("SUBUID", "SUBGID"):
        monkeypatch.setattr(f"engine.users.subids.{file}", f"{tmp_path}/none")
    with pytest.raises(InvalidArgument, match=f'error creating ID mappings: no subuid ranges found for user "{name}"'):
        remapped_root.resolve(name)


def _has_group(name: str) -> bool:
    return any(one.gr_name == name for one in grp.getgrall())


def test_a_folder_that_the_containers_cannot_reach_is_refused(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o700)
    with pytest.raises(FailedPrecondition, match="restricts access to the remapped root uid/gid"):
        remapped_root.require_way(str(tmp_path / "closed"), IdMap((Extent(0, 7, 1),), (Extent(0, 7, 1),)))
    remapped_root.require_way("/usr/bin", IdMap((Extent(0, 7, 1),), (Extent(0, 7, 1),)))


def test_the_data_root_is_closed_to_others(tmp_path: Path) -> None:
    for mode in (0o755, 0o751, 0o710):
        tmp_path.chmod(mode)
        remapped_root.close_to_others(str(tmp_path))
        assert tmp_path.stat().st_mode & 0o777 == mode & 0o770


def test_several_ranges_are_one_after_another() -> None:
    ranges = [Range("a", 500, 10), Range("a", 100, 5)]
    assert remapped_root.one_after_another(ranges) == (Extent(0, 500, 10), Extent(10, 100, 5))


def test_a_new_range_begins_where_nobody_has_any() -> None:
    assert remapped_root.next_start([]) == 100_000
    assert remapped_root.next_start([Range("a", 165_536, 65_536), Range("b", 100_000, 65_536)]) == 231_072
    assert remapped_root.next_start([Range("a", 300_000, 9)]) == 100_000
