"""Write a stream to a file so that a half-written one never carries the final name."""

import os
import shutil
import sys
import tempfile
from typing import IO

from engine.cli.errors import CommandFailed


def save_to(source: IO[bytes], output: str | None) -> None:
    """Copy to the file named, or to standard output; raises CommandFailed when the file cannot be written."""
    if output is None:
        shutil.copyfileobj(source, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    folder = os.path.dirname(os.path.abspath(output))
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".wherry-", delete=False) as temporary:
            _fill(source, temporary, output)
    except OSError as error:
        raise CommandFailed(f"write {output}: {error.strerror}") from error


def _fill(source: IO[bytes], temporary: IO[bytes], output: str) -> None:
    try:
        shutil.copyfileobj(source, temporary)
        os.replace(temporary.name, output)
    except BaseException:
        os.unlink(temporary.name)
        raise
