"""`wherry cp`: files and folders between a container and here, as tar streams; `-` is a tar on stdin or stdout."""

import io
import os
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from threading import Thread

import click

from engine.cli.client import Daemon
from engine.cli.copy_paths import Stat, copy_target, stat_from_header
from engine.cli.errors import CommandFailed, DaemonError
from engine.cli.grammar import Command, pass_daemon
from engine.cli.saving import save_to
from engine.cli.untar import extract


@click.command(cls=Command)
@click.option("--archive", "-a", is_flag=True, help="Archive mode (copy all uid/gid information).")
@click.option("--follow-link", "-L", is_flag=True, help="Always follow symbol link in SRC_PATH.")
@click.option("--quiet", "-q", is_flag=True, help="Suppress progress output during copy.")
@click.argument("source", metavar="CONTAINER:SRC_PATH|SRC_PATH|-")
@click.argument("target", metavar="DEST_PATH|CONTAINER:DEST_PATH|-")
@pass_daemon
def cp(daemon: Daemon, source: str, target: str, archive: bool, follow_link: bool, quiet: bool) -> None:
    """Copy files/folders between a container and the local filesystem."""
    from_container, from_path = _split(source)
    to_container, to_path = _split(target)
    if from_container and to_container:
        raise CommandFailed("copying between containers is not supported")
    if from_container:
        _download(daemon, from_container, from_path, to_path, follow=follow_link)
    elif to_container:
        _upload(daemon, from_path, to_container, to_path, keep_owner=archive, follow=follow_link)
    else:
        raise CommandFailed("must specify at least one container source")
    if not quiet and target != "-":
        click.echo(f"Successfully copied to {target}", err=True)


def _split(text: str) -> tuple[str, str]:
    """Container and path; a path that begins with `/` or `.` is local whatever colons it has."""
    container, separator, path = text.partition(":")
    if text == "-" or text.startswith(("/", ".")) or not separator:
        return "", text
    return container, path


def _stat(daemon: Daemon, container: str, path: str) -> Stat | None:
    try:
        response = daemon.open("HEAD", f"/containers/{container}/archive", {"path": path})
    except DaemonError as error:
        if error.status == 404:
            return None
        raise
    response.read()
    return stat_from_header(response.getheader("X-Docker-Container-Path-Stat") or "")


def _download(daemon: Daemon, container: str, path: str, target: str, *, follow: bool) -> None:
    if follow and (stat := _stat(daemon, container, path)) is not None and stat.link_target:
        path = os.path.normpath(os.path.join(os.path.dirname(path), stat.link_target))
    with daemon.open("GET", f"/containers/{container}/archive", {"path": path}) as response:
        if target == "-":
            save_to(response, None)
            return
        stat = stat_from_header(response.getheader("X-Docker-Container-Path-Stat") or "")
        folder, name = copy_target(path, stat.name, target, source_is_dir=stat.is_dir, local=True)
        with tarfile.open(fileobj=response, mode="r|") as archive:
            extract(archive, folder, rename=(stat.name, name))


def _upload(daemon: Daemon, source: str, container: str, target: str, *, keep_owner: bool, follow: bool) -> None:
    params: dict[str, object] = {"noOverwriteDirNonDir": True, "copyUIDGID": keep_owner or None}
    if source == "-":
        upload: Iterator[bytes] = iter(lambda: sys.stdin.buffer.read(65536), b"")
        params["path"] = target
    else:
        local = Path(source)
        local = local.resolve() if follow else local
        if not os.path.lexists(local):
            raise CommandFailed(f"lstat {source}: no such file or directory")
        there = _stat(daemon, container, target)
        folder, name = copy_target(
            source, local.name or "/", target, source_is_dir=local.is_dir(), target_is_dir=there and there.is_dir
        )
        params["path"] = folder
        upload = _tar_stream(local, name, dereference=follow)
    daemon.open("PUT", f"/containers/{container}/archive", params, upload=upload).read()


def _tar_stream(path: Path, name: str, *, dereference: bool) -> Iterator[bytes]:
    """The tar of a file or a tree, made beside its sending, a few blocks ahead at most."""
    pieces: Queue[bytes | BaseException] = Queue(maxsize=16)

    def produce() -> None:
        try:
            with tarfile.open(fileobj=_Sink(pieces), mode="w|", dereference=dereference) as archive:
                archive.add(path, arcname=name)
            pieces.put(b"")
        except OSError as error:
            pieces.put(error)

    Thread(target=produce, daemon=True).start()
    while piece := pieces.get():
        if isinstance(piece, BaseException):
            raise CommandFailed(f"{path}: {piece}") from piece
        yield piece


class _Sink(io.RawIOBase):
    """A file that only hands on what is written to it."""

    def __init__(self, pieces: "Queue[bytes | BaseException]") -> None:
        self._pieces = pieces

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        if data:
            self._pieces.put(bytes(data))
        return len(data)
