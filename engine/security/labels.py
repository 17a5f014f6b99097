"""The labels of a container, as dockerd chooses them: the policy's own two contexts, a pair of categories that no other
container has, and what `--security-opt label=…` changes.
"""

import contextlib
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from proto.errdefs import InvalidArgument

_CATEGORIES = 1024
_PRIVILEGED = f"s0:c{_CATEGORIES - 2},c{_CATEGORIES - 1}"  # files of those without a label of their own
_SHARED = "s0"  # files that every container may use
DISABLE = "disable"


@dataclass(frozen=True, slots=True)
class Context:
    """`user:role:type[:level]`; a level has colons of its own."""

    user: str
    role: str
    type: str
    level: str = ""

    @classmethod
    def parse(cls, text: str) -> "Context":
        """The inverse of str()."""
        parts = text.split(":", 3)
        if len(parts) < 3:
            raise InvalidArgument("Invalid Label")
        return cls(*parts)

    def __str__(self) -> str:
        parts = [self.user, self.role, self.type, *([self.level] if self.level else [])]
        return ":".join(parts)


@dataclass(frozen=True, slots=True)
class Labels:
    """Of one container; "" for none."""

    process: str = ""
    mount: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the system's policy calls processes of containers and their files; "" where it does not know any."""

    process: str
    file: str

    def choose(self, options: Sequence[str], taken: Iterable[str]) -> Labels:
        """`options` are the values of `label=`; `taken` the process labels of other containers."""
        if DISABLE in options:
            return Labels("", self._privileged())
        if not self.process or not self.file:
            return Labels("", self.file)
        process, mount = Context.parse(self.process), Context.parse(self.file)
        if process.level:
            level = unused({_level(label) for label in taken})
            process, mount = replace(process, level=level), replace(mount, level=level)
        for option in options:
            process, mount = _changed(process, mount, option)
        return Labels(str(process), str(mount))

    def _privileged(self) -> str:
        return str(replace(Context.parse(self.file), level=_PRIVILEGED)) if self.file else ""


class Labeller:
    """Gives containers labels that no two have in common."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._coming: dict[str, str] = {}

    def take(self, container_id: str, options: Sequence[str], taken: Iterable[str]) -> Labels:
        """Labels of a new container, within `taking`; `taken` as its neighbours' rows have it."""
        found = self._policy.choose(options, [*taken, *self._coming.values()])
        self._coming[container_id] = found.process
        return found

    @contextlib.contextmanager
    def taking(self, container_id: str) -> Iterator[None]:
        """What is taken within the block is in the container's row behind it, or free again."""
        try:
            yield
        finally:
            self._coming.pop(container_id, None)


def _changed(process: Context, mount: Context, option: str) -> tuple[Context, Context]:
    name, colon, value = option.partition(":")
    match name if colon else "":
        case "user":
            return replace(process, user=value), replace(mount, user=value)
        case "role":
            return replace(process, role=value), mount
        case "type":
            return replace(process, type=value), mount
        case "level":
            return replace(process, level=value), replace(mount, level=value)
        case "filetype":
            return process, replace(mount, type=value)
        case _:
            raise InvalidArgument(
                f"bad label option \"{option}\", valid options 'disable' or \n"
                "'user, role, level, type, filetype' followed by ':' and a value"
            )


def unused(taken: set[str]) -> str:
    """A level of two categories, by chance, that is not taken."""
    while True:
        low, high = sorted((secrets.randbelow(_CATEGORIES), secrets.randbelow(_CATEGORIES)))
        level = f"s0:c{low},c{high}"
        if low != high and level != _PRIVILEGED and level not in taken:
            return level


def shared(label: str) -> str:
    """The label of files that every container may use."""
    return str(replace(Context.parse(label), level=_SHARED))


def as_options(process: str) -> list[str]:
    """A process label as the options that make it: for a container that shares another's IPC or process ids."""
    if not process:
        return []
    context = Context.parse(process)
    parts = {"user": context.user, "role": context.role, "type": context.type, "level": context.level}
    return [f"label={name}:{value}" for name, value in parts.items() if value]


def _level(label: str) -> str:
    return Context.parse(label).level if label else ""
