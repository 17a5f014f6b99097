"""An image of several platforms, and what is said about one of them, over a real supervisor and a real containerd."""

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.images.platform import Platform
from engine.images.registry_auth import Credentials
from engine.images.service import Images
from engine.images.variants import Variant
from proto.errdefs import NotFound
from tests import needs
from tests.images import layer_tar

pytestmark = [needs.root, needs.overlay]

OCI = "application/vnd.oci.image."
PROVENANCE = "https://slsa.dev/provenance/v0.2"
AMD64, ARM64, S390X, RISCV64 = (Platform("linux", name) for name in ("amd64", "arm64", "s390x", "riscv64"))


class Archive:
    """An OCI layout in the making."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def put(self, kind: str, data: bytes, **more: Any) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.blobs[digest] = data
        return {"mediaType": kind, "digest": digest, "size": len(data), **more}

    def document(self, kind: str, document: dict[str, Any], **more: Any) -> dict[str, Any]:
        return self.put(kind, json.dumps({"schemaVersion": 2, "mediaType": kind, **document}).encode(), **more)

    def image(self, platform: Platform) -> dict[str, Any]:
        layers = [layer_tar({"base": b"base"}), layer_tar({"own": str(platform).encode()})]
        diff_ids = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
        rootfs = {"rootfs": {"type": "layers", "diff_ids": diff_ids}}
        config = self.put(f"{OCI}config.v1+json", json.dumps(platform.document() | rootfs).encode())
        packed = [self.put(f"{OCI}layer.v1.tar+gzip", gzip.compress(layer, mtime=0)) for layer in layers]
        manifest = {"config": config, "layers": packed}
        return self.document(f"{OCI}manifest.v1+json", manifest, platform=platform.document())

    def attestation(self, subject: str) -> dict[str, Any]:
        unknown = {"os": "unknown", "architecture": "unknown"}
        rootfs = {"rootfs": {"type": "layers", "diff_ids": []}}
        config = self.put(f"{OCI}config.v1+json", json.dumps(unknown | rootfs).encode())
        about = {"in-toto.io/predicate-type": PROVENANCE}
        statement = self.put("application/vnd.in-toto+json", b'{"predicate": {}}', annotations=about)
        annotations = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": subject}
        manifest = {"config": config, "layers": [statement]}
        return self.document(f"{OCI}manifest.v1+json", manifest, platform=unknown, annotations=annotations)

    def named(self, name: str, entries: list[dict[str, Any]]) -> bytes:
        index = self.document(f"{OCI}index.v1+json", {"manifests": entries})
        top = index | {"annotations": {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": "1"}}
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}
            files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [top]}).encode()
            files |= {f"blobs/{digest.replace(':', '/')}": data for digest, data in self.blobs.items()}
            for path, data in files.items():
                member = tarfile.TarInfo(path)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        return buffer.getvalue()


def many(name: str) -> bytes:
    """amd64, arm64, s390x, and an attestation of the host's."""
    made = Archive()
    entries = [made.image(platform) for platform in (AMD64, ARM64, S390X)]
    own = "arm64" if os.uname().machine == "aarch64" else "amd64"
    subject = next(entry["digest"] for entry in entries if entry["platform"]["architecture"] == own)
    return made.named(name, [*entries, made.attestation(subject)])


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def load(images: Images, data: bytes, *wanted: Platform) -> list[str]:
    return [line["stream"] async for line in images.load(pieces(data), platforms=wanted)]


async def save(images: Images, name: str, *wanted: Platform) -> bytes:
    return b"".join([piece async for piece in images.save([name], wanted)])


async def collected(images: Images) -> None:
    """A removal that waits for the collector, which takes whatever nothing leads to."""
    made = Archive()
    await load(images, made.named("docker.io/library/passing:1", [made.image(RISCV64)]))
    await images.remove("passing:1", force=True)


async def here(images: Images, name: str) -> list[str]:
    """What of an image is here, all of it."""
    found: list[Variant] = await images.variants.of_image(await images.resolve(name))
    return [str(one.platform) for one in found if one.available]


async def test_all_platforms_of_an_archive_are_loaded_and_stay(images: Images) -> None:
    assert await load(images, many("docker.io/library/many:1")) == ["Loaded image: many:1\n"]
    await collected(images)
    assert await here(images, "many:1") == ["linux/amd64", "linux/arm64", "linux/s390x", "unknown/unknown"]
    (statement,) = await images.statements("many:1", None, (), bodies=True)
    assert (statement["PredicateType"], statement["Statement"]) == (PROVENANCE, {"predicate": {}})
    document = await images.inspect("many:1", (1, 55), manifests=True)
    kinds = [(one["Kind"], one["Available"]) for one in document["Manifests"]]
    assert kinds == [("image", True)] * 3 + [("attestation", True)]


async def test_some_platforms_are_saved_and_loaded(images: Images) -> None:
    data = many("docker.io/library/many:1")
    await load(images, data)
    two = await save(images, "many:1", ARM64, S390X)
    with pytest.raises(NotFound, match=r"does not provide the specified platform \(linux/riscv64\)"):
        await save(images, "many:1", ARM64, RISCV64)
    await images.remove("many:1", force=True)
    assert await load(images, two, ARM64) == ["Loaded image: many:1\n"]
    await collected(images)
    assert await here(images, "many:1") == ["linux/arm64"]
    with pytest.raises(NotFound, match="requested platform"):
        await load(images, data, RISCV64)


async def test_a_platform_goes_and_comes_back(images: Images) -> None:
    data = many("docker.io/library/many:1")
    await load(images, data)
    (removed,) = await images.remove_platforms("many:1", [ARM64], force=True)
    assert list(removed) == ["Deleted"]
    assert "linux/arm64" not in await here(images, "many:1")
    await load(images, data)
    await collected(images)
    assert "linux/arm64" in await here(images, "many:1")


async def test_a_registry_gets_all_of_it_or_one_platform_and_gives_back_what_is_said(
    images: Images, registry: str
) -> None:
    name = f"{registry}/many:1"
    await load(images, many(name))
    index = (await images.resolve(name)).names[0].target.digest

    async def push(platform: Platform | None = None) -> str:
        lines = [line async for line in images.push(f"{registry}/many", "1", Credentials(), platform)]
        return str(lines[-1]["aux"]["Digest"])

    whole, one = await push(), await push(ARM64)
    assert whole == index
    assert one != index
    await images.remove(name, force=True)
    assert [line async for line in images.pull(f"{registry}/many", index, Credentials())]
    await collected(images)
    by_digest = f"{registry}/many@{index}"
    assert len(await here(images, by_digest)) == 2
    assert len(await images.statements(by_digest, None, (), bodies=False)) == 1
    identity = (await images.inspect(by_digest, (1, 53)))["Identity"]
    assert identity == {"Pull": [{"Repository": f"{registry.partition(':')[0]}/many"}]}
