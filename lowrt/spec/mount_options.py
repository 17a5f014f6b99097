"""Mount option words and what they mean: flags, propagation, recursive attributes, extensions; the rest is data.

The tables are runc's and mount(8)'s. An option that is in none of them goes to the filesystem, as mount(8) does it.
"""

from lowrt.linux import mount as m

FLAGS = {  # word: (cleared?, flag)
    "async": (True, m.MS_SYNCHRONOUS),
    "atime": (True, m.MS_NOATIME),
    "bind": (False, m.MS_BIND),
    "defaults": (False, 0),
    "dev": (True, m.MS_NODEV),
    "diratime": (True, m.MS_NODIRATIME),
    "dirsync": (False, m.MS_DIRSYNC),
    "exec": (True, m.MS_NOEXEC),
    "iversion": (False, m.MS_I_VERSION),
    "lazytime": (False, m.MS_LAZYTIME),
    "loud": (True, m.MS_SILENT),
    "mand": (False, m.MS_MANDLOCK),
    "noatime": (False, m.MS_NOATIME),
    "nodev": (False, m.MS_NODEV),
    "nodiratime": (False, m.MS_NODIRATIME),
    "noexec": (False, m.MS_NOEXEC),
    "noiversion": (True, m.MS_I_VERSION),
    "nolazytime": (True, m.MS_LAZYTIME),
    "nomand": (True, m.MS_MANDLOCK),
    "norelatime": (True, m.MS_RELATIME),
    "nostrictatime": (True, m.MS_STRICTATIME),
    "nosuid": (False, m.MS_NOSUID),
    "nosymfollow": (False, m.MS_NOSYMFOLLOW),
    "rbind": (False, m.MS_BIND | m.MS_REC),
    "relatime": (False, m.MS_RELATIME),
    "remount": (False, m.MS_REMOUNT),
    "ro": (False, m.MS_RDONLY),
    "rw": (True, m.MS_RDONLY),
    "silent": (False, m.MS_SILENT),
    "strictatime": (False, m.MS_STRICTATIME),
    "suid": (True, m.MS_NOSUID),
    "symfollow": (True, m.MS_NOSYMFOLLOW),
    "sync": (False, m.MS_SYNCHRONOUS),
}

PROPAGATION = {
    "private": m.MS_PRIVATE,
    "rprivate": m.MS_PRIVATE | m.MS_REC,
    "slave": m.MS_SLAVE,
    "rslave": m.MS_SLAVE | m.MS_REC,
    "shared": m.MS_SHARED,
    "rshared": m.MS_SHARED | m.MS_REC,
    "unbindable": m.MS_UNBINDABLE,
    "runbindable": m.MS_UNBINDABLE | m.MS_REC,
}

RECURSIVE = {  # word: (cleared?, attribute of mount_setattr(2))
    "rro": (False, m.MOUNT_ATTR_RDONLY),
    "rrw": (True, m.MOUNT_ATTR_RDONLY),
    "rnosuid": (False, m.MOUNT_ATTR_NOSUID),
    "rsuid": (True, m.MOUNT_ATTR_NOSUID),
    "rnodev": (False, m.MOUNT_ATTR_NODEV),
    "rdev": (True, m.MOUNT_ATTR_NODEV),
    "rnoexec": (False, m.MOUNT_ATTR_NOEXEC),
    "rexec": (True, m.MOUNT_ATTR_NOEXEC),
    "rnodiratime": (False, m.MOUNT_ATTR_NODIRATIME),
    "rdiratime": (True, m.MOUNT_ATTR_NODIRATIME),
    "rrelatime": (False, m.MOUNT_ATTR_RELATIME),
    "rnorelatime": (True, m.MOUNT_ATTR_RELATIME),
    "rnoatime": (False, m.MOUNT_ATTR_NOATIME),
    "ratime": (True, m.MOUNT_ATTR_NOATIME),
    "rstrictatime": (False, m.MOUNT_ATTR_STRICTATIME),
    "rnostrictatime": (True, m.MOUNT_ATTR_STRICTATIME),
    "rnosymfollow": (False, m.MOUNT_ATTR_NOSYMFOLLOW),
    "rsymfollow": (True, m.MOUNT_ATTR_NOSYMFOLLOW),
}

_EXTENSIONS = ("idmap", "ridmap", "tmpcopyup")


class MountOptions:
    """One mount's options, read."""

    __slots__ = (
        "attr_clear",
        "attr_set",
        "cleared",
        "copy_up",
        "data",
        "flags",
        "idmap",
        "propagation",
        "recursive_idmap",
    )

    def __init__(self) -> None:
        self.flags = 0
        self.cleared = 0
        self.propagation: list[int] = []
        self.attr_set = 0
        self.attr_clear = 0
        self.copy_up = False
        self.idmap = False
        self.recursive_idmap = False
        self.data = ""


def parse(words: list[str]) -> MountOptions:
    """Read the option words in order: of two that contradict each other, the later one counts."""
    options = MountOptions()
    data = []
    for word in words:
        if FLAGS.get(word, (False, 0))[1]:
            _set_flag(options, *FLAGS[word])
        elif word in PROPAGATION:
            options.propagation.append(PROPAGATION[word])
        elif word in RECURSIVE:
            _set_attribute(options, *RECURSIVE[word])
        elif word in _EXTENSIONS:
            _set_extension(options, word)
        elif word != "defaults":
            data.append(word)
    options.data = ",".join(data)
    return options


def _set_flag(options: MountOptions, clear: bool, flag: int) -> None:
    if clear:
        options.flags &= ~flag
        options.cleared |= flag
    else:
        options.flags |= flag
        options.cleared &= ~flag


def _set_attribute(options: MountOptions, clear: bool, attribute: int) -> None:
    if clear:
        options.attr_clear |= attribute
        options.attr_set &= ~attribute
    else:
        options.attr_set |= attribute
        options.attr_clear &= ~attribute
    if attribute & m.MOUNT_ATTR__ATIME == attribute:
        # The access-time bits are one field: mount_setattr(2) wants it cleared whenever it is set.
        options.attr_clear |= m.MOUNT_ATTR__ATIME


def _set_extension(options: MountOptions, word: str) -> None:
    if word == "tmpcopyup":
        options.copy_up = True
    else:
        options.idmap = True
        options.recursive_idmap = word == "ridmap"


def known_options() -> list[str]:
    """Every word with a meaning of its own, sorted: the list of `lowrt features`."""
    return sorted((*FLAGS, *PROPAGATION, *RECURSIVE, *_EXTENSIONS))


def describe_flags(flags: int) -> str:
    """MS_* names for messages, as runc writes them."""
    names = []
    for name, bit in sorted(vars(m).items(), key=lambda item: item[1] if isinstance(item[1], int) else 0):
        if name.startswith("MS_") and flags & bit:
            names.append(name)
            flags &= ~bit
    if flags:
        names.append(hex(flags))
    return "|".join(names)
