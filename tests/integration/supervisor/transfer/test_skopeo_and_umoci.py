"""Images of ours read by skopeo and umoci, and theirs by us: layouts, archives, and by way of a registry."""

import json
import subprocess
import tarfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.integration.supervisor.conftest import BUSYBOX
from tests.registry_process import DockerRegistry
from tests.supervisor_process import Supervisor
from tests.transfer_client import TransferClient

pytestmark = [
    needs.root,
    needs.overlay,
    needs.binary("ctr"),
    needs.binary("skopeo"),
    needs.binary("umoci"),
    needs.binary("docker-registry"),
]

CTR = "/usr/bin/ctr"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with DockerRegistry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture
async def client(supervisor: Supervisor) -> AsyncIterator[TransferClient]:
    client = TransferClient(supervisor.address)
    yield client
    await client.aclose()


@pytest.fixture
async def exported(client: TransferClient, tmp_path: Path) -> Path:
    """An archive that the daemon wrote."""
    path = tmp_path / "exported.tar"
    path.write_bytes(await client.export(BUSYBOX))
    return path


def run(*words: str | Path) -> str:
    """Run a program; an error shows its words."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


def skopeo(*words: str | Path) -> str:
    return run("skopeo", "--insecure-policy", *words)


def archive_of(layout: Path, target: Path) -> bytes:
    """An OCI layout as one archive."""
    with tarfile.open(target, "w") as tar:
        for path in sorted(layout.rglob("*")):
            if path.is_file():
                tar.add(path, str(path.relative_to(layout)))
    return target.read_bytes()


def changed_by_umoci(exported: Path, folder: Path) -> Path:
    """A layout of the exported image with one more layer: a file, a removed one, and a command."""
    layout, bundle = folder / "layout", folder / "bundle"
    skopeo("copy", f"oci-archive:{exported}", f"oci:{layout}:1")
    run("umoci", "unpack", "--image", f"{layout}:1", bundle)
    assert (bundle / "rootfs/bin/busybox").stat().st_mode & 0o111
    assert (bundle / "rootfs/tmp").stat().st_mode & 0o7777 == 0o1777
    (bundle / "rootfs/etc/new").write_text("by umoci\n")
    (bundle / "rootfs/etc/group").unlink()
    run("umoci", "repack", "--image", f"{layout}:2", bundle)
    run("umoci", "config", "--image", f"{layout}:2", "--config.cmd", "cat", "--config.cmd", "/etc/new")
    return layout


async def test_an_archive_of_ours_is_read_as_a_layout_and_as_dockers(exported: Path, tmp_path: Path) -> None:
    """Both forms in one file; umoci finds the layout sound."""
    for form in ("oci-archive", "docker-archive"):
        found = json.loads(skopeo("inspect", f"{form}:{exported}"))
        assert (found["Os"], len(found["Layers"])) == ("linux", 1)
    layout = tmp_path / "layout"
    skopeo("copy", f"docker-archive:{exported}", f"oci:{layout}:x")
    assert json.loads(run("umoci", "stat", "--json", "--image", f"{layout}:x"))["history"]


@pytest.mark.parametrize("form", ["oci-archive", "docker-archive"])
async def test_an_archive_of_skopeos_is_imported(
    supervisor: Supervisor, client: TransferClient, exported: Path, tmp_path: Path, form: str
) -> None:
    target = tmp_path / "theirs.tar"
    name = f"docker.io/library/{form}:1"
    reference = f"docker-archive:{target}:{form}:1" if form == "docker-archive" else f"oci-archive:{target}:{name}"
    skopeo("copy", f"oci-archive:{exported}", reference)
    await client.import_(target.read_bytes(), "docker.io/library/" if form == "docker-archive" else "theirs")
    names = supervisor.ctr("images", "ls", "-q", program=CTR).stdout.split()
    found = next(one for one in names if form in one or one.startswith("theirs"))
    assert supervisor.ctr("run", "--rm", found, f"run-{form}", "echo", "hi", program=CTR).stdout == "hi\n"
    supervisor.ctr("images", "rm", "--sync", found, program=CTR)


async def test_a_layer_of_umocis_is_unpacked_onto_ours(
    supervisor: Supervisor, client: TransferClient, exported: Path, tmp_path: Path
) -> None:
    """Its whiteouts hide what our layer has."""
    layout = changed_by_umoci(exported, tmp_path)
    single = tmp_path / "single"
    skopeo("copy", f"oci:{layout}:2", f"oci:{single}:docker.io/library/by-umoci:2")
    await client.import_(archive_of(single, tmp_path / "umoci.tar"), "umoci")
    name = next(one for one in supervisor.ctr("images", "ls", "-q", program=CTR).stdout.split() if "umoci" in one)
    assert supervisor.ctr("run", "--rm", name, "umoci-1", program=CTR).stdout == "by umoci\n"
    shown = supervisor.ctr("run", "--rm", name, "umoci-2", "ls", "/etc", program=CTR).stdout.split()
    assert shown == ["new", "passwd"]
    again = tmp_path / "again.tar"
    again.write_bytes(await client.export(name))
    assert skopeo("inspect", "--raw", f"oci-archive:{again}") == skopeo("inspect", "--raw", f"oci:{single}")
    supervisor.ctr("images", "rm", "--sync", name, program=CTR)


async def test_a_registry_carries_images_both_ways(
    supervisor: Supervisor, client: TransferClient, registry: DockerRegistry, exported: Path, tmp_path: Path
) -> None:
    """Ours are copied from it by skopeo; what skopeo puts there, in Docker's schema, too, is pulled."""
    ours = f"{registry.host}/tools/ours:1"
    await client.push(BUSYBOX, ours)
    told = skopeo("inspect", "--tls-verify=false", f"docker://{ours}")
    assert json.loads(told)["Name"] == f"{registry.host}/tools/ours"
    layout = changed_by_umoci(exported, tmp_path)
    for number, (words, kind) in enumerate((([], "tar+gzip"), (["--format", "v2s2"], "diff.tar.gzip"))):
        name = f"{registry.host}/tools/theirs:{number}"
        skopeo("copy", *words, "--dest-tls-verify=false", f"oci:{layout}:2", f"docker://{name}")
        assert kind in skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{name}")
        await client.pull(name)
        assert supervisor.ctr("run", "--rm", name, f"pulled-{number}", program=CTR).stdout == "by umoci\n"
        supervisor.ctr("images", "rm", "--sync", name, program=CTR)
