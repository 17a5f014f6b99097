"""/etc/hosts, /etc/resolv.conf, /etc/hostname."""

from pathlib import Path

import pytest

from engine.networks import hosts_files as files
from engine.networks.hosts_files import Resolver, Wishes
from proto.errdefs import InvalidArgument


def test_hosts_knows_localhost_then_what_was_added_then_the_container() -> None:
    text = files.hosts([("10.0.0.9", "extra")], [("172.17.0.2", "box.lan box")])
    lines = text.splitlines()
    assert lines[0] == "127.0.0.1\tlocalhost"
    assert lines[-2:] == ["10.0.0.9\textra", "172.17.0.2\tbox.lan box"]


@pytest.mark.parametrize(
    ("hostname", "domain", "expected"),
    [("box", "", "box"), ("box", "lan", "box.lan box"), ("box.lan", "", "box.lan box")],
)
def test_the_full_name_comes_first(hostname: str, domain: str, expected: str) -> None:
    assert files.own_names(hostname, domain) == expected


def test_host_gateway_is_the_bridges_address() -> None:
    assert files.extra_hosts(["a:1.2.3.4", "b:host-gateway", "c:::1", "d:[::1]"], "10.0.0.1") == [
        ("1.2.3.4", "a"),
        ("10.0.0.1", "b"),
        ("::1", "c"),
        ("::1", "d"),
    ]


@pytest.mark.parametrize("text", ["a", ":1.2.3.4", "a:", "a:nowhere", "a:host-gateway"])
def test_a_bad_host_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        files.extra_hosts([text], "")


def test_a_resolver_is_read_without_comments_and_written_again() -> None:
    text = "# by hand\nnameserver 1.1.1.1 # fast\nsearch a b\n; x\noptions ndots:2\noptions rotate\nnonsense\n"
    found = Resolver.parse(text)
    assert found == Resolver(("1.1.1.1",), ("a", "b"), ("ndots:2", "rotate"))
    assert found.render() == "nameserver 1.1.1.1\nsearch a b\noptions ndots:2 rotate\n"


def test_servers_that_a_container_cannot_reach_are_left_out() -> None:
    host = Resolver(("127.0.0.53", "9.9.9.9", "::1"))
    assert files.resolver(host, Wishes(), shares_host=False).servers == ("9.9.9.9",)
    assert files.resolver(host, Wishes(), shares_host=True).servers == host.servers


def test_without_any_server_left_there_are_dockers_two() -> None:
    assert files.resolver(Resolver(("127.0.0.1",)), Wishes(), shares_host=False).servers == ("8.8.8.8", "8.8.4.4")


def test_what_the_container_asks_goes_before_what_the_daemon_says() -> None:
    wishes = Wishes(servers=("4.4.4.4",)).over(Wishes(servers=("5.5.5.5",), search=("lan",)))
    assert (wishes.servers, wishes.search) == (("4.4.4.4",), ("lan",))


def test_a_dot_asks_for_no_search_at_all() -> None:
    assert Resolver(search=(".",)).render() == ""


def test_a_file_is_written_in_place_and_never_through_a_link(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    files.write(str(path), "one\n")
    inode = path.stat().st_ino
    files.write(str(path), "two\n")
    assert (path.read_text(), path.stat().st_ino) == ("two\n", inode)
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(OSError, match="symbolic"):
        files.write(str(tmp_path / "link"), "three\n")


def test_a_host_without_the_file_has_an_empty_one() -> None:
    assert files.read_host_file("/nonexistent/hosts") == ""
    assert isinstance(files.host_resolver(), Resolver)
