"""Image references: `host/path[:tag][@digest]` as containerd stores them, and Docker's short forms made whole."""

import re
from dataclasses import dataclass

from proto.errdefs import InvalidArgument
from supervisor.core.digests import digest_problem

_PATH = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*\Z")
_HOST = re.compile(
    r"(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*"
    r"|\[[a-fA-F0-9:]+\])(?::[0-9]+)?\Z"
)
_TAG = re.compile(r"\w[\w.-]{0,127}\Z", re.ASCII)
_LONGEST_PATH = 255


@dataclass(frozen=True, slots=True)
class Reference:
    """A whole reference; `tag` or `digest` may be empty."""

    host: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def locator(self) -> str:
        """Everything but tag and digest."""
        return f"{self.host}/{self.path}"

    def __str__(self) -> str:
        return self.locator + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def parse(text: str) -> Reference:
    """A reference that names its host, as images are named in the store."""
    rest, _, digest = text.partition("@")
    head, slash, path = rest.partition("/")
    if not slash or not head:
        raise InvalidArgument(f"{text!r}: hostname required: invalid argument" if text else "invalid reference: empty")
    path, _, tag = path.partition(":")
    if not _HOST.match(head) or not _PATH.match(path) or len(path) > _LONGEST_PATH:
        raise InvalidArgument(f"invalid reference format: {text!r}: invalid argument")
    if tag and not _TAG.match(tag):
        raise InvalidArgument(f"invalid tag in {text!r}: invalid argument")
    if digest and digest_problem(digest) is not None:
        raise InvalidArgument(f"invalid digest in {text!r}: {digest_problem(digest)}: invalid argument")
    return Reference(head, path, tag, digest)


def normalize(text: str) -> Reference:
    """Docker's short forms made whole: `busybox` is docker.io/library/busybox:latest; with a digest no tag is kept."""
    head, slash, rest = text.partition("/")
    is_host = bool(slash) and ("." in head or ":" in head or head == "localhost" or head.lower() != head)
    host, path = (head, rest) if is_host else ("docker.io", text)
    if host == "index.docker.io":
        host = "docker.io"
    if host == "docker.io" and "/" not in path.split("@")[0]:
        path = f"library/{path}"
    try:
        found = parse(f"{host}/{path}")
    except InvalidArgument as fault:
        raise InvalidArgument(f'normalize image ref "{text}": {fault}') from fault
    if found.digest:
        return Reference(found.host, found.path, "", found.digest)
    return found if found.tag else Reference(found.host, found.path, "latest")


def familiar(name: str) -> str:
    """The short form that Docker shows; a name that is none comes back with what is wrong with it."""
    found = normalize(name) if "@" not in name else _whole(name)
    path = found.path
    if found.host == "docker.io":
        path = path.removeprefix("library/") if path.count("/") == 1 else path
    else:
        path = f"{found.host}/{path}"
    return path + (f":{found.tag}" if found.tag else "") + (f"@{found.digest}" if found.digest else "")


def _whole(name: str) -> Reference:
    base, _, digest = name.partition("@")
    found = normalize(base)
    tag = found.tag if ":" in base.rsplit("/", 1)[-1] else ""
    return Reference(found.host, found.path, tag, digest)
