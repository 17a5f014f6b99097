"""Registry mirrors."""

from pathlib import Path

import pytest

from engine.images.hosts import Access, access, check_mirror
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


def test_a_registry_is_insecure_by_name_by_network_and_on_this_host() -> None:
    made = access("", ("r.io", "s.io:5000", "10.1.0.0/16", "fd00::/8"), ())
    hosts = ("r.io", "s.io:5000", "10.1.2.3:5000", "[fd00::1]:5000", "localhost:5000", "127.0.0.2", "[::1]:5000")
    assert [made.is_insecure(host) for host in hosts] == [True] * len(hosts)
    assert [made.names(host) for host in hosts] == [True] * 4 + [False] * 3
    assert not any(made.is_insecure(host) for host in ("r.io:5000", "s.io", "10.2.0.1", "t.io", "[fe80::1]:1"))


@pytest.mark.parametrize(
    ("text", "words"),
    [("http://r.io", "should not contain 'http://'"), ("10.0.0.0/99", "insecure registry 10.0.0.0/99 is not valid")],
)
def test_what_is_no_registry_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        access("", (text,), ())


def test_a_reload_changes_what_everybody_holds(tmp_path: Path) -> None:
    held = Access(("a.io",))
    held.become(access(str(tmp_path), ("b.io",), ("http://m.io",)))
    assert (held.insecure, held.mirrors, held.folder) == (("b.io",), ("http://m.io",), str(tmp_path))
