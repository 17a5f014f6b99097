"""A program named criu that answers its RPC socket from a script, and Google's own codec for what both sides say."""

import json
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.message import Message
from grpc_tools import protoc

PROTO = Path(__file__).parents[1] / "golden" / "criu_rpc.proto"

_PROGRAM = """#!{python} -IS
import _socket, json, os, sys
with open({folder!r} + "/answers.json") as file:
    answers = json.load(file)
channel = _socket.socket(fileno=3)
with open({folder!r} + "/requests", "w", buffering=1) as requests:
    for answer in answers:
        packet = channel.recv(1 << 16)
        if not packet:
            sys.exit(1)
        requests.write(packet.hex() + "\\n")
        if answer is None:
            sys.exit(1)
        fds = [os.open(os.devnull, os.O_RDONLY)] if answer["fd"] else []
        channel.sendmsg([bytes.fromhex(answer["packet"])], [(1, 1, fd.to_bytes(4, "little")) for fd in fds])
    sys.exit({code} if not channel.recv(1 << 16) else 1)
"""

Json = dict[str, Any]


@cache
def _classes() -> dict[str, type[Message]]:
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/set"
        assert protoc.main(["protoc", f"-I{PROTO.parent}", f"--descriptor_set_out={out}", PROTO.name]) == 0
        files = descriptor_pb2.FileDescriptorSet.FromString(Path(out).read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    found = pool.FindFileByName(PROTO.name).message_types_by_name
    return {name: message_factory.GetMessageClass(descriptor) for name, descriptor in found.items()}


def google_encode(name: str, message: Json) -> bytes:
    """What protobuf makes of a message; enumerations by name or number."""
    return json_format.ParseDict(message, _classes()[name]()).SerializeToString()


def google_decode(name: str, packet: bytes) -> Json:
    """The fields that are set, by their names in the proto; enumerations as numbers."""
    message = _classes()[name].FromString(packet)  # type: ignore[attr-defined]
    found: Json = json_format.MessageToDict(message, preserving_proto_field_name=True, use_integers_for_enums=True)
    return found


class FakeCriu:
    """The program in a folder that is to be first in PATH; `answers` go out one per request, None is a sudden death."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, *answers: Json | None, code: int = 0) -> None:
        """Make the program; "fd" in an answer sends a descriptor along, and it ends with `code` when we hang up."""
        script = [
            None
            if answer is None
            else {
                "fd": answer.pop("fd", False),
                "packet": google_encode("response", {"success": True, **answer}).hex(),
            }
            for answer in answers
        ]
        (self.folder / "answers.json").write_text(json.dumps(script))
        program = self.folder / "criu"
        program.write_text(_PROGRAM.format(python=sys.executable, folder=str(self.folder), code=code))
        program.chmod(0o755)

    def requests(self) -> list[Json]:
        """What it was asked, decoded by protobuf."""
        lines = (self.folder / "requests").read_text().split()
        return [google_decode("request", bytes.fromhex(line)) for line in lines]


VERSION: Json = {"type": "VERSION", "version": {"major_number": 4, "minor_number": 2, "sublevel": 1}}
