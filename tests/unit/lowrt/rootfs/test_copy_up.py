"""Copying a directory by fd; owners stay ours, since this runs without root."""

import os
from pathlib import Path

from lowrt.rootfs.copy_up import copy_up


def test_everything_is_copied_and_no_link_followed(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "inner").mkdir(parents=True)
    target.mkdir()
    (source / "file").write_bytes(b"x" * 3_000_000)
    (source / "file").chmod(0o640)
    (source / "inner" / "empty").touch()
    (source / "inner").chmod(0o711)
    (source / "link").symlink_to("/etc/passwd")
    os.mkfifo(source / "pipe", 0o600)
    source.chmod(0o750)
    os.utime(source / "file", (1, 2))
    fds = [os.open(path, os.O_PATH) for path in (source, target)]
    copy_up(*fds)
    for fd in fds:
        os.close(fd)
    assert (target / "file").read_bytes() == b"x" * 3_000_000
    assert (target / "file").stat().st_mode & 0o7777 == 0o640
    assert (target / "file").stat().st_mtime == 2
    assert (target / "inner").stat().st_mode & 0o7777 == 0o711
    assert (target / "inner" / "empty").is_file()
    assert (target / "link").readlink() == Path("/etc/passwd")
    assert (target / "pipe").is_fifo()
    assert target.stat().st_mode & 0o7777 == 0o750
