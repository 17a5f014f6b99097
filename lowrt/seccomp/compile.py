"""The seccomp section → a filter ready to install; done by the parent, cached on disk by content.

A filter that was found compiled costs a read and a hash: the compiler itself is not even loaded.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

_NEW_LISTENER = 1 << 3  # SECCOMP_FILTER_FLAG_NEW_LISTENER
_VERSION = b"lowrt-seccomp-1\n"
_CACHED_AT_MOST = 128


class CompiledFilter:
    """A program, and the flags it is installed with."""

    __slots__ = ("bpf", "flags")

    def __init__(self, bpf: bytes, flags: int) -> None:
        self.bpf = bpf
        self.flags = flags

    @property
    def notifies(self) -> bool:
        """Whether installing it gives a listener fd."""
        return bool(self.flags & _NEW_LISTENER)


def compile_profile(section: "Json", cache_dir: str = "") -> CompiledFilter | None:
    """None where the section asks for nothing."""
    if not section.get("defaultAction") and not section.get("syscalls"):
        return None
    if not cache_dir:
        return _compile(section)
    path = f"{cache_dir}/{_digest(section)}"
    found = _load(path)
    if found is None:
        found = _compile(section)
        _store(cache_dir, path, found)
    return found


def _compile(section: "Json") -> CompiledFilter:
    from lowrt.seccomp.assemble import assemble
    from lowrt.seccomp.profile import Profile

    profile = Profile(section)
    return CompiledFilter(assemble(profile), profile.flags)


def _digest(section: "Json") -> str:
    import marshal

    try:
        from _blake2 import blake2b  # hashlib would load OpenSSL, which costs more than compiling
    except ImportError:
        from hashlib import blake2b
    # Version 2 has no back references, so that equal documents give equal bytes.
    key = os.uname().machine.encode() + _VERSION + marshal.dumps(section, 2)
    return str(blake2b(key, digest_size=20).hexdigest())


def _load(path: str) -> CompiledFilter | None:
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        return None
    header, rest = content[: len(_VERSION)], content[len(_VERSION) :]
    if header != _VERSION or len(rest) < 16 or len(rest) % 8:
        return None
    return CompiledFilter(rest[8:], int.from_bytes(rest[:8], "little"))


def _store(directory: str, path: str, filter_: CompiledFilter) -> None:
    """Best effort: without a cache it is only slower."""
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(directory, 0o700, exist_ok=True)
        names = os.listdir(directory)
        if len(names) >= _CACHED_AT_MOST:
            for name in names:
                os.unlink(f"{directory}/{name}")
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(fd, "wb") as file:
            file.write(_VERSION + filter_.flags.to_bytes(8, "little") + filter_.bpf)
        os.replace(temporary, path)
    except OSError:
        return  # a full or read-only disk; the next container compiles once more
