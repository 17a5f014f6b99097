"""One daemon per root: a lock that the kernel drops when its holder dies, whatever kills it."""

import fcntl
import os

from proto.errdefs import FailedPrecondition


class RootLock:
    """Held from construction to `release`; the file names the holder's pid for whoever is refused."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._fd, 20, 0).decode(errors="replace").strip()
            os.close(self._fd)
            folder = os.path.dirname(path)
            raise FailedPrecondition(f"another daemon (pid {holder or 'unknown'}) uses {folder}") from error
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next one in."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
