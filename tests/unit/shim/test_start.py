"""`start`, but for the fork."""

import json
import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from proto.containerd.runtime.bootstrap.v1 import bootstrap_pb2
from shim import start
from shim.args import parse
from shim.paths import Bundle


def make_bundle(folder: Path, annotations: dict[str, str] | None = None) -> Path:
    """A bundle with a spec."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"annotations": annotations or {}}))
    return folder


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose sockets' paths are short enough."""
    with tempfile.TemporaryDirectory(prefix="s", dir="/tmp") as folder:
        yield Path(folder)


def modern_input(container_id: str, socket_dir: Path) -> bytes:
    """Of a caller that may choose the socket's folder, which tests must."""
    params = bootstrap_pb2.BootstrapParams(instance_id=container_id, socket_dir=str(socket_dir))
    return params.SerializeToString()


@pytest.mark.parametrize("name", ["io.containerd.runc.v2.group", "io.kubernetes.cri.sandbox-id"])
def test_an_annotation_groups_containers(tmp_path: Path, name: str) -> None:
    """A pod's containers share a shim."""
    assert start.group_of(Bundle(str(make_bundle(tmp_path / "c1", {name: "pod"}))), "c1") == "pod"


def test_without_annotation_a_container_is_its_own_group(tmp_path: Path) -> None:
    """Also where the word only appears somewhere."""
    assert start.group_of(Bundle(str(make_bundle(tmp_path / "c1"))), "c1") == "c1"
    bundle = make_bundle(tmp_path / "c2", {"x": "io.kubernetes.cri.sandbox-id"})
    assert start.group_of(Bundle(str(bundle)), "c2") == "c2"


def test_a_socket_is_bound_for_its_owner_alone(short: Path) -> None:
    """And listens at once: the caller may connect before the server is up."""
    path = str(short / "s" / "sock")
    listener = start.bind(path)
    assert listener is not None
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
    listener.close()


def test_a_living_server_is_used_again_and_a_dead_one_replaced(short: Path) -> None:
    """None means: there is one."""
    path = str(short / "sock")
    listener = start.bind(path)
    assert listener is not None
    assert start.bind(path) is None
    listener.close()
    again = start.bind(path)
    assert again is not None
    again.close()


def test_a_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    """With its limit."""
    with pytest.raises(start.StartError, match="too long"):
        start.bind(str(tmp_path / ("x" * 120)))


def test_a_modern_caller_gets_a_result_and_no_address_file(tmp_path: Path, short: Path) -> None:
    """containerd 2.3 keeps the address itself."""
    bundle = make_bundle(tmp_path / "c1")
    arguments = parse(["-namespace", "n", "-id", "c1", "-address", "/a", "start"])
    prepared = start.prepare(arguments, str(bundle), modern_input("c1", short))
    result = bootstrap_pb2.BootstrapResult.FromString(prepared.output)
    assert result.address == f"unix://{prepared.path}"
    assert os.listdir(bundle) == ["config.json"]
    assert prepared.listener is not None
    prepared.listener.close()


def test_what_is_no_protobuf_is_refused(tmp_path: Path) -> None:
    """Nothing is bound."""
    arguments = parse(["-namespace", "n", "-id", "c1", "start"])
    with pytest.raises(start.StartError, match="cannot decode"):
        start.prepare(arguments, str(make_bundle(tmp_path / "c1")), b"\xff\xff")


def test_without_a_reader_there_is_no_log(tmp_path: Path) -> None:
    """And nobody waits for one."""
    bundle = Bundle(str(tmp_path))
    assert start.open_log(bundle) is None
    os.mkfifo(bundle.log)
    assert start.open_log(bundle) is None
    reader = os.open(bundle.log, os.O_RDWR)
    log = start.open_log(bundle)
    assert log is not None
    os.close(log)
    os.close(reader)


def test_input_is_read_to_its_end() -> None:
    """However it is cut."""
    read, write = os.pipe()
    os.write(write, b"some")
    os.close(write)
    assert start.read_input(read) == b"some"
    os.close(read)
