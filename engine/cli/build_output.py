"""`wherry build --output`: where the files of what was built go, instead of an image.

-o DIR, -o type=local,dest=DIR    unpacked into a folder
-o type=tar,dest=FILE             a tar; `-` is standard output
-o -                              the same, to standard output
"""

import os
import shutil
import sys
import tarfile
from dataclasses import dataclass
from typing import IO

from engine.cli import untar
from engine.cli.errors import CommandFailed

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Destination:
    """What was asked for."""

    kind: str
    path: str

    @property
    def is_standard_output(self) -> bool:
        """Nothing else may be written there."""
        return self.path == "-"


def parse(text: str) -> Destination:
    """One --output."""
    if "=" not in text:
        return Destination("tar", "-") if text == "-" else Destination("local", text)
    fields = dict(part.partition("=")[::2] for part in text.split(","))
    kind, path = fields.pop("type", ""), fields.pop("dest", "")
    if kind not in ("local", "tar"):
        raise CommandFailed(
            f"--output type={kind} is not supported: local and tar are; `wherry save` and `wherry push` move images"
        )
    if fields:
        raise CommandFailed(f"--output {text!r}: {next(iter(fields))} is not known")
    if kind == "local" and (not path or path == "-"):
        raise CommandFailed("--output type=local needs dest=DIR")
    return Destination(kind, path or "-")


def write(result: IO[bytes], destination: Destination) -> None:
    """Take the files."""
    if destination.kind == "tar":
        _write_tar(result, destination)
        return
    os.makedirs(destination.path, exist_ok=True)
    with tarfile.open(fileobj=result, mode="r|") as archive:
        untar.extract(archive, destination.path, rename=(".", ""))
    while result.read(_PIECE):
        pass  # what follows the end marks


def _write_tar(result: IO[bytes], destination: Destination) -> None:
    if destination.is_standard_output:
        if sys.stdout.isatty():
            raise CommandFailed("--output: refusing to write a tar to a terminal: redirect it, or name a file")
        shutil.copyfileobj(result, sys.stdout.buffer, _PIECE)
        sys.stdout.buffer.flush()
        return
    partial = f"{destination.path}.partial"
    try:
        with open(partial, "wb") as file:
            shutil.copyfileobj(result, file, _PIECE)
        os.replace(partial, destination.path)
    except BaseException:
        if os.path.exists(partial):
            os.unlink(partial)
        raise
