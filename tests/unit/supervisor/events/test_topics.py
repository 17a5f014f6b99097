"""The messages that go with topics."""

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage

from proto.anys import unpack
from proto.containerd.events import container_pb2, task_pb2
from supervisor.core.containers import Container, RuntimeInfo
from supervisor.core.namespaces import Namespace
from supervisor.core.typed import TypedValue
from supervisor.events import topics
from supervisor.events.exchange import validate_topic


def test_every_topic_is_one() -> None:
    """The exchange would refuse it otherwise."""
    for name, value in vars(topics).items():
        if name.isupper():
            validate_topic(value)


def test_an_event_carries_its_bare_type() -> None:
    """No host part, as containerd writes it."""
    event = topics.typed(task_pb2.TaskExit(container_id="c", pid=7))
    assert event.type_url == "containerd.events.TaskExit"
    assert unpack(AnyMessage(type_url=event.type_url, value=event.value)).pid == 7  # type: ignore[union-attr]


def test_a_created_container_tells_of_its_runtime() -> None:
    """With the options, if there are any."""
    container = Container("c", RuntimeInfo("r", TypedValue("o", b"1")), image="i")
    message = container_pb2.ContainerCreate.FromString(topics.container_create(container).value)
    assert (message.id, message.image, message.runtime.name, message.runtime.options.value) == ("c", "i", "r", b"1")
    bare = container_pb2.ContainerCreate.FromString(topics.container_create(Container("c", RuntimeInfo("r"))).value)
    assert not bare.runtime.HasField("options")


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (topics.container_update(Container("c")), "containerd.events.ContainerUpdate"),
        (topics.container_delete("c"), "containerd.events.ContainerDelete"),
        (topics.content_create("d", 1), "containerd.events.ContentCreate"),
        (topics.content_delete("d"), "containerd.events.ContentDelete"),
        (topics.image_create("i", {}), "containerd.services.images.v1.ImageCreate"),
        (topics.image_update("i", {}), "containerd.services.images.v1.ImageUpdate"),
        (topics.image_delete("i"), "containerd.services.images.v1.ImageDelete"),
        (topics.namespace_create(Namespace("n")), "containerd.events.NamespaceCreate"),
        (topics.namespace_update(Namespace("n")), "containerd.events.NamespaceUpdate"),
        (topics.namespace_delete("n"), "containerd.events.NamespaceDelete"),
        (topics.snapshot_prepare("o", "k", "p"), "containerd.events.SnapshotPrepare"),
        (topics.snapshot_commit("o", "n", "k"), "containerd.events.SnapshotCommit"),
        (topics.snapshot_remove("o", "k"), "containerd.events.SnapshotRemove"),
    ],
)
def test_events_have_containerds_types(event: TypedValue, name: str) -> None:
    """Clients decode them by name; images are in a package of their own."""
    assert event.type_url == name
