"""`.dockerignore`: which paths of a context stay behind, as moby's ignorefile and patternmatcher have it. Pure.

The last pattern that matches decides; what matches a folder matches all below it. As in moby, an inclusion is only
asked of what is not excluded yet, and an exclusion (`!`) only of what is.
"""

import posixpath
from dataclasses import dataclass

from engine.builder import globs
from proto.errdefs import InvalidArgument

_WILD = frozenset("*?[\\")


def read(text: str) -> list[str]:
    """The patterns of a .dockerignore file."""
    patterns = []
    for line in text.removeprefix("\ufeff").splitlines():
        if line.startswith("#") or not line.strip():
            continue
        pattern = line.strip()
        exclusion = pattern.startswith("!")
        if exclusion:
            pattern = pattern[1:].strip()
        if pattern:
            pattern = posixpath.normpath(pattern)
            if len(pattern) > 1 and pattern.startswith("/"):
                pattern = pattern.lstrip("/")
        patterns.append(f"!{pattern}" if exclusion else pattern)
    return patterns


@dataclass(frozen=True, slots=True)
class _Pattern:
    exclusion: bool
    parts: tuple[str, ...]
    match: globs.Matcher


class Ignore:
    """One context's patterns."""

    def __init__(self, patterns: list[str]) -> None:
        self._patterns = [made for pattern in patterns if (made := _pattern(pattern)) is not None]
        self.has_exclusions = any(pattern.exclusion for pattern in self._patterns)
        self._folder: tuple[str, list[bool]] = ("", [])  # the folder that was asked for last, and what matches it

    def excludes(self, path: str) -> bool:
        """A path, relative to the context's root, stays behind; so does all below an excluded folder, but for `!`."""
        folder, slash, _ = path.rpartition("/")
        above = self._above(folder) if slash else []
        return self._matched(path, above)[0]

    def _above(self, folder: str) -> list[bool]:
        """Which patterns match a folder; asked once for all that is in it."""
        if self._folder[0] != folder or not self._folder[1]:
            parent, slash, _ = folder.rpartition("/")
            self._folder = (folder, self._matched(folder, self._above(parent) if slash else [])[1])
        return self._folder[1]

    def _matched(self, path: str, above: list[bool]) -> tuple[bool, list[bool]]:
        matched, each = False, []
        for index, pattern in enumerate(self._patterns):
            hit = bool(above) and above[index]
            if not hit and pattern.exclusion == matched:
                hit = pattern.match(path)
            each.append(hit)
            if hit:
                matched = not pattern.exclusion
        return matched, each

    def may_hold(self, folder: str) -> bool:
        """Something below an excluded folder may be wanted all the same."""
        parts = folder.split("/")
        return any(_may_match_below(pattern.parts, parts) for pattern in self._patterns if pattern.exclusion)


def _pattern(text: str) -> _Pattern | None:
    exclusion = text.startswith("!")
    plain = (text[1:] if exclusion else text).strip()
    if exclusion and not plain:
        raise InvalidArgument(f"error checking context: 'Invalid ignore pattern {text!r}: illegal exclusion pattern'")
    if not plain:
        return None
    cleaned = posixpath.normpath(plain)
    if len(cleaned) > 1:
        cleaned = cleaned.lstrip("/") or "/"
    try:
        return _Pattern(exclusion, tuple(cleaned.split("/")), globs.ignored(cleaned))
    except InvalidArgument as fault:
        raise InvalidArgument(f"error checking context: '{fault}'") from fault


def _may_match_below(pattern: tuple[str, ...], folder: list[str]) -> bool:
    for part, name in zip(pattern, folder, strict=False):
        if "**" in part:
            return True
        if part != name and not any(letter in _WILD for letter in part):
            return False
    return len(pattern) > len(folder)
