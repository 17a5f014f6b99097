"""A context as its archive tells of it, without a folder on the disk: names, modes, digests, and where the bytes are.

It answers what COPY and ADD ask before they copy, just as `sources` does of a real folder, so that a cached step needs
no file at all. Whatever only a real folder can tell (a link on the way) is `NotPlain`, and the caller makes one.
"""

import hashlib
import json
import posixpath
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.builder import globs
from engine.builder.ignore import Ignore
from engine.builder.sources import WILD, NothingFound, Source, kept_folders
from proto.errdefs import NotFound

MOST, DEEPEST = 200_000, 100  # what is larger is better off on a disk


class NotPlain(Exception):
    """Only a real folder can tell."""


@dataclass(slots=True)
class Node:
    """A file, a folder or a symbolic link."""

    mode: int  # with its kind
    uid: int = 0
    gid: int = 0
    mtime: float = 0
    size: int = 0
    digest: str = ""
    link: str = ""
    place: int = -1  # a file's bytes: an offset in the spool
    own: str = ""  # or a file of their own
    children: dict[str, "Node"] = field(default_factory=dict)

    @property
    def is_folder(self) -> bool:
        """It has children, or might."""
        return stat.S_ISDIR(self.mode)

    def line(self, *, owners: bool) -> list[object]:
        """What a digest is made of, as of a file on the disk."""
        line: list[object] = [self.mode, self.uid, self.gid] if owners else [self.mode]
        if stat.S_ISREG(self.mode):
            line += [self.size, self.digest]
        elif not self.is_folder:
            line.append(self.link)
        return line


class Tree:
    """One context."""

    def __init__(self) -> None:
        self.root = Node(stat.S_IFDIR | 0o755)
        self._count = 0

    def add(self, name: str, node: Node) -> None:
        """One entry of the archive; NotPlain for what replaces another, or lies below something that is no folder."""
        parts = [part for part in posixpath.normpath("/" + name).split("/") if part]
        self._count += 1
        if self._count > MOST or len(parts) > DEEPEST:
            raise NotPlain
        if not parts:
            if not node.is_folder:
                raise NotPlain
            node.children, self.root = self.root.children, node
            return
        folder = self.root
        for part in parts[:-1]:
            folder = folder.children.setdefault(part, Node(stat.S_IFDIR | 0o755, mtime=-1))
            if not folder.is_folder:
                raise NotPlain
        there = folder.children.get(parts[-1])
        if there is not None:
            if not (there.is_folder and node.is_folder):
                raise NotPlain
            node.children = there.children
        folder.children[parts[-1]] = node

    def remove(self, path: str) -> None:
        """Take a file out, if it is there."""
        folder, _, base = posixpath.normpath("/" + path).rpartition("/")
        try:
            self.at(folder).children.pop(base, None)
        except NotFound:
            return

    def at(self, path: str) -> Node:
        """What a path means; NotFound, or NotPlain where a link is on the way."""
        node = self.root
        for part in posixpath.normpath("/" + path).split("/"):
            if not part:
                continue
            if stat.S_ISLNK(node.mode):
                raise NotPlain
            child = node.children.get(part)
            if child is None:
                raise NotFound(f"stat {path}: file does not exist")
            node = child
        if stat.S_ISLNK(node.mode):
            raise NotPlain
        return node

    def find(self, words: tuple[str, ...], excludes: tuple[str, ...], *, owners: bool, parents: bool) -> list[Source]:
        """As `sources.find`."""
        rules = Ignore(list(excludes)) if excludes else None
        found = []
        for word in words:
            path = posixpath.normpath("/" + word).lstrip("/")
            paths = list(_glob(self.root, path.split("/"), "")) if WILD.search(path) else [path or "."]
            found += [self._source(each, rules, owners, kept_folders(word, each, parents)) for each in paths]
        if not found:
            raise NothingFound("no source files were specified")
        return found

    def _source(self, path: str, rules: Ignore | None, owners: bool, parents: str) -> Source:
        node = self.at(path)
        if node.is_folder:
            text = json.dumps(list(_below(node, "", rules, owners)))
            return Source(path, True, f"dir:{hashlib.sha256(text.encode()).hexdigest()}", parents)
        text = json.dumps(node.line(owners=owners))
        return Source(path, False, f"file:{hashlib.sha256(text.encode()).hexdigest()}", parents)


def _below(folder: Node, prefix: str, rules: Ignore | None, owners: bool) -> Iterator[list[object]]:
    for name in sorted(folder.children):
        path, node = f"{prefix}{name}", folder.children[name]
        excluded = rules is not None and rules.excludes(path)
        if not excluded:
            yield [path, *node.line(owners=owners)]
        if node.is_folder and (not excluded or (rules is not None and rules.has_exclusions)):
            yield from _below(node, f"{path}/", rules, owners)


def _glob(folder: Node, parts: list[str], prefix: str) -> Iterator[str]:
    """Depth first, by name; links are matched but not walked through."""
    if parts[0] == "**":
        if len(parts) > 1:
            yield from _glob(folder, parts[1:], prefix)
        for name in sorted(folder.children):
            if len(parts) == 1:
                yield f"{prefix}{name}"
            if folder.children[name].is_folder:
                yield from _glob(folder.children[name], parts, f"{prefix}{name}/")
        return
    matches = globs.source(parts[0])
    for name in sorted(name for name in folder.children if matches(name)):
        if len(parts) == 1:
            yield f"{prefix}{name}"
        elif folder.children[name].is_folder:
            yield from _glob(folder.children[name], parts[1:], f"{prefix}{name}/")
