"""TLS towards a tcp:// daemon: the flags, and docker's environment (DOCKER_TLS_VERIFY, DOCKER_CERT_PATH)."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssl import SSLContext

    from engine.cli.contexts import Context


def context_for(
    environment: Mapping[str, str],
    *,
    tls: bool,
    tlsverify: bool,
    tlscacert: str | None,
    tlscert: str | None,
    tlskey: str | None,
) -> "SSLContext | None":
    """The context for the flags given; None for plain connections, without importing ssl."""
    verify = tlsverify or bool(environment.get("DOCKER_TLS_VERIFY"))
    if not (tls or verify or tlscacert or tlscert or tlskey):
        return None
    import ssl

    folder = Path(environment.get("DOCKER_CERT_PATH") or Path(environment.get("HOME", "/root")) / ".docker")
    context = ssl.create_default_context(cafile=tlscacert or _existing(folder / "ca.pem"))
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate, key = tlscert or _existing(folder / "cert.pem"), tlskey or _existing(folder / "key.pem")
    if certificate and key:
        context.load_cert_chain(certificate, key)
    return context


def context_of(stored: "Context") -> "SSLContext | None":
    """The context for what a context (the other kind) keeps; None where it keeps nothing."""
    if not stored.tls:
        return None
    import ssl
    import tempfile

    made = ssl.create_default_context(cadata=stored.tls["ca"].decode() if "ca" in stored.tls else None)
    if stored.skip_verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if "cert" in stored.tls and "key" in stored.tls:
        with tempfile.TemporaryDirectory() as folder:  # ssl reads certificates from files alone
            for kind in ("cert", "key"):
                Path(folder, kind).write_bytes(stored.tls[kind])
            made.load_cert_chain(f"{folder}/cert", f"{folder}/key")
    return made


def _existing(path: Path) -> str | None:
    return str(path) if path.exists() else None
