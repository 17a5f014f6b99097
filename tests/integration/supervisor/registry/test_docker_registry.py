"""Debian's docker-registry, with and without password and TLS: pushed to and pulled from by the daemon and by ctr."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest

from tests import needs
from tests.integration.supervisor.conftest import BUSYBOX
from tests.registry_process import DockerRegistry
from tests.supervisor_process import Supervisor
from tests.transfer_client import TransferClient

pytestmark = [needs.root, needs.binary("docker-registry"), needs.binary("ctr"), needs.overlay]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with DockerRegistry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with DockerRegistry(tmp_path_factory.mktemp("secure"), secure=True) as registry:
        yield registry


@pytest.fixture
async def client(supervisor: Supervisor) -> AsyncIterator[TransferClient]:
    client = TransferClient(supervisor.address)
    yield client
    await client.aclose()


async def test_what_was_pushed_is_pulled_and_unpacked(
    supervisor: Supervisor, registry: DockerRegistry, client: TransferClient
) -> None:
    name = f"{registry.host}/some/busybox:1"
    await client.push(BUSYBOX, name)
    await client.pull(name)
    assert client.events[-1] == f"Completed pull from OCI Registry ({name})"
    images = supervisor.ctr("images", "check", f"name=={name}").stdout
    assert "complete" in images
    assert images.rstrip().endswith("true")
    supervisor.ctr("images", "rm", name)


async def test_blobs_are_mounted_from_a_sister_repository(
    supervisor: Supervisor, registry: DockerRegistry, client: TransferClient
) -> None:
    first, second = f"{registry.host}/sister/one:1", f"{registry.host}/sister/two:1"
    await client.push(BUSYBOX, first)
    await client.pull(first)
    await client.push(first, second)
    log = (registry.folder / "log").read_text()
    assert "mount=sha256" in log
    assert "PUT /v2/sister/two/blobs" not in log
    supervisor.ctr("images", "rm", first)


async def test_an_old_ctr_that_moves_the_bytes_itself_works_too(
    supervisor: Supervisor, registry: DockerRegistry
) -> None:
    name = f"{registry.host}/by/ctr:1"
    supervisor.ctr("images", "tag", BUSYBOX, name)
    supervisor.ctr("images", "push", "--plain-http", name, program="/usr/bin/ctr")
    supervisor.ctr("images", "rm", name)
    supervisor.ctr("images", "pull", "--plain-http", name, program="/usr/bin/ctr")
    supervisor.ctr("images", "rm", name)


async def test_a_missing_tag_and_a_dead_registry_are_said(registry: DockerRegistry, client: TransferClient) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.pull(f"{registry.host}/some/busybox:missing")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert caught.value.details() == f"failed to resolve image: {registry.host}/some/busybox:missing: not found"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.pull("127.0.0.1:1/x:1")
    assert caught.value.code() is grpc.StatusCode.UNKNOWN
    assert "connect: connection refused" in (caught.value.details() or "")


async def test_a_password_over_tls_comes_from_the_clients_stream(
    supervisor: Supervisor, secure: DockerRegistry, client: TransferClient
) -> None:
    name = f"{secure.host}/some/busybox:1"
    for user, secret in (("", ""), ("me", "wrong")):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.push(BUSYBOX, name, user=user, secret=secret)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert "authorization failed" in (caught.value.details() or "")
    await client.push(BUSYBOX, name, user="me", secret="hunter2")
    await client.pull(name, user="me", secret="hunter2")
    supervisor.ctr("images", "rm", name)
    assert "hunter2" not in supervisor.log.read_text()


async def test_a_hosts_folder_names_the_mirror_and_the_authority(
    supervisor: Supervisor, secure: DockerRegistry, client: TransferClient, tmp_path: Path
) -> None:
    folder = tmp_path / "registry.example"
    folder.mkdir()
    (folder / "hosts.toml").write_text(
        f'server = "https://127.0.0.1:1"\n[host."https://{secure.host}"]\n'
        f'capabilities = ["pull", "resolve"]\nca = "{secure.folder}/cert.pem"\n'
    )
    await client.push(BUSYBOX, f"{secure.host}/mirrored/busybox:1", user="me", secret="hunter2")
    name = "registry.example/mirrored/busybox:1"
    await client.pull(name, host_dir=str(tmp_path), user="me", secret="hunter2")
    supervisor.ctr("images", "rm", name)


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    secure: DockerRegistry, client: TransferClient, tmp_path: Path
) -> None:
    (tmp_path / "registry.example").mkdir()
    (tmp_path / "registry.example" / "hosts.toml").write_text(f'server = "https://{secure.host}"\n')
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.pull("registry.example/x:1", host_dir=str(tmp_path))
    assert "tls: failed to verify certificate" in (caught.value.details() or "")
