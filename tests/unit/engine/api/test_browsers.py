"""Requests of web pages."""

import socket

import pytest

from engine.api import browsers
from proto.errdefs import PermissionDenied

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "docker"},
        {"Host": "far.example:2375", "User-Agent": "docker-sdk-python/7.1"},
        {"Host": "127.0.0.1:2375", "Origin": "http://127.0.0.1:2375"},
        {"Host": "localhost:2375", "User-Agent": FIREFOX},
        {"Host": "[::1]:2375", "User-Agent": FIREFOX},
        {"Host": f"{socket.gethostname()}:2375", "Origin": f"http://{socket.gethostname()}:2375"},
        {},
    ],
)
def test_clients_and_pages_of_ones_own_pass(headers: dict[str, str]) -> None:
    browsers.refuse(headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "127.0.0.1:2375", "Origin": "http://evil.example"},
        {"Host": "127.0.0.1:2375", "Origin": "null"},
        {"Host": "evil.example:2375", "Origin": "http://evil.example:2375"},
        {"Host": "evil.example:2375", "User-Agent": FIREFOX},
        {"Host": "evil.example:2375", "Sec-Fetch-Site": "same-origin"},
        {"Host": "[", "User-Agent": FIREFOX},
    ],
)
def test_pages_of_others_do_not(headers: dict[str, str]) -> None:
    with pytest.raises(PermissionDenied):
        browsers.refuse(headers)


def test_only_plain_tcp_is_in_a_pages_reach() -> None:
    assert browsers.is_plain_tcp(("127.0.0.1", 2375))
    assert browsers.is_plain_tcp(("::1", 2375, 0, 0))
    assert not browsers.is_plain_tcp("/run/docker.sock")
    assert not browsers.is_plain_tcp("")
    assert not browsers.is_plain_tcp(None)
