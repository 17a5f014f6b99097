"""How a filter looks into an event."""

import pytest

from proto.containerd.events import container_pb2, content_pb2, task_pb2
from supervisor.core.events import Envelope
from supervisor.core.typed import TypedValue
from supervisor.events.fields import adapt_envelope, message_field
from supervisor.events.topics import typed

CREATED = container_pb2.ContainerCreate(id="c", runtime=container_pb2.ContainerCreate.Runtime(name="r"))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("namespace", "ns"),
        ("topic", "/containers/create"),
        ("event.id", "c"),
        ("event.runtime.name", "r"),
        ("event.image", None),
        ("event.runtime", None),
        ("event.nothing", None),
        ("event", None),
        ("timestamp", None),
    ],
)
def test_an_envelopes_fields(path: str, value: str | None) -> None:
    """Strings that are not empty; nothing else."""
    adaptor = adapt_envelope(Envelope(1, "ns", "/containers/create", typed(CREATED)))
    assert adaptor(path.split(".")) == value


def test_labels_are_found_by_key() -> None:
    """Which may have dots."""
    message = container_pb2.ContainerUpdate(labels={"a.b": "1"})
    assert message_field(message, ["labels", "a", "b"]) == "1"
    assert message_field(message, ["labels", "a"]) is None


def test_names_may_be_written_without_underscores() -> None:
    """As containerd's field paths are."""
    assert message_field(task_pb2.TaskExit(container_id="c"), ["container_id"]) == "c"
    assert message_field(task_pb2.TaskExit(container_id="c"), ["containerid"]) == "c"
    assert message_field(content_pb2.ContentCreate(mediaType="m"), ["mediatype"]) == "m"
    assert message_field(task_pb2.TaskExit(pid=7), ["pid"]) is None


@pytest.mark.parametrize("event", [TypedValue("no.such.Type", b""), TypedValue("containerd.events.TaskExit", b"\xff")])
def test_an_event_that_cannot_be_read_has_no_fields(event: TypedValue) -> None:
    """And does not stop the others."""
    assert adapt_envelope(Envelope(1, "ns", "/t", event))(["event", "id"]) is None
