"""The topics of events and the messages that go with them."""

from collections.abc import Mapping

from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from proto.containerd.events import container_pb2, content_pb2, image_pb2, namespace_pb2, sandbox_pb2, snapshot_pb2
from supervisor.core.containers import Container
from supervisor.core.namespaces import Namespace
from supervisor.core.typed import TypedValue

CONTAINER_CREATE = "/containers/create"
CONTAINER_UPDATE = "/containers/update"
CONTAINER_DELETE = "/containers/delete"
CONTENT_CREATE = "/content/create"
CONTENT_DELETE = "/content/delete"
IMAGE_CREATE = "/images/create"
IMAGE_UPDATE = "/images/update"
IMAGE_DELETE = "/images/delete"
NAMESPACE_CREATE = "/namespaces/create"
NAMESPACE_UPDATE = "/namespaces/update"
NAMESPACE_DELETE = "/namespaces/delete"
SANDBOX_CREATE = "/sandboxes/create"
SANDBOX_START = "/sandboxes/start"
SANDBOX_EXIT = "/sandboxes/exit"
SNAPSHOT_PREPARE = "/snapshot/prepare"
SNAPSHOT_COMMIT = "/snapshot/commit"
SNAPSHOT_REMOVE = "/snapshot/remove"
TASK_CREATE = "/tasks/create"
TASK_START = "/tasks/start"
TASK_OOM = "/tasks/oom"
TASK_EXIT = "/tasks/exit"
TASK_DELETE = "/tasks/delete"
TASK_EXEC_ADDED = "/tasks/exec-added"
TASK_EXEC_STARTED = "/tasks/exec-started"
TASK_PAUSED = "/tasks/paused"
TASK_RESUMED = "/tasks/resumed"
TASK_CHECKPOINTED = "/tasks/checkpointed"


def typed(message: Message) -> TypedValue:
    """An event as the exchange carries it."""
    return TypedValue(message.DESCRIPTOR.full_name, message.SerializeToString())


def container_create(container: Container) -> TypedValue:
    runtime = container_pb2.ContainerCreate.Runtime(name=container.runtime.name)
    if options := container.runtime.options:
        runtime.options.CopyFrom(any_pb2.Any(type_url=options.type_url, value=options.value))
    return typed(container_pb2.ContainerCreate(id=container.id, image=container.image, runtime=runtime))


def container_update(container: Container) -> TypedValue:
    return typed(
        container_pb2.ContainerUpdate(
            id=container.id,
            image=container.image,
            labels=container.labels,
            snapshot_key=container.snapshot_key,
        )
    )


def container_delete(container_id: str) -> TypedValue:
    return typed(container_pb2.ContainerDelete(id=container_id))


def content_create(digest: str, size: int) -> TypedValue:
    return typed(content_pb2.ContentCreate(digest=digest, size=size))


def content_delete(digest: str) -> TypedValue:
    return typed(content_pb2.ContentDelete(digest=digest))


def image_create(name: str, labels: Mapping[str, str]) -> TypedValue:
    return typed(image_pb2.ImageCreate(name=name, labels=labels))


def image_update(name: str, labels: Mapping[str, str]) -> TypedValue:
    return typed(image_pb2.ImageUpdate(name=name, labels=labels))


def image_delete(name: str) -> TypedValue:
    return typed(image_pb2.ImageDelete(name=name))


def namespace_create(namespace: Namespace) -> TypedValue:
    return typed(namespace_pb2.NamespaceCreate(name=namespace.name, labels=namespace.labels))


def namespace_update(namespace: Namespace) -> TypedValue:
    return typed(namespace_pb2.NamespaceUpdate(name=namespace.name, labels=namespace.labels))


def namespace_delete(name: str) -> TypedValue:
    return typed(namespace_pb2.NamespaceDelete(name=name))


def sandbox_create(sandbox_id: str) -> TypedValue:
    return typed(sandbox_pb2.SandboxCreate(sandbox_id=sandbox_id))


def sandbox_start(sandbox_id: str) -> TypedValue:
    return typed(sandbox_pb2.SandboxStart(sandbox_id=sandbox_id))


def sandbox_exit(sandbox_id: str, status: int, exited_at: Timestamp) -> TypedValue:
    return typed(sandbox_pb2.SandboxExit(sandbox_id=sandbox_id, exit_status=status, exited_at=exited_at))


def snapshot_prepare(snapshotter: str, key: str, parent: str) -> TypedValue:
    return typed(snapshot_pb2.SnapshotPrepare(key=key, parent=parent, snapshotter=snapshotter))


def snapshot_commit(snapshotter: str, name: str, key: str) -> TypedValue:
    return typed(snapshot_pb2.SnapshotCommit(key=key, name=name, snapshotter=snapshotter))


def snapshot_remove(snapshotter: str, key: str) -> TypedValue:
    return typed(snapshot_pb2.SnapshotRemove(key=key, snapshotter=snapshotter))
