"""The rules an archive's names must keep before anything touches the disk: pure, and the only place where names
become paths.

A name is cleaned by its text alone and kept under the root, as containerd keeps it: a leading `/` and every `..` that
would climb out are dropped. Symbolic links are none of this file's business: the kernel resolves them inside the root
(openat2(2), RESOLVE_IN_ROOT), at the moment of use, so that nothing can be swapped between a check and the use.
"""

from typing import TypeAlias

from proto.errdefs import InvalidArgument

Path: TypeAlias = tuple[bytes, ...]

WHITEOUT = b".wh."
OPAQUE = b".wh..wh..opq"


def clean(name: bytes) -> Path:
    """The components under the root; an empty tuple is the root itself."""
    parts: list[bytes] = []
    for part in name.split(b"/"):
        if part == b"..":
            if parts:
                parts.pop()
        elif part not in (b"", b"."):
            parts.append(part)
    return tuple(parts)


def whiteout_target(base: bytes) -> bytes | None:
    """The name that a whiteout hides; None when the name is no whiteout. Not for the opaque marker."""
    if not base.startswith(WHITEOUT):
        return None
    target = base[len(WHITEOUT) :]
    if target in (b"", b".", b".."):
        raise InvalidArgument(f"invalid whiteout name: {base.decode(errors='replace')}: invalid archive")
    return target


def may_set(xattr: bytes) -> bool:
    """Whether an archive may set this attribute.

    `trusted.*` belongs to the host (containerd ignores it too); overlayfs reads its own orders from
    `trusted.overlay.*` or, mounted with userxattr, from `user.overlay.*`: an image that could write them would
    redirect look-ups into other layers.
    """
    return not xattr.startswith((b"trusted.", b"user.overlay.")) and b"\0" not in xattr
