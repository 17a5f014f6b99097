"""Session keyrings: a container must not read the keys of whoever started it."""

from lowrt.linux import constants as c
from lowrt.linux import ffi as ctypes
from lowrt.linux.libc import check, syscall

KEYCTL_JOIN_SESSION_KEYRING = 1
KEYCTL_SETPERM = 5
KEYCTL_DESCRIBE = 6
KEY_USR_SEARCH = 0x080000


def join_session_keyring(name: str) -> int:
    """keyctl(KEYCTL_JOIN_SESSION_KEYRING): make or join a keyring of that name; its serial number."""
    return check(syscall(c.NR_KEYCTL, KEYCTL_JOIN_SESSION_KEYRING, name.encode() + b"\0"), "keyctl")


def allow_search_by_user(keyring: int) -> None:
    """Let the uid's processes search the keyring: with the default rights only its possessor may."""
    description = ctypes.create_string_buffer(1024)
    length = check(syscall(c.NR_KEYCTL, KEYCTL_DESCRIBE, keyring, description, len(description)), "keyctl")
    rights = int(description.raw[:length].split(b";")[3], 16)
    check(syscall(c.NR_KEYCTL, KEYCTL_SETPERM, keyring, rights | KEY_USR_SEARCH), "keyctl")
