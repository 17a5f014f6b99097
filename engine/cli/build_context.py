"""What `wherry build` sends: a directory as a tar, without what .dockerignore names; or what came by standard input.

The Dockerfile and .dockerignore always go along: the engine needs them, and takes them out of the context itself.
"""

import contextlib
import io
import os
import secrets
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from engine.builder import git_address, ignore
from engine.cli.build_listing import Lazy, Listing, Readable, add_text, piped
from engine.cli.errors import CommandFailed
from proto.errdefs import Fault

if TYPE_CHECKING:
    from typing_extensions import Buffer

_MAGICS = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
_TAR_MAGIC_AT = 257


@dataclass(slots=True)
class Sending:
    """The body of the request, and the Dockerfile's name in it."""

    body: Readable | None
    dockerfile: str
    failures: list[Exception] = field(default_factory=list)
    remote: str = ""  # the engine fetches it
    listing: Listing | None = None  # of a folder, as long as nothing of it has been sent


@contextmanager
def opened(context: str, dockerfile: str | None, stdin: IO[bytes]) -> Iterator[Sending]:
    """The context for the length of a block."""
    if context == "-":
        yield _from_stdin(stdin, dockerfile)
        return
    if not os.path.exists(context) and git_address.is_context(context):
        with _cloned(context) as folder, opened(folder, dockerfile and f"{folder}/{dockerfile}", stdin) as sending:
            yield sending
        return
    if context.startswith(("http://", "https://")):
        if dockerfile == "-":
            raise CommandFailed("a Dockerfile from standard input does not go with a context from the network")
        yield Sending(None, dockerfile or "", remote=context)
        return
    if not os.path.isdir(context):
        raise CommandFailed(f"unable to prepare context: path {context!r} not found")
    text = None
    if dockerfile == "-":
        text = stdin.read()
    name, extra = _named(context, dockerfile, text)
    with _piped(context, name, extra) as sending:
        yield sending


@contextmanager
def _cloned(address: str) -> Iterator[str]:
    """A repository's folder, cloned with the keys and the configuration of who runs this."""
    if shutil.which("git") is None:
        raise CommandFailed("unable to prepare context: unable to find 'git'")
    try:
        repository = git_address.parse(address)
    except Fault as fault:
        raise CommandFailed(f"unable to prepare context: {fault}") from fault
    with tempfile.TemporaryDirectory(prefix="wherry-build-") as place:
        tree = f"{place}/tree"
        _git("init", "-q", "--", tree)
        _git("-C", tree, "remote", "add", "--", "origin", repository.remote)
        ref = repository.ref or "HEAD"
        try:
            _git("-C", tree, "fetch", "-q", "--depth=1", "--", "origin", ref)
        except CommandFailed:  # plain files behind http know no shallow clones
            _git("-C", tree, "fetch", "-q", "--", "origin", ref)
        _git("-C", tree, "checkout", "-q", "--detach", "FETCH_HEAD")
        if os.path.lexists(f"{tree}/.gitmodules"):
            _git("-C", tree, "submodule", "-q", "update", "--init", "--recursive", "--depth=1")
        shutil.rmtree(f"{tree}/.git")
        folder = os.path.realpath(f"{tree}/{repository.folder}")
        if folder != os.path.realpath(tree) and not folder.startswith(f"{os.path.realpath(tree)}/"):
            raise CommandFailed(f"unable to prepare context: {repository.folder} leads out of the repository")
        if not os.path.isdir(folder):
            raise CommandFailed(f"unable to prepare context: no folder {repository.folder} in {repository.shown}")
        yield folder


def _git(*words: str) -> None:
    """Nothing of a repository runs here, and no address can mean a program (CVE-2019-13139, `ext::`)."""
    safe = ("-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never", "-c", "advice.detachedHead=false")
    environment = {"GIT_ALLOW_PROTOCOL": "http:https:git:ssh", **os.environ}
    done = subprocess.run(["git", *safe, *words], capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise CommandFailed(f"unable to prepare context: git: {git_address.hidden(done.stderr.strip())}")


@contextmanager
def folder(path: str) -> Iterator[Readable]:
    """Another folder's tar, without what its .dockerignore names."""
    with _piped(path, "", None) as sending:
        assert sending.body is not None
        yield sending.body
        if sending.failures:
            raise CommandFailed(f"sending the context {path}: {sending.failures[0]}")


def _from_stdin(stdin: IO[bytes], dockerfile: str | None) -> Sending:
    """A tar as it is, however compressed; a Dockerfile alone as a tar with nothing else."""
    head = stdin.read(512)
    if head.startswith(_MAGICS) or head[_TAR_MAGIC_AT : _TAR_MAGIC_AT + 5] == b"ustar":
        return Sending(io.BufferedReader(_Joined(head, stdin)), dockerfile or "")
    if dockerfile and dockerfile != "-":
        raise CommandFailed("ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles")
    text = head + stdin.read()
    if not text.strip():
        raise CommandFailed("the Dockerfile cannot be empty")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        add_text(tar, "Dockerfile", text)
    buffer.seek(0)
    return Sending(buffer, "Dockerfile")


class _Joined(io.RawIOBase):
    """What was read already, then the rest."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: "Buffer") -> int:
        """Some of it."""
        view = memoryview(buffer).cast("B")
        taken = self._head[: len(view)] or self._rest.read(len(view))
        self._head = self._head[len(view) :]
        view[: len(taken)] = taken
        return len(taken)


def _named(context: str, dockerfile: str | None, text: bytes | None) -> tuple[str, bytes | None]:
    """The Dockerfile's name inside of the context; one from elsewhere is sent under a name of its own."""
    if text is not None:
        return f".dockerfile.{secrets.token_hex(10)}", text
    if dockerfile is None:
        lower = not os.path.lexists(f"{context}/Dockerfile") and os.path.lexists(f"{context}/dockerfile")
        dockerfile = f"{context}/{'dockerfile' if lower else 'Dockerfile'}"
    path = os.path.abspath(dockerfile)
    root = os.path.abspath(context)
    if not os.path.exists(path) and os.path.exists(f"{root}/{dockerfile}"):
        path = os.path.abspath(f"{root}/{dockerfile}")
    if not os.path.exists(path):
        raise CommandFailed(
            f"unable to prepare context: unable to evaluate symlinks in Dockerfile path: {path}: not found"
        )
    if path.startswith(f"{root.rstrip('/')}/"):
        return os.path.relpath(path, root), None
    with open(path, "rb") as file:
        return f".dockerfile.{secrets.token_hex(10)}", file.read()


def rules_of(context: str, dockerfile: str) -> ignore.Ignore:
    """`<Dockerfile>.dockerignore` goes before `.dockerignore`."""
    for name in (f"{dockerfile}.dockerignore", ".dockerignore"):
        try:
            with open(f"{context}/{name}", encoding="utf-8", errors="replace") as file:
                return ignore.Ignore(ignore.read(file.read()))
        except FileNotFoundError:
            continue
        except Fault as fault:
            raise CommandFailed(str(fault)) from fault
    return ignore.Ignore([])


@contextmanager
def _piped(context: str, dockerfile: str, extra: bytes | None) -> Iterator[Sending]:
    """Made by a thread while it is sent: no context is ever whole in memory or on another disk."""
    rules = rules_of(context, dockerfile)
    listing = Listing(context, rules, dockerfile, extra)
    with contextlib.ExitStack() as stack:
        sending = Sending(None, dockerfile, listing=listing)
        sending.body = Lazy(lambda: stack.enter_context(piped(listing.write, sending.failures)))
        yield sending
