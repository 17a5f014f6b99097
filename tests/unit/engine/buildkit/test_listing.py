"""What a client lists is believed only where a walk of a folder could have made it."""

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.buildkit.listing import Listing
from proto.buildkit.types.fsutil_pb2 import Stat
from proto.errdefs import InvalidArgument

_FOLDER, _LINK = 1 << 31, 1 << 27


def _listed(*stats: Stat) -> Listing:
    listing = Listing()
    for each in stats:
        listing.add(each)
    return listing


def test_a_walk_is_taken_as_it_comes() -> None:
    listing = _listed(
        Stat(path="a", mode=_FOLDER | 0o755, modTime=5),
        Stat(path="a/b", mode=0o644 | 1 << 23, size=3, modTime=6),
        Stat(path="a/c", mode=_LINK | 0o777, linkname="../../etc/passwd"),
        Stat(path="a-", mode=0o600, size=1),
        Stat(path="b", mode=0o644, size=3, linkname="a/b"),
        Stat(path="pipe", mode=1 << 25 | 0o600),
    )

    assert [entry.mode for entry in listing.entries] == [
        stat.S_IFDIR | 0o755,
        stat.S_IFREG | 0o4644,
        stat.S_IFLNK | 0o777,
        stat.S_IFREG | 0o600,
        stat.S_IFREG | 0o644,
        stat.S_IFIFO | 0o600,
    ]
    assert [entry.path for entry in listing.entries if entry.has_bytes] == ["a/b", "a-"]


@pytest.mark.parametrize(
    "path", ["", "/", "/etc", ".", "..", "../x", "a//b", "a/", "a/.", "a/..", "a/../b", "./a", "a\0b", "x" * 256]
)
def test_a_path_that_no_walk_finds_is_refused(path: str) -> None:
    with pytest.raises(InvalidArgument):
        _listed(Stat(path="a", mode=_FOLDER | 0o755), Stat(path=path, mode=0o644))


@pytest.mark.parametrize(
    "pair",
    [
        (Stat(path="b", mode=0o644), Stat(path="a", mode=0o644)),
        (Stat(path="a", mode=0o644), Stat(path="a", mode=0o644)),
        (Stat(path="a", mode=_FOLDER), Stat(path="a", mode=_FOLDER)),
        (Stat(path="a", mode=0o644), Stat(path="a/b", mode=0o644)),
        (Stat(path="a", mode=_LINK, linkname="/etc"), Stat(path="a/passwd", mode=0o644)),
        (Stat(path="b", mode=_FOLDER), Stat(path="a/b", mode=0o644)),
    ],
    ids=["before", "twice", "folder twice", "below a file", "below a link", "in no folder"],
)
def test_an_order_that_no_walk_has_is_refused(pair: tuple[Stat, Stat]) -> None:
    with pytest.raises(InvalidArgument):
        _listed(*pair)


def test_a_folder_that_was_left_is_not_entered_again() -> None:
    with pytest.raises(InvalidArgument, match="no folder"):
        _listed(
            Stat(path="a", mode=_FOLDER), Stat(path="b", mode=_FOLDER), Stat(path="a/x", mode=0o644)
        )  # fmt: skip


@pytest.mark.parametrize("kind", [1 << 26, 1 << 26 | 1 << 21, 1 << 24, 1 << 19, _FOLDER | _LINK])
def test_devices_and_what_has_no_name_are_refused(kind: int) -> None:
    with pytest.raises(InvalidArgument, match="device"):
        _listed(Stat(path="a", mode=kind | 0o666))


@pytest.mark.parametrize(
    "entry",
    [
        Stat(path="b", mode=0o644, linkname="nowhere"),
        Stat(path="b", mode=0o644, linkname="/etc/passwd"),
        Stat(path="b", mode=0o644, linkname="link"),
        Stat(path="b", mode=_FOLDER, linkname="a"),
        Stat(path="m", mode=_LINK),
        Stat(path="m", mode=_LINK, linkname="a\0b"),
        Stat(path="m", mode=_LINK, linkname="x" * 4096),
        Stat(path="b", mode=0o644, size=-1),
    ],
)
def test_another_name_is_of_a_file_that_was_listed_and_a_link_leads_somewhere(entry: Stat) -> None:
    with pytest.raises(InvalidArgument):
        _listed(Stat(path="a", mode=0o644), Stat(path="another", mode=0o644, linkname="a"),
                Stat(path="link", mode=_LINK, linkname="a") if entry.path > "link" else Stat(path="aa", mode=0o644),
                entry)  # fmt: skip


def test_folders_have_a_depth_that_ends() -> None:
    deep = [Stat(path="/".join("a" * depth), mode=_FOLDER | 0o755) for depth in range(1, 1000)]

    with pytest.raises(InvalidArgument, match="too deep"):
        _listed(*deep)


def test_capabilities_and_own_attributes_are_kept_and_no_others() -> None:
    found = Stat(path="a", mode=0o644, xattrs={"security.capability": b"\x01", "trusted.overlay.opaque": b"y"})

    assert _listed(found).entries[0].attributes == '{"security.capability": "01"}'


_NAMES = st.text(alphabet=st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=5)
_TREES = st.recursive(
    st.none(), lambda children: st.dictionaries(_NAMES.filter(lambda n: n not in (".", "..")), children, max_size=4)
)


def _walk(tree: object, prefix: str = "") -> list[Stat]:
    found: list[Stat] = []
    if isinstance(tree, dict):
        for name in sorted(tree, key=lambda each: each.encode()):
            folder = isinstance(tree[name], dict)
            found.append(Stat(path=f"{prefix}{name}", mode=(_FOLDER if folder else 0) | 0o755))
            found += _walk(tree[name], f"{prefix}{name}/")
    return found


@given(_TREES)
def test_every_tree_can_be_listed(tree: object) -> None:
    walk = _walk(tree)

    assert [entry.path for entry in _listed(*walk).entries] == [each.path for each in walk]


@given(
    st.lists(st.lists(st.sampled_from(["a", "b", "..", ".", "", "a-", "é"]), min_size=1, max_size=4), max_size=12),
    st.data(),
)
def test_what_is_taken_is_a_tree_without_ways_out(paths: list[list[str]], data: st.DataObject) -> None:
    listing = Listing()
    for parts in paths:
        kind = data.draw(st.sampled_from([0, _FOLDER, _LINK]))
        try:
            listing.add(Stat(path="/".join(parts), mode=kind | 0o755, linkname="/x" if kind == _LINK else ""))
        except InvalidArgument:
            pass
    folders = {""}
    taken = [entry.path for entry in listing.entries]
    assert len(taken) == len(set(taken))
    for entry in listing.entries:
        parent, _, name = entry.path.rpartition("/")
        assert parent in folders
        assert name not in ("", ".", "..")
        if entry.is_folder:
            folders.add(entry.path)
