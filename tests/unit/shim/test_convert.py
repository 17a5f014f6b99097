"""Domain ⇄ protobuf."""

import json

import pytest
from google.protobuf.any_pb2 import Any

from proto import anys
from proto.containerd.types import mount_pb2
from proto.containerd.types.runc.options import oci_pb2
from proto.containerd.types.task import task_pb2
from proto.errdefs import InvalidArgument, NotFound
from shim import convert
from shim.reaper import Exit
from shim.states import State


def test_a_mount_survives_both_ways() -> None:
    """Options in order."""
    message = mount_pb2.Mount(type="overlay", source="o", target="/t", options=["ro", "lowerdir=/a"])
    (mount,) = convert.mounts_from_proto([message])
    assert convert.mount_to_proto(mount) == message


def test_runc_options_are_read() -> None:
    """Every field that is used."""
    options = convert.options_from_proto(anys.pack(oci_pb2.Options(binary_name="crun", io_uid=5, no_pivot_root=True)))
    assert (options.binary_name, options.io_uid, options.no_pivot_root) == ("crun", 5, True)


@pytest.mark.parametrize("url", ["", "runtimeoptions.v1.Options"])
def test_no_options_are_defaults(url: str) -> None:
    """The generic ones say nothing that we could use."""
    assert convert.options_from_proto(Any(type_url=url)).binary_name == ""


def test_options_of_another_runtime_are_refused() -> None:
    """In containerd's words."""
    with pytest.raises(NotFound, match=r"type with url windows\.Options: not found"):
        convert.options_from_proto(Any(type_url="windows.Options"))
    with pytest.raises(InvalidArgument):
        convert.options_from_proto(Any(type_url="containerd.runc.v1.Options", value=b"\x0a"))


def test_states_and_times_are_the_wires() -> None:
    """No exit yet is Go's zero time."""
    assert convert.status_to_proto(State.PAUSED) == task_pb2.PAUSED
    assert convert.exit_time(None).seconds == -62135596800
    assert convert.exit_time(Exit(1, 0, 1_000_000_002)).nanos == 2


def test_an_exec_is_named_in_its_process_info() -> None:
    """The first process is not."""
    info = convert.process_info(7, "e1")
    assert info.info.type_url == "containerd.runc.v1.ProcessDetails"
    assert oci_pb2.ProcessDetails.FromString(info.info.value).exec_id == "e1"
    assert not convert.process_info(7, "").HasField("info")


def test_the_requests_terminal_overrides_the_documents() -> None:
    """ctr sends both."""
    spec = anys.pack_json(anys.PROCESS, {"terminal": False, "args": ["sh"]})
    assert json.loads(convert.exec_document(spec, True)) == {"terminal": True, "args": ["sh"]}


def test_checkpoint_options_become_words() -> None:
    """Only those that were asked for."""
    assert convert.checkpoint_flags(oci_pb2.CheckpointOptions(terminal=True)) == ["--shell-job"]
