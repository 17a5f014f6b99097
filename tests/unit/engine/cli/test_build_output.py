"""Where `--output` puts what came: folders, tars, standard output."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from engine.cli.build_output import Destination, parse, write
from engine.cli.errors import CommandFailed


def _tar() -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind in (("./", tarfile.DIRTYPE), ("d", tarfile.DIRTYPE), ("d/f", tarfile.REGTYPE)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = kind, 0o750
            entry.size = 3 if kind == tarfile.REGTYPE else 0
            tar.addfile(entry, io.BytesIO(b"abc") if entry.size else None)
    buffer.seek(0)
    return buffer


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("out", Destination("local", "out")),
        ("-", Destination("tar", "-")),
        ("type=local,dest=out", Destination("local", "out")),
        ("type=tar", Destination("tar", "-")),
        ("type=tar,dest=x.tar", Destination("tar", "x.tar")),
    ],
)
def test_a_destination_has_three_spellings(text: str, expected: Destination) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize("text", ["type=image,name=x", "type=local", "type=local,dest=-", "type=tar,dest=x,foo=1"])
def test_others_are_refused_by_name(text: str) -> None:
    with pytest.raises(CommandFailed, match="--output"):
        parse(text)


def test_a_folder_is_made_and_filled(tmp_path: Path) -> None:
    write(_tar(), Destination("local", f"{tmp_path}/new/out"))
    assert (tmp_path / "new/out/d/f").read_text() == "abc"
    assert (tmp_path / "new/out/d/f").stat().st_mode & 0o777 == 0o750


def test_a_tar_is_whole_or_not_there(tmp_path: Path) -> None:
    write(_tar(), Destination("tar", f"{tmp_path}/x.tar"))
    assert (tmp_path / "x.tar").read_bytes() == _tar().getvalue()

    class Broken(io.RawIOBase):
        def read(self, size: int = -1, /) -> bytes:
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        write(Broken(), Destination("tar", f"{tmp_path}/y.tar"))  # type: ignore[arg-type]
    assert os.listdir(tmp_path) == ["x.tar"]
