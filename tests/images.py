"""Images made on the spot from the host's static busybox, for tests that must not need a registry.

`busybox_archive(path)` writes one tar that is a docker-archive (manifest.json) and an OCI layout (index.json) at once,
the shape that `docker save` has had since version 25; `kind="docker"` and `kind="oci"` leave the other half out. Bytes
depend on the arguments alone, so digests can be compared between runs.
"""

import gzip
import hashlib
import io
import json
import platform
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any, Literal

Kind = Literal["both", "docker", "oci"]

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"

PASSWD = """\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
"""
GROUP = "root:x:0:\ndaemon:x:1:\ntty:x:5:\nnogroup:x:65534:\n"


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _add(tar: tarfile.TarFile, name: str, data: bytes = b"", **fields: Any) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o644
    for key, value in fields.items():
        setattr(info, key, value)
    tar.addfile(info, io.BytesIO(data))


def layer_tar(files: dict[str, bytes]) -> bytes:
    """A layer of plain files (mode 0644); parents are made by whoever unpacks."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in sorted(files.items()):
            _add(tar, name, data)
    return buffer.getvalue()


def busybox_layer() -> bytes:
    """A root file system: busybox with a link for each applet, accounts, /tmp and the mount points."""
    program = shutil.which("busybox")
    if program is None:
        raise FileNotFoundError("no busybox in PATH (package busybox-static)")
    applets = subprocess.run([program, "--list"], check=True, capture_output=True, text=True).stdout.split()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for folder, mode in (
            *((name, 0o755) for name in ("bin", "dev", "etc", "home", "proc", "sys", "usr", "usr/sbin", "var")),
            ("root", 0o700),
            ("tmp", 0o1777),
        ):
            _add(tar, folder, type=tarfile.DIRTYPE, mode=mode)
        _add(tar, "bin/busybox", Path(program).read_bytes(), mode=0o755)
        for applet in sorted(set(applets) - {"busybox"}):
            _add(tar, f"bin/{applet}", type=tarfile.SYMTYPE, linkname="busybox", mode=0o777)
        _add(tar, "etc/passwd", PASSWD.encode())
        _add(tar, "etc/group", GROUP.encode())
    return buffer.getvalue()


def architecture() -> str:
    """This machine in the OCI's words."""
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def image_config(layers: list[bytes], config: dict[str, Any] | None = None) -> bytes:
    """The image's configuration blob for uncompressed layers."""
    document = {
        "architecture": architecture(),
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "Cmd": ["sh"],
            **(config or {}),
        },
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer) for layer in layers]},
        "history": [
            {"created": "1970-01-01T00:00:00Z", "created_by": f"layer {number}"} for number in range(len(layers))
        ],
    }
    return json.dumps(document, sort_keys=True).encode()


def archive(
    path: str | Path,
    name: str,
    layers: list[bytes],
    *,
    kind: Kind = "both",
    config: dict[str, Any] | None = None,
    compress: bool = False,
) -> Path:
    """Write an image of these (uncompressed) layers to `path`, named `name` ("busybox:latest")."""
    document = image_config(layers, config)
    blobs = [gzip.compress(layer, mtime=0) if compress else layer for layer in layers]
    layer_type = LAYER_TYPE + ("+gzip" if compress else "")
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {"mediaType": CONFIG_TYPE, "digest": _digest(document), "size": len(document)},
            "layers": [{"mediaType": layer_type, "digest": _digest(blob), "size": len(blob)} for blob in blobs],
        },
        sort_keys=True,
    ).encode()
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for blob in dict.fromkeys([*blobs, document, *([] if kind == "docker" else [manifest])]):
            _add(tar, _blob_path(blob), blob)
        if kind != "docker":
            _add(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
            _add(tar, "index.json", _index(name, manifest))
        if kind != "oci":
            entry = {"Config": _blob_path(document), "RepoTags": [name], "Layers": [_blob_path(blob) for blob in blobs]}
            _add(tar, "manifest.json", json.dumps([entry]).encode())
    return Path(path)


def _blob_path(data: bytes) -> str:
    return "blobs/" + _digest(data).replace(":", "/")


def _index(name: str, manifest: bytes) -> bytes:
    descriptor = {
        "mediaType": MANIFEST_TYPE,
        "digest": _digest(manifest),
        "size": len(manifest),
        "annotations": {
            "io.containerd.image.name": name if "/" in name else f"docker.io/library/{name}",
            "org.opencontainers.image.ref.name": name.rpartition(":")[2],
        },
        "platform": {"architecture": architecture(), "os": "linux"},
    }
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [descriptor]}).encode()


def busybox_archive(
    path: str | Path, name: str = "busybox:latest", *, kind: Kind = "both", compress: bool = False
) -> Path:
    """The image that most tests run; `name` as RepoTag, `docker.io/library/NAME` for containerd."""
    return archive(path, name, [busybox_layer()], kind=kind, compress=compress)
