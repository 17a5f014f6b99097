"""A build's failure on the wire: a gRPC status with the place in the Dockerfile, which clients show around it."""

import base64
import json
import re
from dataclasses import dataclass
from typing import NoReturn, Protocol

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc.status_pb2 import Status

from proto.errdefs import Cancelled, Fault, Unimplemented

_TYPES = "github.com/moby/buildkit/"  # before the names of its details, which are JSON
_PARSING = re.compile(r"dockerfile parse error on line (\d+)")
_SHOWN_LINE = re.compile(r"\n  \d+ \| .*\Z", re.DOTALL)
_TARGET = re.compile(r"^failed to reach build target (.*) in Dockerfile$")
_COMMAND = re.compile(r"^The command '(.*)' returned a non-zero code: (\d+)$", re.DOTALL)


class Context(Protocol):
    """What a handler has of its call."""

    async def abort(self, code: grpc.StatusCode, details: str, trailing_metadata: object) -> NoReturn: ...


class Absent(Unimplemented):
    """A method that is not here: clients look at the code, and do without."""


class Failed(Exception):
    """A build's failure, with its place in the Dockerfile."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Source:
    """The Dockerfile that a build was made of."""

    filename: str
    text: str


def reworded(text: str) -> str:
    """What a person reads, as BuildKit puts it; its clients show the line by themselves."""
    text = _TARGET.sub(r'target stage "\1" could not be found', text)
    text = _COMMAND.sub(r'process "\1" did not complete successfully: exit code: \2', text)
    return _SHOWN_LINE.sub("", text)


def status(fault: Fault, source: Source | None = None, line: int = 0) -> Status:
    """The fault with all that is known of its place.

    Clients show a code's name before the words, unless it is UNKNOWN, which is what failed builds have with BuildKit.
    """
    code = fault.code if isinstance(fault, Absent | Cancelled) else Fault.code
    made = Status(code=code, message=reworded(str(fault)))
    if found := _PARSING.search(str(fault)):
        line = int(found[1])
    if source is not None and line > 0:
        first, last = _lines(source.text, line)
        place = {"start": {"line": first}, "end": {"line": last}}
        data = base64.b64encode(source.text.encode()).decode()
        info = {"filename": source.filename, "data": data, "language": "Dockerfile"}
        detail = json.dumps({"info": info, "ranges": [place]}).encode()
        made.details.append(Any(type_url=f"{_TYPES}errdefs.Source+json", value=detail))
    return made


def unsupported_subrequest(name: str) -> Status:
    """By this detail clients know that they must do without."""
    made = Status(code=Unimplemented.code, message=f"unsupported request {name[:80]}")
    detail = json.dumps({"name": name}).encode()
    made.details.append(Any(type_url=f"{_TYPES}errdefs.Subrequest+json", value=detail))
    return made


def _lines(text: str, first: int) -> tuple[int, int]:
    """An instruction's first line and its last one: it goes on where a line ends with a backslash."""
    lines, last = text.split("\n"), first
    while last < len(lines) and lines[last - 1].rstrip().endswith(("\\", "`")):
        last += 1
    return first, last


async def abort(context: Context, told: Status) -> NoReturn:
    """End a call with it."""
    code = next((code for code in grpc.StatusCode if code.value[0] == told.code), grpc.StatusCode.UNKNOWN)
    await context.abort(code, told.message, (("grpc-status-details-bin", told.SerializeToString()),))
    raise AssertionError("abort returned")
