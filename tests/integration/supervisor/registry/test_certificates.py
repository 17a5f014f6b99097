"""A registry that wants to see a certificate, and one whose own is vouched for by a private authority: hosts.toml."""

import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from proto.errdefs import Fault
from supervisor.registry.client import RegistryClient
from supervisor.registry.hosts import hosts_for
from supervisor.registry.reference import Reference
from tests import needs
from tests.fakes.registry import FakeRegistry

pytestmark = needs.binary("openssl")

SERVER = "registry.example"


def openssl(folder: Path, words: str) -> None:
    subprocess.run(["openssl", *words.split()], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, a server's certificate and a client's."""
    folder = tmp_path_factory.mktemp("keys")
    new = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    openssl(folder, f"req -x509 {new} -days 2 -subj /CN=authority -keyout ca.key -out ca.crt")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
    for name in ("server", "client"):
        openssl(folder, f"req {new} -subj /CN={name} -keyout {name}.key -out {name}.csr")
        signing = f"x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out {name}.crt"
        openssl(folder, f"{signing} -extfile names" if name == "server" else signing)
    return folder


@pytest.fixture
async def registry(keys: Path) -> AsyncIterator[FakeRegistry]:
    """It talks to nobody who shows no certificate of the authority."""
    registry = FakeRegistry()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(keys / "ca.crt"))
    context.load_cert_chain(keys / "server.crt", keys / "server.key")
    context.verify_mode = ssl.CERT_REQUIRED
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", registry.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    registry.port = runner.addresses[0][1]
    registry.add_image([b"layer"], "1")
    yield registry
    await runner.cleanup()


def hosts_toml(folder: Path, registry: FakeRegistry, *lines: str) -> str:
    (folder / SERVER).mkdir(exist_ok=True)
    text = "\n".join((f'server = "https://{registry.host}"', *lines))
    (folder / SERVER / "hosts.toml").write_text(text + "\n")
    return str(folder)


async def resolve(folder: str) -> str:
    async with RegistryClient(Reference(SERVER, "some/image", "1"), hosts_for(SERVER, folder)) as client:
        return (await client.resolve()).digest


@pytest.mark.parametrize("form", ["pairs", "one file", "skip_verify"])
async def test_a_certificate_of_ours_is_shown(registry: FakeRegistry, keys: Path, tmp_path: Path, form: str) -> None:
    both = tmp_path / "both.pem"
    both.write_text((keys / "client.crt").read_text() + (keys / "client.key").read_text())
    client = f'client = "{both}"' if form == "one file" else f'client = [["{keys}/client.crt", "{keys}/client.key"]]'
    trust = "skip_verify = true" if form == "skip_verify" else f'ca = "{keys}/ca.crt"'
    folder = hosts_toml(tmp_path, registry, trust, client)
    assert (await resolve(folder)).startswith("sha256:")


async def test_certificates_beside_no_hosts_toml_are_dockers(
    registry: FakeRegistry, keys: Path, tmp_path: Path
) -> None:
    """`ca.crt`, `client.cert` and `client.key` in the folder of host and port."""
    folder = tmp_path / registry.host
    folder.mkdir()
    for source, target in (("ca.crt", "ca.crt"), ("client.crt", "client.cert"), ("client.key", "client.key")):
        (folder / target).write_bytes((keys / source).read_bytes())
    hosts = hosts_for(registry.host, str(tmp_path))
    async with RegistryClient(Reference(registry.host, "some/image", "1"), hosts) as client:
        assert (await client.resolve()).size > 0


@pytest.mark.parametrize("missing", ["client", "ca"])
async def test_without_the_one_or_the_other_there_is_no_talk(
    registry: FakeRegistry, keys: Path, tmp_path: Path, missing: str
) -> None:
    lines = {"ca": f'ca = "{keys}/ca.crt"', "client": f'client = [["{keys}/client.crt", "{keys}/client.key"]]'}
    del lines[missing]
    with pytest.raises(Fault, match="failed to do request"):
        await resolve(hosts_toml(tmp_path, registry, *lines.values()))
