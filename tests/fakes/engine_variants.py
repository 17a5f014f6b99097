"""An image of several platforms, in the memory of `engine_images`."""

import json
from dataclasses import dataclass
from typing import Any

from engine.images.model import Descriptor
from tests.fakes.engine_images import INDEX_TYPE, MANIFEST_TYPE, World

AMD64, ARM64, RISCV64 = (("linux", architecture) for architecture in ("amd64", "arm64", "riscv64"))
ABOUT = {"vnd.docker.reference.type": "attestation-manifest"}
PROVENANCE = "https://slsa.dev/provenance/v0.2"


@dataclass(frozen=True, slots=True)
class Many:
    """Two platforms that are here, one that is not, and what is said about the first."""

    index: Descriptor
    amd64: Descriptor
    arm64: Descriptor
    riscv64: Descriptor
    attestation: Descriptor


def many(world: World, *names: str, missing: bool = True, attested: bool = True) -> Many:
    """Make one, under these names."""
    amd64 = world.add_blobs(b"base", b"amd64", platform=AMD64)
    arm64 = world.add_blobs(b"base", b"arm64", platform=ARM64)
    riscv64 = Descriptor(MANIFEST_TYPE, "sha256:" + "5" * 64, 10)
    attestation = _attestation(world)
    entries = [_entry(amd64, AMD64), _entry(arm64, ARM64)]
    if missing:
        entries.append(_entry(riscv64, RISCV64))
    if attested:
        about = {**ABOUT, "vnd.docker.reference.digest": amd64.digest}
        entries.append(_entry(attestation, ("unknown", "unknown")) | {"annotations": about})
    data = json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries}).encode()
    index = Descriptor(INDEX_TYPE, world.content.add(data), len(data))
    for name in names:
        world.name(name, index)
    return Many(index, amd64, arm64, riscv64, attestation)


def _entry(target: Descriptor, platform: tuple[str, str]) -> dict[str, Any]:
    known = {"mediaType": target.media_type, "digest": target.digest, "size": target.size}
    return known | {"platform": {"os": platform[0], "architecture": platform[1]}}


def _attestation(world: World) -> Descriptor:
    config = b'{"os": "unknown", "architecture": "unknown"}'
    layers = [
        (b'{"predicate": {"a": 1}}', {"in-toto.io/predicate-type": PROVENANCE}),
        (b"no statement", {}),
    ]
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": "config", "digest": world.content.add(config), "size": len(config)},
        "layers": [
            {
                "mediaType": "application/vnd.in-toto+json",
                "digest": world.content.add(data),
                "size": len(data),
                "annotations": annotations,
            }
            for data, annotations in layers
        ],
    }
    data = json.dumps(document).encode()
    return Descriptor(MANIFEST_TYPE, world.content.add(data), len(data))
