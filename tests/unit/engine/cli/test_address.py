"""Where the engine listens."""

import pytest

from engine.cli.address import DEFAULT, Address, choose
from engine.cli.errors import CommandFailed


def test_a_unix_address_has_a_path() -> None:
    """And nothing else."""
    assert Address("unix:///run/x.sock").path == "/run/x.sock"


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("tcp://h:1234", "h", 1234), ("tcp://h", "h", 2375), ("h:99", "h", 99), ("tcp://[::1]:5", "::1", 5)],
)
def test_a_tcp_address_has_host_and_port(text: str, host: str, port: int) -> None:
    """2375 is docker's port."""
    address = Address(text)
    assert (address.host, address.port) == (host, port)


@pytest.mark.parametrize("text", ["unix://", "ftp://x", "tcp://h:port"])
def test_other_addresses_are_refused_with_their_text(text: str) -> None:
    """The person sees what was read."""
    with pytest.raises(CommandFailed, match="unable to parse host"):
        Address(text)


def test_the_flag_wins_over_the_environment_and_only_the_default_is_nobody_s_wish() -> None:
    """A daemon is started only at the default address."""
    environment = {"DOCKER_HOST": "unix:///d", "WHERRY_HOST": "unix:///w"}
    assert [choose(flag, environment)[0].path for flag in ("unix:///f", None)] == ["/f", "/w"]
    address, is_default = choose(None, {})
    assert (address.text, is_default) == (DEFAULT, True)
    assert choose(None, {"DOCKER_HOST": "unix:///d"})[1] is False
