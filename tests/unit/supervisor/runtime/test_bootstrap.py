"""What shims are told and what they answer."""

import pytest
from google.protobuf.any_pb2 import Any

from proto.containerd.runtime.bootstrap.v1.bootstrap_pb2 import BootstrapParams, BootstrapResult
from proto.errdefs import Fault, Unimplemented
from supervisor.runtime import bootstrap
from supervisor.runtime.bootstrap import Daemon, Endpoint, parse_answer

DAEMON = Daemon("/run/s.sock", "/run/s.sock.ttrpc", "/usr/bin/sup", "2.3.0")


def test_a_bare_address_is_version_two_over_ttrpc() -> None:
    assert parse_answer(b"unix:///run/containerd/s/abc\n") == Endpoint("unix:///run/containerd/s/abc", 2, "ttrpc")


def test_json_names_version_and_protocol() -> None:
    answer = b'{"version":3,"address":"unix:///s","protocol":"grpc"}'
    assert parse_answer(answer) == Endpoint("unix:///s", 3, "grpc")


def test_protobuf_names_version_and_protocol() -> None:
    answer = BootstrapResult(version=3, address="unix:///s", protocol="ttrpc").SerializeToString()
    assert parse_answer(answer) == Endpoint("unix:///s", 3, "ttrpc")


def test_what_is_written_to_the_bundle_is_read_back() -> None:
    endpoint = Endpoint("unix:///s", 3, "grpc")
    assert parse_answer(bootstrap.to_json(endpoint)) == endpoint


def test_json_of_an_old_version_is_taken_for_an_address_and_refused_by_connecting() -> None:
    assert parse_answer(b'{"version":1,"address":"x"}').address == '{"version":1,"address":"x"}'


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (b"", Fault, "no address"),
        (b"warning: something\nunix:///s", Fault, "no address"),
        (b'{"version":4,"address":"unix:///s","protocol":"ttrpc"}', Unimplemented, "unsupported shim version"),
        (b'{"version":2,"address":"unix:///s","protocol":"smoke"}', Fault, "unexpected protocol"),
    ],
)
def test_answers_that_name_no_shim_are_refused(answer: bytes, kind: type[Fault], words: str) -> None:
    with pytest.raises(kind, match=words):
        parse_answer(answer)


@pytest.mark.parametrize(
    ("text", "wants"),
    [
        ("containerd-shim-runc-v2:\n  Version:  1.6.20~ds1\n", False),
        ("containerd-shim-runc-v2:\n  Version:  2.1.9+unknown\n", False),
        ("containerd-shim-runc-v2:\n  Version:  v2.3.4\n", True),
        ("containerd-shim-runc-v2:\n  Version:  3.0.0\n", True),
        ("something else", False),
    ],
)
def test_only_programs_since_two_three_read_params(text: str, wants: bool) -> None:
    assert bootstrap.wants_params(text) is wants


def test_params_carry_the_options_as_an_extension() -> None:
    options = Any(type_url="containerd.runc.v1.Options", value=b"\x32\x04crun")
    message = BootstrapParams.FromString(bootstrap.params(DAEMON, "ns", "id", options))
    assert (message.instance_id, message.namespace, message.containerd_grpc_address) == ("id", "ns", "/run/s.sock")
    assert message.extensions[0].value == options


def test_start_and_delete_have_the_arguments_of_the_protocol() -> None:
    common = ["-namespace", "ns", "-address", "/run/s.sock", "-publish-binary", "/usr/bin/sup", "-id", "c1"]
    assert bootstrap.start_arguments(DAEMON, "ns", "c1") == [*common, "start"]
    assert bootstrap.delete_arguments(DAEMON, "ns", "c1", "/b") == [*common, "-bundle", "/b", "delete"]


def test_a_daemon_that_debugs_has_its_shims_debug() -> None:
    daemon = Daemon("a", "t", "b", "v", log_level="debug")
    assert bootstrap.start_arguments(daemon, "ns", "c1")[-2:] == ["-debug", "start"]
