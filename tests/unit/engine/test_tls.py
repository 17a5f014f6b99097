"""TLS in front of the API: the client's end is ours, and ours the client's."""

import asyncio
import contextlib
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.tls import Terminator
from tests import needs

pytestmark = needs.binary("openssl")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-subj", "/CN=d", "-days", "2", "-keyout", "key.pem", "-out", "cert.pem"),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder


class Upper(asyncio.Protocol):
    """Answers in capitals, and says `end` once the client's input has ended."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data.upper())

    def eof_received(self) -> bool:
        self.transport.write(b"end")
        self.transport.close()
        return True


@asynccontextmanager
async def listening(folder: Path, *, verify: bool = False) -> AsyncIterator[int]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    if verify:
        context.load_verify_locations(folder / "cert.pem")
        context.verify_mode = ssl.CERT_REQUIRED
    loop = asyncio.get_running_loop()
    listener = socket.create_server(("127.0.0.1", 0))
    terminator = Terminator(context, lambda client: loop.connect_accepted_socket(Upper, client))
    await terminator.start(listener)
    try:
        yield listener.getsockname()[1]
    finally:
        await terminator.close()


def talk(port: int, data: bytes) -> bytes:
    """Send, end the input by a close_notify, and go on reading, as Go's clients do."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing)
    got = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:

        def receive() -> None:
            raw.sendall(outgoing.read())
            chunk = raw.recv(65536)
            if chunk:
                incoming.write(chunk)
            else:
                incoming.write_eof()

        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                receive()
        tls.write(data)
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.unwrap()
        raw.sendall(outgoing.read())
        while True:
            try:
                got += tls.read(65536)
            except ssl.SSLWantReadError:
                receive()
            except ssl.SSLError:
                return got


async def test_the_end_of_a_clients_input_is_not_the_end_of_its_output(certificate: Path) -> None:
    async with listening(certificate) as port:
        assert await asyncio.to_thread(talk, port, b"abc") == b"ABCend"


async def test_much_comes_through_whole(certificate: Path) -> None:
    async with listening(certificate) as port:
        assert await asyncio.to_thread(talk, port, b"a" * 1_000) == b"A" * 1_000 + b"end"


async def test_a_client_without_a_certificate_hears_why(certificate: Path) -> None:
    async with listening(certificate, verify=True) as port:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        with pytest.raises(ssl.SSLError, match="(?i)certificate.required"):
            await reader.read()
        writer.close()
        with contextlib.suppress(ssl.SSLError, OSError):
            await writer.wait_closed()


async def test_who_speaks_no_tls_is_let_go(certificate: Path) -> None:
    async with listening(certificate) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        writer.write_eof()
        async with asyncio.timeout(10):
            await reader.read()
        writer.close()
        await writer.wait_closed()
