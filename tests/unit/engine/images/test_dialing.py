"""Go's words for what Python says."""

import errno
import socket
import ssl
from typing import Any

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from engine.images.dialing import reason

KEY = ConnectionKey("r.io", 5000, False, True, None, None, None)  # type: ignore[call-arg]


def connector(kind: Any, error: Exception) -> Any:
    return kind(KEY, error)


def certificate(code: int, words: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, words)
    error.verify_code, error.verify_message = code, words
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            connector(aiohttp.ClientConnectorError, ConnectionRefusedError(errno.ECONNREFUSED, "x")),
            "dial tcp r.io:5000: connect: connection refused",
        ),
        (
            connector(aiohttp.ClientConnectorError, OSError(errno.ENETUNREACH, "x")),
            "dial tcp r.io:5000: connect: network is unreachable",
        ),
        (connector(aiohttp.ClientConnectorError, TimeoutError()), "dial tcp r.io:5000: i/o timeout"),
        (
            connector(aiohttp.ClientConnectorDNSError, socket.gaierror(socket.EAI_NONAME, "x")),
            "dial tcp: lookup r.io: no such host",
        ),
        (
            connector(aiohttp.ClientConnectorCertificateError, certificate(18, "self signed")),
            "tls: failed to verify certificate: x509: certificate signed by unknown authority",
        ),
        (
            connector(aiohttp.ClientConnectorCertificateError, certificate(62, "mismatch")),
            "tls: failed to verify certificate: x509: certificate is not valid for r.io",
        ),
        (
            connector(aiohttp.ClientConnectorSSLError, ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong")),
            "http: server gave HTTP response to HTTPS client",
        ),
        (aiohttp.ServerDisconnectedError(), "EOF"),
        (aiohttp.ClientPayloadError("cut off"), "cut off"),
    ],
)
def test_a_failure_is_told_as_go_tells_it(error: Exception, words: str) -> None:
    assert reason(error) == words


def test_a_silent_server_is_a_timeout() -> None:
    assert "Client.Timeout exceeded" in reason(TimeoutError())
