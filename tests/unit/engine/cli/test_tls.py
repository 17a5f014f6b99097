"""TLS towards a tcp:// daemon."""

import ssl
from pathlib import Path

from engine.cli.tls import context_for

NONE = {"tls": False, "tlsverify": False, "tlscacert": None, "tlscert": None, "tlskey": None}


def test_nothing_said_means_plain() -> None:
    """And ssl stays unimported for those who never need it."""
    assert context_for({}, **NONE) is None  # type: ignore[arg-type]


def test_tls_alone_trusts_anyone_and_verify_does_not(tmp_path: Path) -> None:
    """docker's distinction."""
    environment = {"DOCKER_CERT_PATH": str(tmp_path)}
    loose = context_for(environment, **{**NONE, "tls": True})  # type: ignore[arg-type]
    strict = context_for({**environment, "DOCKER_TLS_VERIFY": "1"}, **NONE)  # type: ignore[arg-type]
    assert loose is not None
    assert strict is not None
    assert loose.verify_mode == ssl.CERT_NONE
    assert strict.verify_mode == ssl.CERT_REQUIRED
