"""Debian's docker-registry, with and without password and TLS: pushed to and pulled from by the daemon and by ctr."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest

from supervisor.registry import reference, referrers
from supervisor.registry.client import RegistryClient
from supervisor.registry.hosts import RegistryHost
from tests import needs
from tests.fakes.registry import MANIFEST, digest_of
from tests.fakes.supervisor_archives import make_tar
from tests.integration.supervisor.conftest import BUSYBOX
from tests.registry_process import DockerRegistry
from tests.supervisor_process import Supervisor
from tests.token_server import TokenServer
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


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    with TokenServer(tmp_path_factory.mktemp("tokens")) as tokens:
        yield tokens


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, tokens: TokenServer) -> Iterator[DockerRegistry]:
    with DockerRegistry(tmp_path_factory.mktemp("guarded"), tokens=tokens) as registry:
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


async def test_tokens_are_fetched_for_what_is_to_be_done(
    supervisor: Supervisor, guarded: DockerRegistry, tokens: TokenServer, client: TransferClient
) -> None:
    """The password goes to the token service alone; a pull needs none, a push does."""
    name = f"{guarded.host}/guarded/busybox:1"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.push(BUSYBOX, name)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    tokens.asked.clear()
    await client.push(BUSYBOX, name, user="me", secret="hunter2")
    assert (["repository:guarded/busybox:pull,push"], True) in tokens.asked  # and more, where blobs can be mounted
    assert all(trusted for _, trusted in tokens.asked)
    tokens.asked.clear()
    await client.pull(name)
    assert tokens.asked == [(["repository:guarded/busybox:pull"], False)]
    tokens.asked.clear()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.push(name, f"{guarded.host}/guarded/other:1", user="me", secret="wrong")
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    supervisor.ctr("images", "rm", name)
    assert "hunter2" not in (guarded.folder / "log").read_text()


async def test_a_mount_asks_for_both_repositories(
    supervisor: Supervisor, guarded: DockerRegistry, tokens: TokenServer, client: TransferClient
) -> None:
    first, second = f"{guarded.host}/guarded/one:1", f"{guarded.host}/guarded/two:1"
    await client.push(BUSYBOX, first, user="me", secret="hunter2")
    await client.pull(first)
    tokens.asked.clear()
    await client.push(first, second, user="me", secret="hunter2")
    scopes = {scope for asked, _ in tokens.asked for scope in asked}
    assert scopes == {"repository:guarded/two:pull,push", "repository:guarded/one:pull"}
    assert "mount=sha256" in (guarded.folder / "log").read_text()
    supervisor.ctr("images", "rm", first)


async def test_what_is_said_about_an_image_is_found_by_its_tag(
    supervisor: Supervisor, registry: DockerRegistry, client: TransferClient
) -> None:
    """This registry has no endpoint for referrers: what is pushed with a subject is listed under the subject's tag."""
    image, about = f"{registry.host}/signed/image:1", f"{registry.host}/signed/image:signature"
    await client.push(BUSYBOX, image)
    await client.pull(image)
    described = supervisor.ctr("images", "ls", f"name=={image}").stdout.splitlines()[1].split()
    subject = {"mediaType": described[1], "digest": described[2], "size": 1}
    await client.import_(artifact(about, subject))
    await client.push(about, about)
    hosts = [RegistryHost("http", registry.host)]
    async with RegistryClient(reference.parse(image), hosts) as reader:
        (found,) = await referrers.find(reader, described[2])
        async with RegistryClient(reference.parse(about), hosts) as other:
            assert (await other.resolve()).digest == found.digest
    for name in (image, about):
        supervisor.ctr("images", "rm", name)


def artifact(name: str, subject: dict[str, object]) -> bytes:
    """An archive of something about an image."""
    blobs = {digest_of(data): data for data in (b"{}", b"signed")}
    empty, layer = ({"digest": digest, "size": len(data)} for digest, data in blobs.items())
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": "application/vnd.example.signature",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", **empty},
            "layers": [{"mediaType": "text/plain", **layer}],
            "subject": subject,
        }
    ).encode()
    blobs[digest_of(manifest)] = manifest
    entry = {"mediaType": MANIFEST, "digest": digest_of(manifest), "size": len(manifest)}
    entry["annotations"] = {"io.containerd.image.name": name}  # type: ignore[assignment]  # JSON
    files = {f"blobs/{digest.replace(':', '/')}": data for digest, data in blobs.items()}
    files["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    return make_tar(files)


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
