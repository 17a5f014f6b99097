"""Which paths of its context a build can want, as far as the Dockerfile says so by itself. Pure.

A client that sends what it is asked for need not send the rest. Triggers of base images and words with variables are
known only when their step's turn has come: such a step asks for the whole context then.
"""

import posixpath
from collections.abc import Iterable

from e2b_dockerfile_utils import DockerfileHeredoc, parse_heredoc

from engine.builder import download, git_address, run_mounts
from engine.builder.parser import Dockerfile, Instruction
from proto.errdefs import Fault

Paths = frozenset[str]

_DYNAMIC = frozenset("$\\\"'")  # what a word may be after it has been expanded, only its step knows


def wanted(file: Dockerfile) -> Paths | None:
    """Paths as patterns below the context's root; None: all of it."""
    found: set[str] = set()
    for stage in file.stages:
        for instruction in stage.instructions:
            words = _words(instruction)
            if words is None or any(_DYNAMIC & set(word) for word in words):
                return None
            found |= paths(words)
    return None if "" in found else frozenset(found)


def _words(instruction: Instruction) -> tuple[str, ...] | None:
    if instruction.name in ("COPY", "ADD") and not instruction.flags.get("from"):
        return local(instruction.args[:-1], instruction.heredocs)
    if instruction.name == "RUN":
        texts = instruction.many.get("mount", ())
        if any("$" in text for text in texts):
            return None
        try:
            mounts = [run_mounts.parse(instruction, text, "/") for text in texts]
        except Fault:
            return None  # the step says what is wrong with it
        return of_mounts(mounts)
    return ()


def of_mounts(mounts: Iterable[run_mounts.RunMount]) -> tuple[str, ...]:
    """The sources in the context of a step's mounts."""
    taken = [mount for mount in mounts if not mount.origin and (mount.kind == "bind" or mount.source)]
    return tuple(mount.source or "." for mount in taken if mount.kind in ("bind", "cache"))


def local(words: Iterable[str], heredocs: tuple[DockerfileHeredoc, ...]) -> tuple[str, ...]:
    """Those of COPY's and ADD's words that lead into the context."""
    return tuple(word for word in words if not _is_elsewhere(word, heredocs))


def _is_elsewhere(word: str, heredocs: tuple[DockerfileHeredoc, ...]) -> bool:
    if git_address.is_source(word) or download.is_remote(word):
        return True
    parsed = parse_heredoc(word) if "<<" in word else None
    return parsed is not None and any(doc.name == parsed.name for doc in heredocs)


def paths(words: Iterable[str]) -> Paths:
    """Words as paths; the empty one is the whole context."""
    return frozenset(posixpath.normpath(f"/{word}").lstrip("/") for word in words)
