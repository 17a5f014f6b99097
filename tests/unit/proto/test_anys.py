"""Any values under containerd's type URLs."""

import pytest
from google.protobuf import any_pb2

from proto import anys
from proto.containerd.events import task_pb2
from proto.errdefs import InvalidArgument, NotFound


def test_a_message_is_packed_under_its_bare_name() -> None:
    """containerd writes no host part."""
    packed = anys.pack(task_pb2.TaskExit(container_id="c", exit_status=3))
    assert packed.type_url == "containerd.events.TaskExit"
    assert anys.unpack(packed) == task_pb2.TaskExit(container_id="c", exit_status=3)


def test_the_google_form_is_read_too() -> None:
    """Python and Java clients write it."""
    packed = any_pb2.Any()
    packed.Pack(task_pb2.TaskStart(pid=7))
    assert anys.unpack(packed) == task_pb2.TaskStart(pid=7)


def test_oci_documents_are_json() -> None:
    """Spec, Process and LinuxResources have URLs of their own."""
    packed = anys.pack_json(anys.SPEC, {"ociVersion": "1.2.0"})
    assert anys.unpack(packed) == {"ociVersion": "1.2.0"}


@pytest.mark.parametrize("value", [b"{", b"[]", b"\xff"])
def test_a_document_that_is_no_object_is_an_invalid_argument(value: bytes) -> None:
    """The caller's mistake, with the type named."""
    with pytest.raises(InvalidArgument, match="runtime-spec/1/Process"):
        anys.unpack(any_pb2.Any(type_url=anys.PROCESS, value=value))


def test_an_unknown_type_is_not_found() -> None:
    """In containerd's words."""
    with pytest.raises(NotFound, match=r"type with url no\.Such: not found"):
        anys.unpack(any_pb2.Any(type_url="no.Such"))


def test_bytes_of_another_type_are_an_invalid_argument() -> None:
    """A truncated message must not pass as an empty one."""
    with pytest.raises(InvalidArgument):
        anys.unpack(any_pb2.Any(type_url="containerd.events.TaskExit", value=b"\x0a\xff"))
