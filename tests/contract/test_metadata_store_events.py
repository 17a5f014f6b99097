"""What our services and a real containerd tell of the same deeds, and how they let others publish."""

import itertools
import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from proto.anys import unpack
from proto.containerd.services.containers.v1 import containers_pb2 as containers
from proto.containerd.services.events.v1 import events_pb2 as events
from proto.containerd.services.images.v1 import images_pb2 as images
from proto.containerd.services.leases.v1 import leases_pb2 as leases
from proto.containerd.services.namespaces.v1 import namespace_pb2 as namespaces
from proto.containerd.services.snapshots.v1 import snapshots_pb2 as snapshots
from proto.containerd.types import descriptor_pb2
from proto.containerd.types.event_pb2 import Envelope
from tests import needs
from tests.fakes.supervisor_servers import Client, container, find_containerd, our_server, real_containerd

DIGEST = "sha256:" + "a" * 64
REAL = [needs.root, pytest.mark.skipif(find_containerd() is None, reason="needs containerd in PATH")]
_numbers = itertools.count()


@pytest.fixture(scope="module", params=["ours", pytest.param("containerd", marks=REAL)])
def socket(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    start = our_server if request.param == "ours" else real_containerd
    with start(tmp_path_factory.mktemp("s")) as path:
        yield path


@pytest.fixture
def client(socket: Path) -> Iterator[Client]:
    one = Client(socket, f"ns{next(_numbers)}")
    yield one
    one.close()


class Listener:
    """A subscription, read in a thread of its own."""

    def __init__(self, client: Client, *filters: str) -> None:
        self._client = client
        self._stream = client.events.Subscribe(events.SubscribeRequest(filters=filters))
        self._got: queue.Queue[Envelope] = queue.Queue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self._settle()

    def _read(self) -> None:
        try:
            for envelope in self._stream:
                self._got.put(envelope)
        except grpc.RpcError:
            pass  # cancelled

    def _settle(self) -> None:
        """Go's server answers headers with the first event only: publish until one arrives."""
        while True:
            self._publish("/marker/start")
            try:
                self._got.get(timeout=0.2)
                break
            except queue.Empty:
                continue
        self.until("/marker/settled")

    def _publish(self, topic: str) -> None:
        marker = events.PublishRequest(topic=topic, event=AnyMessage(type_url="containerd.events.TaskOOM"))
        self._client.events.Publish(marker, **self._client.meta())

    def until(self, topic: str) -> list[Envelope]:
        """Everything before a marker of ours."""
        self._publish(topic)
        got: list[Envelope] = []
        while (envelope := self._got.get(timeout=30)).topic != topic:
            got.append(envelope)
        return got

    def close(self) -> None:
        self._stream.cancel()
        self._thread.join(5)


@pytest.fixture
def listener(client: Client) -> Iterator[Listener]:
    one = Listener(client, f"namespace=={client.namespace}")
    yield one
    one.close()


def told(envelopes: list[Envelope]) -> list[tuple[str, str, str]]:
    """In words; older servers do not name the snapshotter."""
    texts = [str(unpack(one.event)).replace("\n", " ").replace(' snapshotter: "native"', "") for one in envelopes]
    return [(one.topic, one.event.type_url, text.strip()) for one, text in zip(envelopes, texts, strict=True)]


def test_each_deed_is_told(client: Client, listener: Listener) -> None:
    """Topic, type and content, in order."""
    name, meta = client.namespace, client.meta()
    space = namespaces.Namespace(name=name, labels={"a": "1"})
    client.namespaces.Update(namespaces.UpdateNamespaceRequest(namespace=space), **meta)
    client.leases.Create(leases.CreateRequest(id="l"), **meta)
    client.snapshots.Prepare(snapshots.PrepareSnapshotRequest(snapshotter="native", key="k"), **client.meta("l"))
    client.snapshots.Commit(
        snapshots.CommitSnapshotRequest(snapshotter="native", key="k", name="n"), **client.meta("l")
    )
    client.snapshots.View(snapshots.ViewSnapshotRequest(snapshotter="native", key="v", parent="n"), **client.meta("l"))
    client.snapshots.Remove(snapshots.RemoveSnapshotRequest(snapshotter="native", key="v"), **meta)
    target = descriptor_pb2.Descriptor(media_type="m", digest=DIGEST, size=1)
    image = images.Image(name="i", target=target, labels={"l": "1"})
    client.images.Create(images.CreateImageRequest(image=image), **meta)
    client.images.Update(images.UpdateImageRequest(image=image, update_mask=FieldMask(paths=["labels"])), **meta)
    client.images.Delete(images.DeleteImageRequest(name="i"), **meta)
    record = container(image="i", labels={"c": "1"})
    client.containers.Create(containers.CreateContainerRequest(container=record), **meta)
    client.containers.Update(containers.UpdateContainerRequest(container=record), **meta)
    client.containers.Delete(containers.DeleteContainerRequest(id="c1"), **meta)
    assert told(listener.until("/marker/end")) == [
        (
            "/namespaces/update",
            "containerd.events.NamespaceUpdate",
            f'name: "{name}" labels {{   key: "a"   value: "1" }}',
        ),
        ("/snapshot/prepare", "containerd.events.SnapshotPrepare", 'key: "k"'),
        ("/snapshot/commit", "containerd.events.SnapshotCommit", 'key: "k" name: "n"'),
        ("/snapshot/remove", "containerd.events.SnapshotRemove", 'key: "v"'),
        (
            "/images/create",
            "containerd.services.images.v1.ImageCreate",
            'name: "i" labels {   key: "l"   value: "1" }',
        ),
        (
            "/images/update",
            "containerd.services.images.v1.ImageUpdate",
            'name: "i" labels {   key: "l"   value: "1" }',
        ),
        ("/images/delete", "containerd.services.images.v1.ImageDelete", 'name: "i"'),
        (
            "/containers/create",
            "containerd.events.ContainerCreate",
            'id: "c1" image: "i" runtime {   name: "io.containerd.runc.v2" }',
        ),
        (
            "/containers/update",
            "containerd.events.ContainerUpdate",
            'id: "c1" image: "i" labels {   key: "c"   value: "1" }',
        ),
        ("/containers/delete", "containerd.events.ContainerDelete", 'id: "c1"'),
    ]


def test_a_failed_deed_is_not_told(client: Client, listener: Listener) -> None:
    """Nor is a list."""
    for call, request in (
        (client.containers.Delete, containers.DeleteContainerRequest(id="nope")),
        (client.images.Delete, images.DeleteImageRequest(name="nope")),
        (client.snapshots.Remove, snapshots.RemoveSnapshotRequest(snapshotter="native", key="nope")),
    ):
        with pytest.raises(grpc.RpcError):
            call(request, **client.meta())
    client.containers.List(containers.ListContainersRequest(), **client.meta())
    assert told(listener.until("/marker/end")) == []


def test_what_is_forwarded_keeps_its_time_and_namespace(client: Client, listener: Listener) -> None:
    """The forwarder speaks for somebody else."""
    envelope = Envelope(
        timestamp=Timestamp(seconds=7, nanos=9),
        namespace=client.namespace,
        topic="/tasks/oom",
        event=AnyMessage(type_url="containerd.events.TaskOOM", value=b"\n\x01c"),
    )
    client.events.Forward(events.ForwardRequest(envelope=envelope), **client.meta())
    assert listener.until("/marker/end") == [envelope]


@pytest.mark.parametrize(
    ("topic", "words"),
    [
        ("", "must not be empty"),
        ("no/slash", "must start with '/'"),
        ("/", "must have at least one component"),
        ("/a//b", 'failed validation on component ""'),
    ],
)
def test_a_malformed_topic_is_refused(client: Client, topic: str, words: str) -> None:
    """With what is wrong about it."""
    request = events.PublishRequest(topic=topic, event=AnyMessage(type_url="containerd.events.TaskOOM"))
    with pytest.raises(grpc.RpcError) as raised:
        client.events.Publish(request, **client.meta())
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert words in raised.value.details()


def test_filters_are_alternatives_of_conditions(client: Client) -> None:
    """By topic and namespace, and by a field of the event."""
    listener = Listener(client, "topic~=marker", f"namespace=={client.namespace},event.id==c2")
    for name in ("c1", "c2"):
        client.containers.Create(containers.CreateContainerRequest(container=container(name)), **client.meta())
    assert [unpack(one.event).id for one in listener.until("/marker/end")] == ["c2"]  # type: ignore[union-attr]
    listener.close()


def test_a_malformed_filter_ends_the_subscription(client: Client) -> None:
    """With the parser's words."""
    with pytest.raises(grpc.RpcError) as raised:
        next(client.events.Subscribe(events.SubscribeRequest(filters=["=="]), timeout=30))
    assert "failed parsing subscription filters: filters: parse error" in raised.value.details()
