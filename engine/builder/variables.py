"""What `$name` means at each place of a Dockerfile: ENV, ARG, and the arguments that every build has. Pure.

An argument counts from the line that declares it; a value given by the client goes before the Dockerfile's own; ENV
goes before both. Arguments before the first FROM are known to FROM lines, and to a stage that declares them again.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from e2b_dockerfile_utils import ShellLex, lexer

from engine import patterns
from engine.images.platform import Platform
from proto.errdefs import InvalidArgument

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
PREDEFINED = frozenset(name for upper in _PROXIES for name in (upper, upper.lower()))


_for_backtracking = lexer._shell_pattern_to_regex


def _in_linear_time(pattern: str, greedy: bool, anchored: bool) -> Any:
    """The library's own expressions for `${name#pattern}`: Python's engine goes back over `*a*a*a…` for hours."""
    return patterns.compiled(_for_backtracking(pattern, greedy, anchored).pattern, "pattern")


lexer._shell_pattern_to_regex = _in_linear_time


class Expander:
    """Expands words with the variables of one moment."""

    def __init__(self, escape: str, variables: Mapping[str, str]) -> None:
        self._lex = ShellLex(escape, env=variables, skip_unset_env=False)

    def word(self, text: str) -> str:
        """One word: variables and escapes resolved, quotes removed."""
        try:
            return self._lex.process_word(text)
        except ValueError as error:
            raise _refused(error, text) from None

    def words(self, text: str) -> list[str]:
        """The same, split where variables brought spaces."""
        try:
            return self._lex.process_words(text)
        except ValueError as error:
            raise _refused(error, text) from None


def _refused(error: ValueError, text: str) -> InvalidArgument:
    """In docker's words, which quote as Go does."""
    return InvalidArgument(str(error).replace(f"failed to process '{text}'", f"failed to process {json.dumps(text)}"))


class Arguments:
    """The build arguments as one stage sees them."""

    def __init__(self, given: Mapping[str, str | None], meta: Mapping[str, str | None] | None = None) -> None:
        self._given = dict(given)
        self._meta = dict(meta or {})
        self._declared: dict[str, str | None] = {}
        self.referenced: set[str] = set()

    def declare(self, name: str, default: str | None) -> None:
        """`ARG name[=default]`."""
        self._declared[name] = default
        self.referenced.add(name)

    def value(self, name: str) -> str | None:
        """The argument's value; None where it has none or was not declared."""
        if name not in self._declared:
            return self._given.get(name) if name in PREDEFINED else None
        default = self._declared[name]
        given = self._given.get(name)
        if given is not None:
            return given
        return default if default is not None else self._meta.get(name)

    def all(self) -> dict[str, str]:
        """Every argument that has a value."""
        names = [*self._declared, *(name for name in self._given if name in PREDEFINED)]
        return {name: value for name in names if (value := self.value(name)) is not None}

    def shown(self, environment: Iterable[str]) -> list[str]:
        """What `docker history` says of a RUN's arguments: `name=value`, sorted; proxies only if declared."""
        taken = set(environment)
        return sorted(
            f"{name}={value}"
            for name, value in self.all().items()
            if name not in taken and (name in self._declared or name not in PREDEFINED)
        )


def platform_arguments(platform: Platform, target: str) -> dict[str, str | None]:
    """The arguments that BuildKit gives to FROM lines, and to stages that declare them."""
    found: dict[str, str | None] = {"TARGETSTAGE": target or "default"}
    for prefix in ("TARGET", "BUILD"):
        found[f"{prefix}PLATFORM"] = str(platform)
        found[f"{prefix}OS"] = platform.os
        found[f"{prefix}ARCH"] = platform.architecture
        found[f"{prefix}VARIANT"] = platform.variant
    return found


def split_pair(word: str) -> tuple[str, str | None]:
    """`name=value`, or `name` alone."""
    name, equals, value = word.partition("=")
    return name, value if equals else None
