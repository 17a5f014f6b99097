"""The grammar of image names: every spelling that Docker takes, and the one full name each of them stands for.

    busybox                                  docker.io/library/busybox
    user/app:1.2                             docker.io/user/app:1.2
    localhost:5000/app@sha256:…              localhost:5000/app@sha256:…
    [::1]:5000/a/b__c                        [::1]:5000/a/b__c

Pure: text in, a Reference or an InvalidArgument out, with Docker's words. A name is *familiar* when the default
registry and its `library/` are left off again. Rules: https://pkg.go.dev/github.com/distribution/reference
"""

import re
from dataclasses import dataclass, replace

from proto.errdefs import InvalidArgument

DEFAULT_DOMAIN = "docker.io"
LEGACY_DOMAIN = "index.docker.io"
OFFICIAL_PREFIX = "library/"
DEFAULT_TAG = "latest"
NAME_LENGTH_LIMIT = 255

_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*"
_DOMAIN_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_DOMAIN_LABEL}(?:\.{_DOMAIN_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_TAG = r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(
    rf"(?:(?P<domain>{_DOMAIN})/)?(?P<path>{_COMPONENT}(?:/{_COMPONENT})*)(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{_DIGEST}))?"
)
_TAG_ALONE = re.compile(_TAG)
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")
_SHORT_IDENTIFIER = re.compile(r"(?:sha256:)?[a-f0-9]{1,64}")
_DIGEST_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
_LOWER_HEX = re.compile(r"[a-f0-9]+")


@dataclass(frozen=True, slots=True)
class Reference:
    """One image name in full; `tag` and `digest` are empty where the text had none."""

    domain: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """The repository in full, without tag or digest."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar_name(self) -> str:
        """The repository as people write it."""
        if self.domain != DEFAULT_DOMAIN:
            return self.name
        rest = self.path.removeprefix(OFFICIAL_PREFIX)
        short = self.path if "/" in rest else rest
        # `docker.io/a.b/c` without its registry would be read as the registry a.b
        return short if _split_domain(short) == (self.domain, self.path) else self.name

    @property
    def familiar(self) -> str:
        return self.familiar_name + self.suffix

    @property
    def suffix(self) -> str:
        """`:tag` and `@digest`, as far as there are any."""
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    @property
    def is_name_only(self) -> bool:
        return not self.tag and not self.digest

    def with_default_tag(self) -> "Reference":
        """The same name, tagged `latest` where it says neither tag nor digest."""
        return replace(self, tag=DEFAULT_TAG) if self.is_name_only else self

    def with_tag(self, tag: str) -> "Reference":
        return replace(self, tag=check_tag(tag), digest="")

    def with_digest(self, digest: str) -> "Reference":
        return replace(self, tag="", digest=check_digest(digest))

    def __str__(self) -> str:
        return self.name + self.suffix


def parse(text: str) -> Reference:
    """Read a repository name in any of its spellings; an image id is not one."""
    if _IDENTIFIER.fullmatch(text):
        raise InvalidArgument(f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings")
    domain, remainder = _split_domain(text)
    repository = re.split("[:@]", remainder, maxsplit=1)[0]
    if repository != repository.lower():
        raise InvalidArgument(f"invalid reference format: repository name ({repository}) must be lowercase")
    return _match(f"{domain}/{remainder}")


def parse_canonical(text: str) -> Reference:
    """Read a name that must already be in full, as the supervisor stores them."""
    reference = parse(text)
    if str(reference) != text:
        raise InvalidArgument("repository name must be canonical")
    return reference


def is_digest(text: str) -> bool:
    """Whether the text is a digest by itself, `sha256:…`."""
    try:
        check_digest(text)
    except InvalidArgument:
        return False
    return True


def is_id_prefix(text: str) -> bool:
    """Whether the text could be (the start of) an image id."""
    return _SHORT_IDENTIFIER.fullmatch(text) is not None


def check_tag(tag: str) -> str:
    if not _TAG_ALONE.fullmatch(tag):
        raise InvalidArgument("invalid tag format")
    return tag


def check_digest(digest: str) -> str:
    algorithm, separator, value = digest.partition(":")
    if not separator or not algorithm or not value:
        raise InvalidArgument("invalid checksum digest format")
    length = _DIGEST_LENGTHS.get(algorithm)
    if length is None:
        raise InvalidArgument("unsupported digest algorithm")
    if len(value) != length:
        raise InvalidArgument("invalid checksum digest length")
    if not _LOWER_HEX.fullmatch(value):
        raise InvalidArgument("invalid checksum digest format")
    return digest


def _split_domain(text: str) -> tuple[str, str]:
    """Tell registry from repository: without dot, port or capital, what stands before the slash is no registry."""
    first, slash, rest = text.partition("/")
    if slash and (any(mark in first for mark in ".:") or first == "localhost" or first != first.lower()):
        domain, remainder = first, rest
    else:
        domain, remainder = DEFAULT_DOMAIN, text
    if domain == LEGACY_DOMAIN:
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and "/" not in remainder:
        remainder = OFFICIAL_PREFIX + remainder
    return domain, remainder


def _match(text: str) -> Reference:
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise InvalidArgument("invalid reference format")
    path = match["path"]
    if match["domain"] is None:  # the text before the slash is no host name, so it was taken for a path
        raise InvalidArgument("invalid reference format")
    if len(path) > NAME_LENGTH_LIMIT:
        raise InvalidArgument(f"repository name must not be more than {NAME_LENGTH_LIMIT} characters")
    if match["digest"]:
        check_digest(match["digest"])
    return Reference(match["domain"], path, match["tag"] or "", match["digest"] or "")
