"""Addresses of git repositories, as docker writes them: `remote[#reference[:folder]]`. Pure.

Nothing of one can be taken for an option (CVE-2019-13139), and none is shown with its password.
"""

import re
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from proto.errdefs import InvalidArgument

_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+@{}-]*")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_SCP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:.+")


@dataclass(frozen=True, slots=True)
class Repository:
    """What an address with its fragment names."""

    remote: str
    ref: str = ""
    folder: str = ""

    def without_secrets(self, text: str) -> str:
        """What git says, without the name and password of the address, however it repeats them."""
        secret, at, _ = urlsplit(self.remote).netloc.rpartition("@") if "://" in self.remote else ("", "", "")
        return hidden(text.replace(f"{secret}@", "xxxxx@") if at else text)

    @property
    def shown(self) -> str:
        """The address without a password."""
        return hidden(self.remote)


def hidden(text: str) -> str:
    """An address without the name and password that may be in it."""
    return re.sub(r"(?<=://)[^/@\s]*@", "xxxxx@", text)


def is_context(text: str) -> bool:
    """Does a context's name mean a repository, as docker sees it."""
    plain = text.partition("#")[0]
    if text.startswith(("http://", "https://")):
        return urlsplit(plain).path.endswith(".git")
    return text.startswith(("git://", "ssh://", "github.com/", "git@")) or bool(_SCP.fullmatch(plain))


def is_source(word: str) -> bool:
    """Does a source of ADD mean one."""
    return not word.startswith("github.com/") and is_context(word)


def parse(text: str) -> Repository:
    """`remote[#ref[:folder]]`; what git could take for something else is refused."""
    remote, _, fragment = text.partition("#")
    ref, _, folder = fragment.partition(":")
    if remote.startswith("github.com/"):
        remote = f"https://{remote}"
    if remote.startswith("-") or any(letter < "!" or letter == "\x7f" for letter in remote):
        raise InvalidArgument(f"invalid git address: {hidden(text)!r}")
    if "://" in remote:
        host = urlsplit(remote).hostname or ""
        if not host or host.startswith("-"):
            raise InvalidArgument(f"invalid git address: {hidden(text)!r}")
    if ref and (not _REF.fullmatch(ref) or ".." in ref or ref.endswith((".lock", "/"))):
        raise InvalidArgument(f"invalid git reference: {ref!r}")
    if "\0" in folder:
        raise InvalidArgument("invalid folder of a git repository")
    return Repository(remote, ref, folder)


def at(repository: Repository, checksum: str) -> Repository:
    """A repository whose commit is known: that is fetched, whatever the reference says by now."""
    return replace(repository, ref=checksum) if not repository.ref and _COMMIT.fullmatch(checksum) else repository
