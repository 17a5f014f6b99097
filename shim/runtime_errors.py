"""The seam from the OCI runtime: its exit status, output and log become a Fault.

A failed runtime's last `{"level":"error","msg":…}` line in its log is the reason. lowrt adds a `"code"` to it, a
Fault's name; of runc and crun, which do not, only the phrases that containerd's own shim knows are told apart. What
goes wrong in `create`, `start` and `exec` stays UNKNOWN whatever the code: callers read the words, and know no other
class.
"""

import json

from proto.errdefs import (
    AlreadyExists,
    FailedPrecondition,
    Fault,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unimplemented,
)

_BY_CODE: dict[str, type[Fault]] = {
    "not_found": NotFound,
    "already_exists": AlreadyExists,
    "invalid_argument": InvalidArgument,
    "failed_precondition": FailedPrecondition,
    "permission_denied": PermissionDenied,
    "unimplemented": Unimplemented,
}
_FINISHED = ("process already finished", "container not running", "no such process", "not running")
_GONE = ("does not exist",)
_UNKNOWN_VERB = ("no help topic for", "unknown command", "unrecognized command", "unknown verb")


class RuntimeFailure(Exception):
    """One call of the runtime that did not end with 0."""

    def __init__(self, status: int, output: str, reason: str, code: str = "") -> None:
        super().__init__(reason or output or f"exit status {status}")
        self.status = status
        self.output = output
        self.reason = reason  # of the log, empty when it said nothing
        self.code = code  # lowrt's, empty without one


def failure(status: int, output: bytes, log: bytes) -> RuntimeFailure:
    """What went wrong, from what the call left behind; `log` is only what this call appended."""
    reason, code = last_error(log)
    return RuntimeFailure(status, output.decode("utf-8", "replace").strip(), reason, code)


def last_error(log: bytes) -> tuple[str, str]:
    """The message and code of the last error in a log, empty without one. Broken lines are passed over."""
    for line in reversed(log.splitlines()):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("level") == "error":
            return str(entry.get("msg", "")).strip(), str(entry.get("code", ""))
    return "", ""


def start_fault(error: RuntimeFailure, what: str) -> Fault:
    """The Fault for a process that could not be made: `OCI runtime create failed: runc create failed: …`."""
    return Fault(f"{what}: {_text(error)}")


def fault(error: RuntimeFailure, what: str) -> Fault:
    """The Fault for any other call."""
    text = _text(error)
    if any(phrase in text.lower() for phrase in _UNKNOWN_VERB):
        return Unimplemented(f"{what}: {text}")
    return _BY_CODE.get(error.code, Fault)(f"{what}: {text}")


def kill_fault(error: RuntimeFailure) -> Fault:
    """The Fault for a failed kill: a process or container that is gone already is NotFound."""
    text = error.reason or error.output
    lowered = text.lower()
    if any(phrase in lowered for phrase in _FINISHED):
        return NotFound("process already finished")
    if any(phrase in lowered for phrase in _GONE):
        return NotFound("no such container")
    return _BY_CODE.get(error.code, Fault)(f"unknown error after kill: {_text(error)}")


def is_gone(error: RuntimeFailure) -> bool:
    """Whether the runtime says that it does not know the container (any more)."""
    return any(phrase in f"{error.reason}\n{error.output}" for phrase in _GONE)


def _text(error: RuntimeFailure) -> str:
    return error.reason or error.output or f"exit status {error.status}"
