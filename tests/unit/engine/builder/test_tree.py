"""A context as a tree in memory says of COPY's words what the folder on the disk says."""

import stat

import pytest

from engine.builder.tree import Node, NotPlain, Tree
from proto.errdefs import InvalidArgument, NotFound

FOLDER, FILE, LINK = stat.S_IFDIR | 0o755, stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777


def _tree(*names: str) -> Tree:
    tree = Tree()
    for name in names:
        tree.add(name, Node(FILE, size=1, digest=name))
    return tree


def _paths(tree: Tree, *words: str, excludes: tuple[str, ...] = ()) -> list[str]:
    return [source.path for source in tree.find(words, excludes, owners=False, parents=False)]


def test_words_and_globs_name_what_is_there_in_order() -> None:
    tree = _tree("b/y", "b/x", "a", "c/d/x")
    assert _paths(tree, "a", "b") == ["a", "b"]
    assert _paths(tree, "*") == ["a", "b", "c"]
    assert _paths(tree, "*/x") == ["b/x"]
    assert _paths(tree, "**/x") == ["b/x", "c/d/x"]
    assert _paths(tree, ".") == ["."]
    assert _paths(tree, "/../b/./x") == ["b/x"]


def test_what_is_not_there_is_said_as_of_a_folder() -> None:
    with pytest.raises(NotFound, match="stat z: file does not exist"):
        _paths(_tree("a"), "z")
    with pytest.raises(NotFound, match="stat a/b: file does not exist"):
        _paths(_tree("a"), "a/b")
    with pytest.raises(InvalidArgument, match="no source files were specified"):
        _paths(_tree("a"), "z*")


def test_a_digest_is_of_names_modes_and_content_but_not_of_owners_and_times() -> None:
    def digest(**fields: int | str) -> str:
        tree = Tree()
        tree.add("d/f", Node(**{"mode": FILE, "size": 1, "digest": "x", **fields}))  # type: ignore[arg-type]
        return tree.find(("d",), (), owners=False, parents=False)[0].digest

    assert digest() == digest(mtime=7, uid=3, gid=4, place=9)
    assert len({digest(), digest(digest="y"), digest(size=2), digest(mode=FILE | 1)}) == 4


def test_what_is_excluded_is_in_no_digest() -> None:
    one, other = _tree("d/a", "d/b"), _tree("d/a")
    excluded = one.find(("d",), ("b",), owners=False, parents=False)[0].digest
    assert excluded == other.find(("d",), (), owners=False, parents=False)[0].digest


def test_links_on_the_way_need_a_real_folder() -> None:
    tree = _tree("d/a")
    tree.add("l", Node(LINK, link="d"))
    for word in ("l", "l/a"):
        with pytest.raises(NotPlain):
            _paths(tree, word)
    assert _paths(tree, "*/a") == ["d/a"], "globs do not walk through links"
    assert _paths(tree, ".") == ["."], "a link inside of a folder is copied as one"


def test_what_replaces_something_needs_a_real_folder() -> None:
    for first, second in ((FILE, FILE), (FILE, FOLDER), (FOLDER, FILE), (LINK, FILE)):
        tree = Tree()
        tree.add("a", Node(first, link="b"))
        with pytest.raises(NotPlain):
            tree.add("a", Node(second))
    tree = _tree("a")
    with pytest.raises(NotPlain):
        tree.add("a/b", Node(FILE))


def test_a_folder_said_twice_keeps_what_it_holds_and_its_last_mode() -> None:
    tree = _tree("d/a")
    tree.add("d", Node(stat.S_IFDIR | 0o700))
    assert _paths(tree, "d/*") == ["d/a"]
    assert tree.at("d").mode == stat.S_IFDIR | 0o700
    tree.remove("d/a")
    tree.remove("x/y")
    assert not tree.at("d").children


def test_what_is_very_deep_or_very_much_needs_a_real_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotPlain):
        _tree("a/" * 100 + "a")
    monkeypatch.setattr("engine.builder.tree.MOST", 3)
    with pytest.raises(NotPlain):
        _tree("a", "b", "c", "d")
