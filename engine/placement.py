"""Where on the disk an ext4 puts what is made in a folder.

ext4 keeps a folder's files in the group of blocks that the folder is in, and new folders near the one above. Of a
group's inodes it gives none out again that were freed within the last minute or five, and looks at each of them to
know it: thousands of files removed make each new one beside them cost a third of a millisecond. A folder with the
attribute `T` (chattr(1)) has what is made in it spread over the disk instead, each folder in a group of its own.
"""

import contextlib
import fcntl
import os
import struct

_FS_IOC_GETFLAGS = 0x80086601
_FS_IOC_SETFLAGS = 0x40086602
_FS_TOPDIR_FL = 0x00020000


def spread(folder: str) -> None:
    """Let the folders in this one be far from each other; file systems that know nothing of it do as they always do."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            (flags,) = struct.unpack("I", fcntl.ioctl(fd, _FS_IOC_GETFLAGS, bytes(4)))
            fcntl.ioctl(fd, _FS_IOC_SETFLAGS, struct.pack("I", flags | _FS_TOPDIR_FL))
    finally:
        os.close(fd)
