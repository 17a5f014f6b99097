"""Registry mirrors."""

from pathlib import Path

import pytest

from engine.images.hosts import access, check_mirror
from proto.errdefs import InvalidArgument


def test_mirrors_come_before_the_hub_and_are_never_pushed_to(tmp_path: Path) -> None:
    made = access(str(tmp_path), ("r.io",), ("http://127.0.0.1:5000/", "mirror.example/v"))
    assert (tmp_path / "docker.io" / "hosts.toml").read_text() == (
        'server = "https://registry-1.docker.io"\n'
        '[host."http://127.0.0.1:5000"]\n  capabilities = ["pull", "resolve"]\n'
        '[host."https://mirror.example/v"]\n  capabilities = ["pull", "resolve"]\n'
    )
    assert (made.folder, made.mirrors) == (str(tmp_path), ("http://127.0.0.1:5000", "https://mirror.example/v"))


def test_without_mirrors_there_is_no_folder(tmp_path: Path) -> None:
    assert access(str(tmp_path / "x"), (), ()).folder == ""
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ftp://a", "unsupported scheme"),
        ("https://", "no host specified"),
        ("https://a/?q=1", "query or fragment"),
        ("https://u:p@a", "username/password not allowed"),
    ],
)
def test_what_is_no_mirror_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        check_mirror(text)
