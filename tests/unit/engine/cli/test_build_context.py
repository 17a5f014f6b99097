"""What is sent as a context."""

import io
import socket
import tarfile
from pathlib import Path

import pytest

from engine.cli.build_context import opened
from engine.cli.errors import CommandFailed


def _sent(context: str, dockerfile: str | None = None, stdin: bytes = b"") -> tuple[str, dict[str, tarfile.TarInfo]]:
    with opened(context, dockerfile, io.BytesIO(stdin)) as sending:
        assert sending.body is not None
        data = sending.body.read()
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            return sending.dockerfile, {entry.name: entry for entry in tar}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A context."""
    made = tmp_path / "c"
    (made / "d").mkdir(parents=True)
    for name in ("Dockerfile", "a.txt", "d/x", "d/y"):
        (made / name).write_text(name)
    (made / "link").symlink_to("a.txt")
    return made


def test_a_directory_goes_as_it_is_and_belongs_to_root(folder: Path) -> None:
    (folder / "a.txt").chmod(0o751)
    name, entries = _sent(str(folder))
    assert (name, sorted(entries)) == ("Dockerfile", ["Dockerfile", "a.txt", "d", "d/x", "d/y", "link"])
    assert {(entry.uid, entry.gid, entry.uname) for entry in entries.values()} == {(0, 0, "")}
    assert (entries["a.txt"].mode, entries["link"].linkname) == (0o751, "a.txt")


def test_what_is_ignored_stays_but_for_what_the_engine_needs(folder: Path) -> None:
    (folder / ".dockerignore").write_text("*\n!d/y\n")
    assert sorted(_sent(str(folder))[1]) == [".dockerignore", "Dockerfile", "d/y"]


def test_a_dockerfiles_own_ignore_file_goes_before(folder: Path) -> None:
    (folder / ".dockerignore").write_text("a.txt\n")
    (folder / "Other").write_text("")
    (folder / "Other.dockerignore").write_text("d\n")
    name, entries = _sent(str(folder), f"{folder}/Other")
    assert name == "Other"
    assert "a.txt" in entries
    assert "d/x" not in entries


def test_a_dockerfile_from_elsewhere_is_sent_under_a_name_of_its_own(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("FROM out")
    for dockerfile, stdin in ((f"{tmp_path}/out", b""), ("-", b"FROM in")):
        name, entries = _sent(str(folder), dockerfile, stdin)
        assert name.startswith(".dockerfile.")
        assert name in entries


def test_standard_input_is_a_tar_or_a_dockerfile(folder: Path) -> None:
    assert _sent("-", None, b"FROM x")[0] == "Dockerfile"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.add(folder / "a.txt", "inside")
    name, entries = _sent("-", "Mine", buffer.getvalue())
    assert (name, list(entries)) == ("Mine", ["inside"])


def test_sockets_stay_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("s")
        assert "s" not in _sent(str(folder))[1]


@pytest.mark.parametrize(
    ("context", "dockerfile", "words"),
    [
        ("/nonexistent", None, "not found"),
        ("https://x/y", "-", "from standard input"),
        ("https://-oProxyCommand=x/y.git", None, "invalid git address"),
        ("C", "none", "Dockerfile path"),
    ],
)
def test_what_cannot_be_sent_is_told(folder: Path, context: str, dockerfile: str | None, words: str) -> None:
    with pytest.raises(CommandFailed, match=words):
        _sent(str(folder) if context == "C" else context, dockerfile)


def test_an_empty_standard_input_is_refused() -> None:
    with pytest.raises(CommandFailed, match="cannot be empty"):
        _sent("-")


def test_a_context_from_the_web_is_the_engines_to_fetch() -> None:
    with opened("https://h/x.tar.gz", "D", io.BytesIO()) as sending:
        assert (sending.body, sending.remote, sending.dockerfile) == (None, "https://h/x.tar.gz", "D")
