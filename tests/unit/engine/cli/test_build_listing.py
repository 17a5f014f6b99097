"""A folder as a list: what would be sent, and then only what is wanted."""

import io
import os
import stat
import tarfile
from pathlib import Path

import pytest

from engine.builder.ignore import Ignore
from engine.cli.build_listing import Lazy, Listing, piped


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "c"
    (made / "d").mkdir(parents=True)
    for name in ("Dockerfile", "a", "d/x", "d/y"):
        (made / name).write_text(name)
    (made / "l").symlink_to("a")
    return made


def _listing(folder: Path, *patterns: str, extra: bytes | None = None) -> Listing:
    return Listing(str(folder), Ignore(list(patterns)), "Dockerfile" if extra is None else ".dockerfile.1", extra)


def _read(listing: Listing, wanted: list[int] | None = None) -> dict[str, bytes | str | None]:
    failures: list[Exception] = []

    def write(tar: tarfile.TarFile) -> None:
        listing.write(tar) if wanted is None else listing.write_some(tar, wanted)

    with piped(write, failures) as body:
        data = body.read()
    assert not failures
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {
            entry.name: tar.extractfile(entry).read() if entry.isreg() else entry.linkname or None  # type: ignore[union-attr]
            for entry in tar
        }


def test_rows_say_what_the_whole_would_be(folder: Path) -> None:
    listing = _listing(folder, "d/y")
    assert [row[0] for row in listing.rows()] == ["Dockerfile", "a", "d", "d/x", "l"] == list(_read(listing))
    status = (folder / "a").stat()
    assert listing.rows()[1][1:] == [status.st_mode, 1, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, ""]
    assert listing.rows()[4][6] == "a"
    assert stat.S_ISDIR(int(listing.rows()[2][1]))


def test_only_what_is_wanted_is_read(folder: Path) -> None:
    assert _read(_listing(folder), [1, 3]) == {"1": b"a", "3": b"d/x"}
    assert _read(_listing(folder), []) == {}


def test_a_dockerfile_from_elsewhere_is_the_last_row(folder: Path) -> None:
    listing = _listing(folder, extra=b"FROM x")
    assert listing.rows()[-1][0] == ".dockerfile.1"
    assert _read(listing, [len(listing.rows()) - 1]) == {str(len(listing.rows()) - 1): b"FROM x"}


def test_two_names_of_one_file_stay_one(folder: Path) -> None:
    os.link(folder / "a", folder / "b")
    assert _read(_listing(folder))["b"] == "a"


def test_small_folders_and_strange_ones_are_sent_whole(folder: Path) -> None:
    assert not _listing(folder).is_worth_comparing
    (folder / "large").write_bytes(bytes(2 << 20))
    assert _listing(folder).is_worth_comparing
    os.mkfifo(folder / "fifo")
    assert not _listing(folder).is_worth_comparing


def test_many_small_files_are_worth_a_question(folder: Path) -> None:
    for number in range(101):
        (folder / f"{number}").write_text("")
    assert _listing(folder).is_worth_comparing


def test_a_file_that_cannot_be_read_is_told_of(folder: Path) -> None:
    listing, failures = _listing(folder), list[Exception]()
    listing.found()
    (folder / "a").unlink()
    with piped(listing.write, failures) as body:
        body.read()
    assert isinstance(failures[0], FileNotFoundError)


def test_a_lazy_body_begins_with_the_first_read() -> None:
    begun: list[int] = []

    def begin() -> io.BytesIO:
        begun.append(1)
        return io.BytesIO(b"abc")

    body = Lazy(begin)
    assert not begun
    assert (body.read(2), body.read(), body.read(1)) == (b"ab", b"c", b"")
    assert begun == [1]
