"""Why a registry could not be reached, in the words that dockerd's users know: Go's. Pure.

dial tcp 127.0.0.1:5000: connect: connection refused
dial tcp: lookup nope.invalid: no such host
tls: failed to verify certificate: x509: certificate signed by unknown authority
"""

import os
import socket
import ssl

import aiohttp

_VERIFIED = {  # OpenSSL's X509_V_ERR_… → Go's crypto/x509
    10: "x509: certificate has expired or is not yet valid",
    9: "x509: certificate has expired or is not yet valid",
    18: "x509: certificate signed by unknown authority",
    19: "x509: certificate signed by unknown authority",
    20: "x509: certificate signed by unknown authority",
    21: "x509: certificate signed by unknown authority",
}


def reason(error: Exception) -> str:
    """One line, without the request that failed."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"dial tcp: lookup {error.host}: {_lookup(error.os_error)}"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"tls: failed to verify certificate: {_certificate(error.certificate_error, error.host)}"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        if "WRONG_VERSION_NUMBER" in str(error) or "RECORD_LAYER_FAILURE" in str(error):
            return "http: server gave HTTP response to HTTPS client"
        return f"tls: {error.os_error.strerror or error.os_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"dial tcp {_address(error)}: {_connect(error.os_error)}"
    if isinstance(error, TimeoutError):
        return "net/http: request canceled (Client.Timeout exceeded while awaiting headers)"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "EOF"
    return str(error) or type(error).__name__


def _lookup(error: OSError) -> str:
    if isinstance(error, socket.gaierror) and error.errno in (socket.EAI_NONAME, socket.EAI_NODATA):
        return "no such host"
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return "Temporary failure in name resolution"
    return error.strerror or str(error)


def _address(error: aiohttp.ClientConnectorError) -> str:
    host = f"[{error.host}]" if ":" in error.host else error.host
    return f"{host}:{error.port}"


def _connect(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "i/o timeout"
    if not error.errno:
        return error.strerror or str(error)
    words = os.strerror(error.errno)
    return f"connect: {words[:1].lower()}{words[1:]}"


def _certificate(error: Exception, host: str) -> str:
    if not isinstance(error, ssl.SSLCertVerificationError):
        return str(error)
    if error.verify_code in _VERIFIED:
        return _VERIFIED[error.verify_code]
    if error.verify_code in (62, 64):  # of another host, or of another address
        return f"x509: certificate is not valid for {host}"
    return f"x509: {error.verify_message}"
