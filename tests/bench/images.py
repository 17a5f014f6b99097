"""An image like a distribution's, made of the host's own files: six layers, more than a hundred megabytes."""

import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

from tests.images import CONFIG_TYPE, INDEX_TYPE, LAYER_TYPE, MANIFEST_TYPE, architecture, image_config

LAYERS = 6
LAYER_BYTES = 45_000_000
_SOURCES = ("/usr/lib", "/usr/share", "/usr/bin", "/usr/sbin", "/usr/include", "/var/lib/dpkg")


def host_image(path: Path, name: str, compression: str) -> Path:
    """Write an OCI archive."""
    layers = host_layers()
    document = image_config(layers)
    blobs = [_compress(layer, compression) for layer in layers]
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": _descriptor(CONFIG_TYPE, document),
            "layers": [_descriptor(f"{LAYER_TYPE}+{compression}", blob) for blob in blobs],
        }
    ).encode()
    entry = {
        **_descriptor(MANIFEST_TYPE, manifest),
        "annotations": {"io.containerd.image.name": f"docker.io/library/{name}"},
        "platform": {"architecture": architecture(), "os": "linux"},
    }
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry]}).encode()
    with tarfile.open(path, "w") as tar:
        _add(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        for blob in (*blobs, document, manifest):
            _add(tar, f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}", blob)
        _add(tar, "index.json", index)
    return path


def host_layers() -> list[bytes]:
    """Plain tars of about the same size, cut from the host's files in a fixed order."""
    layers: list[bytes] = []
    buffer = io.BytesIO()
    tar = tarfile.open(fileobj=buffer, mode="w")  # noqa: SIM115 - several in turn
    for source in _SOURCES:
        for folder, folders, files in os.walk(source):
            folders.sort()
            for name in (*folders, *sorted(files)):
                full = os.path.join(folder, name)
                if os.path.islink(full) or os.path.isdir(full) or os.path.isfile(full):
                    tar.add(full, recursive=False)
                if buffer.tell() >= LAYER_BYTES:
                    tar.close()
                    layers.append(buffer.getvalue())
                    if len(layers) == LAYERS:
                        return layers
                    buffer = io.BytesIO()
                    tar = tarfile.open(fileobj=buffer, mode="w")  # noqa: SIM115
    tar.close()
    return [*layers, buffer.getvalue()]


def _compress(layer: bytes, compression: str) -> bytes:
    if compression == "gzip":
        return gzip.compress(layer, 6, mtime=0)
    return subprocess.run(["zstd", "-q", "-c"], input=layer, capture_output=True, check=True).stdout


def _descriptor(media_type: str, data: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": f"sha256:{hashlib.sha256(data).hexdigest()}", "size": len(data)}


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))
