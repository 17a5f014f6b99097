"""`.dockerignore`: which paths of a context stay behind. Pure.

Patterns are matched by `e2b_dockerfile_utils.PatternMatcher`, which follows moby's patternmatcher; reading the file's
lines (comments, blanks, a leading slash) is done here as moby's ignorefile does.
"""

import posixpath

from e2b_dockerfile_utils import PatternMatcher

from proto.errdefs import InvalidArgument


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


class Ignore:
    """One context's patterns."""

    def __init__(self, patterns: list[str]) -> None:
        try:
            self._matcher = PatternMatcher(patterns)
        except ValueError as error:
            raise InvalidArgument(f"error checking context: '{error}'") from None
        self.has_exclusions = any(pattern.startswith("!") for pattern in patterns)

    def excludes(self, path: str) -> bool:
        """A path, relative to the context's root, stays behind; so does all below an excluded folder, but for `!`."""
        return bool(self._matcher.matches(path))

    def may_hold(self, folder: str) -> bool:
        """Something below an excluded folder may be wanted all the same."""
        return bool(self._matcher.may_match_under(folder))
