import gzip
from pathlib import Path

import pytest
from google.protobuf.any_pb2 import Any

from proto.containerd.services.diff.v1 import diff_pb2 as api
from proto.containerd.types.descriptor_pb2 import Descriptor
from proto.containerd.types.mount_pb2 import Mount
from proto.errdefs import InvalidArgument, NotFound
from supervisor.content.digests import digest_of
from supervisor.services.diff import DiffService
from tests.fakes.supervisor_transfer import open_stores
from tests.raw_tar import archive, file

GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"


class Context:
    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return (("containerd-namespace", "ns"),)


def bind(path: Path) -> list[Mount]:
    path.mkdir(exist_ok=True)
    return [Mount(type="bind", source=str(path), options=["rbind", "rw"])]


async def test_applying_answers_with_the_plain_descriptor(tmp_path: Path) -> None:
    data = archive(file("a", b"hello"))
    packed = gzip.compress(data)
    with open_stores(tmp_path / "s") as stores:
        writer = stores.content.writer("ns", "r")
        writer.write(packed)
        writer.commit()
        request = api.ApplyRequest(
            diff=Descriptor(media_type=GZIP, digest=digest_of(packed), size=len(packed)), mounts=bind(tmp_path / "m")
        )
        applied = (await DiffService(stores.content).Apply(request, Context())).applied
    assert (applied.digest, applied.size) == (digest_of(data), len(data))
    assert (tmp_path / "m" / "a").read_bytes() == b"hello"


async def test_a_difference_is_stored_with_its_labels(tmp_path: Path) -> None:
    left, right = bind(tmp_path / "l"), bind(tmp_path / "r")
    (tmp_path / "r" / "x").write_text("x")
    with open_stores(tmp_path / "s") as stores:
        request = api.DiffRequest(left=left, right=right, labels={"a": "b"}, ref="mine")
        diff = (await DiffService(stores.content).Diff(request, Context())).diff
        info = stores.content.info("ns", diff.digest)
    assert diff.media_type == GZIP
    assert info.labels["a"] == "b"
    assert info.labels["containerd.io/uncompressed"].startswith("sha256:")


async def test_missing_blobs_and_unknown_payloads_are_refused(tmp_path: Path) -> None:
    with open_stores(tmp_path / "s") as stores:
        service = DiffService(stores.content)
        with pytest.raises(NotFound, match="failed to get reader from content store: content"):
            await service.Apply(api.ApplyRequest(diff=Descriptor(digest=digest_of(b""))), Context())
        with pytest.raises(InvalidArgument, match="no stream processor"):
            await service.Apply(api.ApplyRequest(payloads={"x": Any()}), Context())
