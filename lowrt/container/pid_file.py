"""--pid-file: a pid for whoever waits for the file, which is there all at once or not at all."""

import os


def absolute(path: str) -> str:
    """The path as the caller meant it: we change the directory later on."""
    return os.path.abspath(path) if path else ""


def write_pid_file(path: str, pid: int) -> None:
    """Write beside it and rename."""
    temporary = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}")
    fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        os.write(fd, str(pid).encode())
    finally:
        os.close(fd)
    os.rename(temporary, path)
