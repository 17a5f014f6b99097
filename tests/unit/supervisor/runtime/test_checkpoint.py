"""Checkpoints as content."""

from pathlib import Path

import pytest
from google.protobuf.any_pb2 import Any

from proto.containerd.types.descriptor_pb2 import Descriptor
from proto.containerd.types.runc.options.oci_pb2 import CheckpointOptions
from proto.errdefs import Fault
from supervisor.content.store import DiskBlobStore
from supervisor.metadata.claims import Claims
from supervisor.metadata.content import NamespacedContent
from supervisor.metadata.db import Database
from supervisor.runtime.checkpoint import CHECKPOINT_TYPE, CONFIG_TYPE, Checkpoints, image_path
from tests.fakes.supervisor_events import RecordingExchange
from tests.fakes.supervisor_runtime import running

SPEC = Any(type_url="spec", value=b"{}")


def options(path: str) -> Any:
    return Any(
        type_url="containerd.runc.v1.CheckpointOptions", value=CheckpointOptions(image_path=path).SerializeToString()
    )


async def test_a_checkpoint_goes_into_the_store_and_comes_back(tmp_path: Path) -> None:
    db = Database(str(tmp_path / "meta.db"))
    blobs = DiskBlobStore(str(tmp_path / "blobs"))
    content = NamespacedContent(db, blobs, RecordingExchange(), Claims())
    checkpoints = Checkpoints(content)
    async with running(tmp_path) as runtime:
        await runtime.tasks.create("ns", "c1", runtime.options)
        task = await runtime.tasks.get("ns", "c1")
        images, spec = await checkpoints.take(task, Any(), SPEC)
        again, _ = await checkpoints.take(task, Any(), SPEC)
    assert (images.media_type, spec.media_type) == (CHECKPOINT_TYPE, CONFIG_TYPE)
    assert again.size == images.size
    reader = content.reader("ns", spec.digest)
    assert Any.FromString(reader.read_at(0, spec.size)) == SPEC
    reader.close()
    async with checkpoints.extracted("ns", images) as folder:
        assert Path(folder, "pages-1.img").read_bytes() == b"memory"
    assert not Path(folder).exists()
    db.close()


async def test_with_an_image_path_nothing_is_stored(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    async with running(tmp_path) as runtime:
        await runtime.tasks.create("ns", "c1", runtime.options)
        task = await runtime.tasks.get("ns", "c1")
        stored = await Checkpoints(None).take(task, options(str(tmp_path / "images")), SPEC)  # type: ignore[arg-type]
    assert stored == []
    assert (tmp_path / "images" / "pages-1.img").exists()


async def test_no_checkpoint_is_no_folder() -> None:
    async with Checkpoints(None).extracted("ns", Descriptor()) as folder:  # type: ignore[arg-type]
        assert folder == ""


async def test_another_kind_of_blob_is_refused() -> None:
    wrong = Descriptor(media_type="text/plain", digest="sha256:" + "0" * 64)
    with pytest.raises(Fault, match='unsupported checkpoint type "text/plain"'):
        async with Checkpoints(None).extracted("ns", wrong):  # type: ignore[arg-type]
            pass


def test_other_options_name_no_path() -> None:
    assert image_path(options("/x")) == "/x"
    assert image_path(Any(type_url="other", value=b"\xff")) == ""
