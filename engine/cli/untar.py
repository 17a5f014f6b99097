"""Unpack a tar that a container wrote, under one folder: nothing in it may reach outside.

Members are made fd-relative, one path component at a time and never through a symbolic link, so that a link in the
archive or one planted meanwhile leads nowhere. tarfile only reads the headers; its extractors are not used
(CVE-2007-4559 and later ones).
"""

import os
import shutil
import stat
import tarfile

from engine.cli.errors import CommandFailed

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def extract(archive: tarfile.TarFile, folder: str, *, rename: tuple[str, str]) -> None:
    """Unpack all members; the first path component `rename[0]` becomes `rename[1]`. Devices are left out."""
    try:
        root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise CommandFailed(f"{folder}: {error.strerror}") from error
    try:
        for member in archive:
            parts = _parts(member.name, rename)
            if parts:
                _one(archive, member, root, parts, rename)
    finally:
        os.close(root)


def _parts(name: str, rename: tuple[str, str]) -> list[str]:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise CommandFailed(f"the archive holds a path that leads outside: {name}")
    if parts and parts[0] == rename[0]:
        parts[0:1] = [] if rename[1] in (".", "") else [rename[1]]
    return parts


def _one(
    archive: tarfile.TarFile, member: tarfile.TarInfo, root: int, parts: list[str], rename: tuple[str, str]
) -> None:
    try:
        parent = _open_parents(root, parts[:-1])
    except OSError as error:
        raise CommandFailed(f"{member.name}: {error.strerror}") from error
    try:
        if member.isdir():
            _make_folder(parent, parts[-1], member)
            return
        _clear(parent, parts[-1])
        if member.issym():
            os.symlink(member.linkname, parts[-1], dir_fd=parent)
        elif member.islnk():
            _link(root, _parts(member.linkname, rename), parent, parts[-1])
        elif member.isfile():
            _write(archive, member, parent, parts[-1])
    except OSError as error:
        raise CommandFailed(f"{member.name}: {error.strerror}") from error
    finally:
        os.close(parent)


def _open_parents(root: int, parts: list[str]) -> int:
    current = os.dup(root)
    for part in parts:
        try:
            try:
                os.mkdir(part, 0o755, dir_fd=current)
            except FileExistsError:
                _ = part  # what is there is opened below, and must be a folder itself
            following = os.open(part, _FOLDER, dir_fd=current)
        finally:
            os.close(current)
        current = following
    return current


def _make_folder(parent: int, name: str, member: tarfile.TarInfo) -> None:
    try:
        os.mkdir(name, 0o755, dir_fd=parent)
    except FileExistsError:
        if not stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            raise
    folder = os.open(name, _FOLDER, dir_fd=parent)
    try:
        os.fchmod(folder, member.mode & 0o7777)
    finally:
        os.close(folder)


def _clear(parent: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return


def _link(root: int, target: list[str], parent: int, name: str) -> None:
    if not target:
        raise CommandFailed(f"{name}: a hard link to nothing")
    folder = _open_parents(root, target[:-1])
    try:
        os.link(target[-1], name, src_dir_fd=folder, dst_dir_fd=parent, follow_symlinks=False)
    finally:
        os.close(folder)


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, parent: int, name: str) -> None:
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=parent)
    with os.fdopen(descriptor, "wb") as file:
        content = archive.extractfile(member)
        assert content is not None
        shutil.copyfileobj(content, file)
        # setuid bits of a container's files mean nothing good on the host
        os.fchmod(file.fileno(), member.mode & 0o777)
        os.utime(file.fileno(), (member.mtime, member.mtime))
