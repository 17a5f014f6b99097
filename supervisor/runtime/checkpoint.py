"""Checkpoints as content: a tar of CRIU's images, and the container's spec beside it.

A client that names an image path gets the files there and no content; without one they go through a temporary folder
into the content store. On the way back a checkpoint is unpacked by the same code that unpacks layers: its tar is a
stranger's.
"""

import asyncio
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from typing import cast

from google.protobuf.any_pb2 import Any
from google.protobuf.empty_pb2 import Empty

from proto.containerd.runtime.task.v2 import shim_pb2 as shim
from proto.containerd.types.descriptor_pb2 import Descriptor
from proto.containerd.types.runc.options.oci_pb2 import CheckpointOptions
from proto.errdefs import AlreadyExists, Fault
from supervisor.core.content import ContentStore, ContentWriter, ReaderAt
from supervisor.core.snapshots import Mount
from supervisor.diff.apply import apply_tar
from supervisor.runtime.tasks import Task

CHECKPOINT_TYPE = "application/vnd.containerd.container.criu.checkpoint.criu.tar"
CONFIG_TYPE = "application/vnd.containerd.container.checkpoint.config.v1+proto"

_CHUNK = 1 << 18


class Checkpoints:
    """Takes checkpoints and gives them back."""

    def __init__(self, content: ContentStore) -> None:
        self._content = content

    async def take(self, task: Task, options: Any, spec: Any) -> list[Descriptor]:
        """Checkpoint a task; descriptors of what was stored, none when the options name an image path."""
        path = image_path(options)
        if path:
            await _checkpoint(task, path, options)
            return []
        folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="wherry-checkpoint-")
        try:
            await _checkpoint(task, folder, options)
            return await asyncio.to_thread(self._store, task.namespace, folder, spec.SerializeToString())
        finally:
            await asyncio.to_thread(shutil.rmtree, folder)

    def image(self, namespace: str, checkpoint: Descriptor) -> Callable[[str], None] | None:
        """What unpacks the checkpoint's files into a folder, which it makes; None for no checkpoint."""
        if not checkpoint.digest:
            return None
        if checkpoint.media_type != CHECKPOINT_TYPE:
            raise Fault(f'unsupported checkpoint type "{checkpoint.media_type}"')
        digest = checkpoint.digest

        def unpack(folder: str) -> None:
            reader = self._content.reader(namespace, digest)
            try:
                os.mkdir(folder, 0o700)
                apply_tar(_chunks(reader), [Mount(type="bind", source=folder, options=("rbind", "rw"))])
            finally:
                reader.close()

        return unpack

    def _store(self, namespace: str, folder: str, spec: bytes) -> list[Descriptor]:
        def images(sink: "_Sink") -> None:
            with tarfile.open(fileobj=cast("tarfile._Fileobj", sink), mode="w|", format=tarfile.PAX_FORMAT) as tar:
                tar.add(folder, arcname=".")

        return [
            self._write(namespace, folder, CHECKPOINT_TYPE, images),
            self._write(namespace, f"{folder}/spec", CONFIG_TYPE, lambda sink: sink.write(spec)),
        ]

    def _write(self, namespace: str, ref: str, media_type: str, fill: "Fill") -> Descriptor:
        writer = self._content.writer(namespace, ref)
        sink = _Sink(writer)
        try:
            fill(sink)
            digest = writer.digest()
            writer.commit(sink.size)
        except AlreadyExists:
            return Descriptor(media_type=media_type, digest=digest, size=sink.size)
        except BaseException:
            writer.close()
            self._content.abort(namespace, ref)
            raise
        return Descriptor(media_type=media_type, digest=digest, size=sink.size)


class _Sink:
    """A ContentWriter as a file to write to; counts."""

    def __init__(self, writer: ContentWriter) -> None:
        self._writer = writer
        self.size = 0

    def write(self, data: bytes) -> int:
        self._writer.write(data)
        self.size += len(data)
        return len(data)


Fill = Callable[[_Sink], object]


def image_path(options: Any) -> str:
    """The folder that checkpoint options name; empty for none."""
    if not options.type_url.endswith(CheckpointOptions.DESCRIPTOR.full_name):
        return ""
    return CheckpointOptions.FromString(options.value).image_path


async def _checkpoint(task: Task, path: str, options: Any) -> None:
    message = shim.CheckpointTaskRequest(id=task.id, path=path, options=options)
    await task.client.call("Checkpoint", message, Empty)


def _chunks(reader: ReaderAt) -> Iterator[bytes]:
    offset = 0
    while chunk := reader.read_at(offset, _CHUNK):
        offset += len(chunk)
        yield chunk
