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
    unpack = checkpoints.image("ns", images)
    assert unpack is not None
    unpack(str(tmp_path / "unpacked"))
    assert (tmp_path / "unpacked" / "pages-1.img").read_bytes() == b"memory"
    db.close()


async def test_a_task_is_restored_from_its_bundle_and_the_images_go_with_it(tmp_path: Path) -> None:
    """The shim reads them at Start: they must outlive Create."""

    def unpack(folder: str) -> None:
        Path(folder).mkdir()
        Path(folder, "pages-1.img").write_bytes(b"memory")

    async with running(tmp_path) as runtime:
        await runtime.tasks.create("ns", "c1", runtime.options.restored_by(unpack))
        task = await runtime.tasks.get("ns", "c1")
        asked = [asked for method, asked in runtime.launcher.shims["c1"].calls if method == "Create"]
        assert [request.checkpoint for request in asked] == [task.bundle.checkpoint]  # type: ignore[attr-defined]
        assert Path(task.bundle.checkpoint, "pages-1.img").exists()
        await runtime.tasks.delete("ns", "c1")
        assert not Path(task.bundle.checkpoint).exists()


async def test_with_an_image_path_nothing_is_stored(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    async with running(tmp_path) as runtime:
        await runtime.tasks.create("ns", "c1", runtime.options)
        task = await runtime.tasks.get("ns", "c1")
        stored = await Checkpoints(None).take(task, options(str(tmp_path / "images")), SPEC)  # type: ignore[arg-type]
    assert stored == []
    assert (tmp_path / "images" / "pages-1.img").exists()


def test_no_checkpoint_is_no_image() -> None:
    assert Checkpoints(None).image("ns", Descriptor()) is None  # type: ignore[arg-type]


def test_another_kind_of_blob_is_refused() -> None:
    wrong = Descriptor(media_type="text/plain", digest="sha256:" + "0" * 64)
    with pytest.raises(Fault, match='unsupported checkpoint type "text/plain"'):
        Checkpoints(None).image("ns", wrong)  # type: ignore[arg-type]


def test_other_options_name_no_path() -> None:
    assert image_path(options("/x")) == "/x"
    assert image_path(Any(type_url="other", value=b"\xff")) == ""
