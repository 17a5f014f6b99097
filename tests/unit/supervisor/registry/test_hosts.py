from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.errdefs import InvalidArgument
from supervisor.registry.hosts import PULL, RESOLVE, default_host, find_folder, hosts_for, parse_hosts


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("docker.io", "https://registry-1.docker.io/v2"),
        ("ghcr.io", "https://ghcr.io/v2"),
        ("127.0.0.1:80", "http://127.0.0.1:80/v2"),
        ("localhost", "https://localhost/v2"),
    ],
)
def test_names_lead_to_hosts_without_any_configuration(name: str, base: str) -> None:
    assert default_host(name).base == base


def test_plain_http_is_for_loopback_or_for_who_said_so() -> None:
    assert default_host("localhost:5000").may_be_http
    assert not default_host("registry.example:5000").may_be_http
    assert not default_host("registry.example").skip_verify
    assert default_host("registry.example", "http").base == "http://registry.example/v2"


def write(root: Path, host: str, text: str) -> None:
    (root / host).mkdir()
    (root / host / "hosts.toml").write_text(text)


def test_mirrors_come_first_and_the_server_last(tmp_path: Path) -> None:
    write(
        tmp_path,
        "docker.io",
        """
        server = "https://registry-1.docker.io"
        [host."https://mirror.example/docker"]
          capabilities = ["pull", "resolve"]
          ca = "ca.crt"
          client = [["c.pem", "k.pem"]]
          dial_timeout = "500ms"
          [host."https://mirror.example/docker".header]
            x-a = "b"
        [host."http://10.0.0.1:5000"]
          skip_verify = true
          override_path = true
        """,
    )
    mirror, plain, server = hosts_for("docker.io", str(tmp_path))
    assert (mirror.base, mirror.capabilities) == ("https://mirror.example/docker/v2", {PULL, RESOLVE})
    assert (mirror.ca_files, mirror.client_pairs) == (
        (f"{tmp_path}/docker.io/ca.crt",),
        ((f"{tmp_path}/docker.io/c.pem", f"{tmp_path}/docker.io/k.pem"),),
    )
    assert (mirror.headers, mirror.dial_timeout, mirror.is_mirror) == ({"x-a": ["b"]}, 0.5, True)
    assert (plain.base, plain.skip_verify) == ("http://10.0.0.1:5000", True)
    assert (server.base, server.is_mirror) == ("https://registry-1.docker.io/v2", False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bogus = 1", "unknown key 'bogus'"),
        ('[host."https://x"]\nbogus = 1', "unknown key 'bogus'"),
        ('[host."ftp://x"]', "not a registry's URL"),
        ('[host."https://user:pw@x"]', "not a registry's URL"),
        ('[host."https://x"]\ncapabilities = ["fly"]', "unknown capability fly"),
        ('[host."https://x"]\nca = 1', "ca must be"),
        ('[host."https://x"]\ndial_timeout = "soon"', "dial_timeout"),
        ("[", "failed to parse"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, words: str) -> None:
    write(tmp_path, "x", text)
    with pytest.raises(InvalidArgument, match=words):
        hosts_for("x", str(tmp_path))


def test_a_hosts_folder_is_found_by_all_its_spellings(tmp_path: Path) -> None:
    for name in ("a_5000_", "b:5000", "c", "_default"):
        (tmp_path / name).mkdir()
    found = [find_folder(str(tmp_path), name) for name in ("a:5000", "b:5000", "c:5000", "c", "other", "../x")]
    assert [Path(one or "").name for one in found] == ["a_5000_", "b:5000", "c", "c", "_default", "_default"]


def test_certificates_alone_are_enough(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    for name in ("ca.crt", "me.cert", "me.key"):
        (tmp_path / "x" / name).touch()
    (host,) = hosts_for("x", str(tmp_path))
    assert host.ca_files == (f"{tmp_path}/x/ca.crt",)
    assert host.client_pairs == ((f"{tmp_path}/x/me.cert", f"{tmp_path}/x/me.key"),)


SCALARS = st.one_of(st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.datetimes())
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner))
HOST_KEYS = ("capabilities", "ca", "client", "skip_verify", "header", "override_path", "dial_timeout")
KEYS = st.sampled_from(("server", "host", *HOST_KEYS, "https://h", "http://[::1", "x"))
TABLES = st.dictionaries(KEYS, VALUES | st.dictionaries(KEYS, VALUES | st.dictionaries(KEYS, VALUES, max_size=4)))


@given(TABLES)
def test_whatever_a_file_says_it_is_understood_or_refused_by_name(document: dict[str, object]) -> None:
    """No other way out: a daemon must not fall over its configuration."""
    try:
        hosts = parse_hosts(document, "registry.example", "/h/hosts.toml")
    except InvalidArgument as fault:
        words, hosts = str(fault), []
    else:
        words = "/h/hosts.toml"
    assert "/h/hosts.toml" in words
    assert all(host.base.startswith(("http://", "https://")) for host in hosts)
