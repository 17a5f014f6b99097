"""What COPY and ADD name: found below a root's fd, globs as Go's filepath.Match, and digested by content.

Links are followed inside of the root only (openat2(2)); a link that is found inside of a folder is copied as a link.
A digest covers names, kinds, modes, links and bytes, and owners where they are kept; never times.
"""

import hashlib
import json
import os
import posixpath
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from engine import kernel
from engine.builder import globs
from engine.builder.ignore import Ignore
from engine.builder.unpacking import Digests
from proto.errdefs import InvalidArgument, NotFound

_CHUNK = 1 << 20
WILD = re.compile(r"[*?\[\\]")


class NothingFound(InvalidArgument):
    """Patterns, and nothing suits any of them."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file or folder to be copied."""

    path: str
    is_folder: bool
    digest: str
    parents: str = ""  # the folders above it that `--parents` keeps


def find(
    root: int,
    words: tuple[str, ...],
    excludes: tuple[str, ...],
    *,
    owners: bool,
    parents: bool = False,
    digests: Digests | None = None,
) -> list[Source]:
    """The sources that an instruction's words stand for, in docker's order; `digests` is what is known of files."""
    rules = Ignore(list(excludes)) if excludes else None
    look = _Look(owners, digests or {})
    found = []
    for word in words:
        path = posixpath.normpath("/" + word).lstrip("/")
        paths = list(_glob(root, path.split("/"), "")) if WILD.search(path) else [path or "."]
        found += [_source(root, each, rules, look, parents=kept_folders(word, each, parents)) for each in paths]
    if not found:
        raise NothingFound("no source files were specified")
    return found


def kept_folders(word: str, path: str, parents: bool) -> str:
    """The folders of a path that are made in the destination too: all, or those after the word's `/./`."""
    if not parents:
        return ""
    _, pivot, _ = f"/{word}".rpartition("/./")
    above = f"/{word}".rpartition("/./")[0] if pivot else ""
    depth = len([part for part in posixpath.normpath(f"/{above}").split("/") if part]) if above else 0
    return "/".join(path.split("/")[depth:-1])


def _glob(root: int, parts: list[str], folder: str) -> Iterator[str]:
    """Depth first, by name; links are matched but not walked through."""
    if parts[0] == "**":
        yield from _glob_deep(root, parts, folder)
        return
    matches = globs.source(parts[0])
    try:
        fd = kernel.openat2(root, folder or ".", os.O_RDONLY | os.O_DIRECTORY, resolve=_NO_LINKS)
    except OSError:
        return
    try:
        names = sorted(name for name in os.listdir(fd) if matches(name))
    finally:
        os.close(fd)
    for name in names:
        path = f"{folder}/{name}" if folder else name
        if len(parts) == 1:
            yield path
        else:
            yield from _glob(root, parts[1:], path)


def _glob_deep(root: int, parts: list[str], folder: str) -> Iterator[str]:
    """`**`: this folder and all below it."""
    if len(parts) > 1:
        yield from _glob(root, parts[1:], folder)
    for path in _glob(root, ["*"], folder):
        if len(parts) == 1:
            yield path
        yield from _glob(root, parts, path)


_NO_LINKS = kernel.RESOLVE_IN_ROOT | kernel.RESOLVE_NO_SYMLINKS


def _source(root: int, path: str, rules: Ignore | None, look: "_Look", *, parents: str) -> Source:
    try:
        fd = kernel.openat2(root, path, os.O_PATH)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"stat {path}: file does not exist") from None
    except OSError as error:
        raise InvalidArgument(f"{path}: {error.strerror}") from None
    try:
        found = os.fstat(fd)
        if stat.S_ISDIR(found.st_mode):
            lines = [line for _, line in look.below(fd, "", rules)]
            return Source(path, True, f"dir:{hashlib.sha256(json.dumps(lines).encode()).hexdigest()}", parents)
        line = json.dumps(look.line(fd, found))
        return Source(path, False, f"file:{hashlib.sha256(line.encode()).hexdigest()}", parents)
    finally:
        os.close(fd)


@dataclass(frozen=True, slots=True)
class _Look:
    """How files are looked at."""

    owners: bool
    digests: Digests

    def below(self, folder: int, prefix: str, rules: Ignore | None) -> Iterator[tuple[str, list[object]]]:
        """Each thing below a folder with what its digest is made of, by name."""
        for name in listed(folder):
            path = f"{prefix}{name}"
            excluded = rules is not None and rules.excludes(path)
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISREG(found.st_mode) and not excluded and (known := self.digests.get(found.st_ino)):
                yield path, [path, *self._status(found), found.st_size, known]
                continue
            fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            try:
                found = os.fstat(fd)
                if not excluded:
                    yield path, [path, *self.line(fd, found)]
                if stat.S_ISDIR(found.st_mode) and (not excluded or (rules is not None and rules.has_exclusions)):
                    yield from self.below(fd, f"{path}/", rules)
            finally:
                os.close(fd)

    def line(self, fd: int, found: os.stat_result) -> list[object]:
        """What the digest of one thing is made of."""
        line = self._status(found)
        if stat.S_ISREG(found.st_mode):
            line += [found.st_size, self.digests.get(found.st_ino) or _content(fd)]
        elif stat.S_ISLNK(found.st_mode):
            line.append(os.readlink("", dir_fd=fd))
        elif stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode):
            line.append(found.st_rdev)
        return line

    def _status(self, found: os.stat_result) -> list[object]:
        return [found.st_mode, found.st_uid, found.st_gid] if self.owners else [found.st_mode]


def listed(folder: int) -> list[str]:
    """The names in a folder that is open by O_PATH."""
    fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        return sorted(os.listdir(fd))
    finally:
        os.close(fd)


def _content(fd: int) -> str:
    """By /proc: the O_PATH fd names exactly the file that was looked at."""
    digest = hashlib.sha256()
    with open(f"/proc/self/fd/{fd}", "rb", buffering=0) as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)
    return digest.hexdigest()
