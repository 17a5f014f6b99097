"""What `shim start` is told and what it answers; pure, and the form of bootstrap.json.

Three generations of answers are read: a protobuf BootstrapResult, JSON, a bare address. Which generation of input a
shim wants shows only in its version: programs before containerd 2.3 read the runtime options as an Any, later ones
read BootstrapParams, and each misreads the other's.
"""

import json
import re
from dataclasses import dataclass

from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError

from proto.containerd.runtime.bootstrap.v1 import bootstrap_pb2
from proto.containerd.runtime.bootstrap.v1.bootstrap_pb2 import BootstrapParams, BootstrapResult
from proto.errdefs import Fault, Unimplemented

NEWEST_VERSION = 3
PROTOCOLS = ("ttrpc", "grpc")

_LOG_LEVELS = {
    "trace": bootstrap_pb2.LOG_LEVEL_TRACE,
    "debug": bootstrap_pb2.LOG_LEVEL_DEBUG,
    "info": bootstrap_pb2.LOG_LEVEL_INFO,
    "warn": bootstrap_pb2.LOG_LEVEL_WARN,
    "error": bootstrap_pb2.LOG_LEVEL_ERROR,
    "fatal": bootstrap_pb2.LOG_LEVEL_FATAL,
    "panic": bootstrap_pb2.LOG_LEVEL_PANIC,
}
_VERSION = re.compile(r"^\s*Version:\s+v?(\d+)\.(\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a shim answers, and which generation of the Task service it speaks."""

    address: str
    version: int = 2
    protocol: str = "ttrpc"


def parse_answer(answer: bytes) -> Endpoint:
    """Read what `shim start` printed, or a bootstrap.json."""
    endpoint = _from_protobuf(answer) or _from_json(answer) or Endpoint(answer.decode(errors="replace").strip())
    if not endpoint.address:
        raise Fault("shim printed no address")
    if "\n" in endpoint.address:
        raise Fault(f"shim printed something that is no address: {endpoint.address}")
    if endpoint.version > NEWEST_VERSION:
        raise Unimplemented(f"unsupported shim version ({endpoint.version}): not implemented")
    if endpoint.protocol.lower() not in PROTOCOLS:
        raise Fault(f"unexpected protocol: {json.dumps(endpoint.protocol)}")
    return endpoint


def _from_protobuf(answer: bytes) -> Endpoint | None:
    try:
        result = BootstrapResult.FromString(answer)
    except DecodeError:
        return None
    if result.version < 2 or not result.address:
        return None
    return Endpoint(result.address, result.version, result.protocol)


def _from_json(answer: bytes) -> Endpoint | None:
    try:
        document = json.loads(answer)
    except ValueError:
        return None
    if not isinstance(document, dict) or document.get("version", 0) < 2:
        return None
    return Endpoint(str(document.get("address", "")), int(document["version"]), str(document.get("protocol", "ttrpc")))


def to_json(endpoint: Endpoint) -> bytes:
    """The content of bootstrap.json."""
    document = {"version": endpoint.version, "address": endpoint.address, "protocol": endpoint.protocol}
    return json.dumps(document, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Daemon:
    """What a shim is told of the daemon that starts it."""

    address: str
    ttrpc_address: str
    binary: str
    version: str
    log_level: str = "info"


def wants_params(version_text: str) -> bool:
    """Whether a shim of the originals' family reads BootstrapParams, by what its `-v` printed."""
    match = _VERSION.search(version_text)
    return match is not None and (int(match[1]), int(match[2])) >= (2, 3)


def params(daemon: Daemon, namespace: str, container_id: str, options: Any | None) -> bytes:
    """The input of `shim start` from containerd 2.3 on."""
    message = BootstrapParams(
        instance_id=container_id,
        namespace=namespace,
        log_level=_LOG_LEVELS.get(daemon.log_level, bootstrap_pb2.LOG_LEVEL_INFO),
        containerd_version=daemon.version,
        containerd_ttrpc_address=daemon.ttrpc_address,
        containerd_grpc_address=daemon.address,
        containerd_binary=daemon.binary,
    )
    if options is not None and options.type_url:
        message.extensions.add().value.CopyFrom(options)
    return message.SerializeToString()


def start_arguments(daemon: Daemon, namespace: str, container_id: str) -> list[str]:
    """The argv of `shim start`, without the program."""
    return [*_common(daemon, namespace, container_id), "start"]


def delete_arguments(daemon: Daemon, namespace: str, container_id: str, bundle: str) -> list[str]:
    """The argv of `shim delete`, without the program."""
    return [*_common(daemon, namespace, container_id), "-bundle", bundle, "delete"]


def _common(daemon: Daemon, namespace: str, container_id: str) -> list[str]:
    arguments = ["-namespace", namespace, "-address", daemon.address]
    arguments += ["-publish-binary", daemon.binary, "-id", container_id]
    if daemon.log_level in ("debug", "trace"):
        arguments.append("-debug")
    return arguments


def environment(daemon: Daemon, namespace: str) -> dict[str, str]:
    """What a shim finds in its environment beside the daemon's own."""
    return {
        "GOMAXPROCS": "2",
        "MAX_SHIM_VERSION": "2",  # the newest version containerd announces, whatever it accepts
        "TTRPC_ADDRESS": daemon.ttrpc_address,
        "GRPC_ADDRESS": daemon.address,
        "NAMESPACE": namespace,
    }
