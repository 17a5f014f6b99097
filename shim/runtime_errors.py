"""The seam from the OCI runtime: its exit status, output and log become a Fault.

A failed runtime's last `{"level":"error","msg":…}` line in its log is the reason. lowrt adds a `"code"` to it, a
google.rpc number; of runc and crun, which do not, only the phrases that containerd's own shim knows are told apart.
"""

import json

from proto.errdefs import Fault, NotFound, Unimplemented, fault_from_code

_FINISHED = ("process already finished", "container not running", "no such process", "not running")
_GONE = ("does not exist",)
_UNKNOWN_VERB = ("no help topic for", "unknown command", "unrecognized command", "unknown verb")


class RuntimeFailure(Exception):
    """One call of the runtime that did not end with 0."""

    def __init__(self, status: int, output: str, reason: str, code: int) -> None:
        super().__init__(reason or output or f"exit status {status}")
        self.status = status
        self.output = output
        self.reason = reason  # of the log, empty when it said nothing
        self.code = code  # lowrt's, 0 without one


def failure(status: int, output: bytes, log: bytes) -> RuntimeFailure:
    """What went wrong, from what the call left behind; `log` is only what this call appended."""
    reason, code = last_error(log)
    return RuntimeFailure(status, output.decode("utf-8", "replace").strip(), reason, code)


def last_error(log: bytes) -> tuple[str, int]:
    """The message and code of the last error in a log, ("", 0) without one. Broken lines are passed over."""
    for line in reversed(log.splitlines()):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("level") == "error":
            code = entry.get("code")
            return str(entry.get("msg", "")).strip(), code if isinstance(code, int) else 0
    return "", 0


def fault(error: RuntimeFailure, what: str) -> Fault:
    """The Fault for a failed call, in containerd's wording: `OCI runtime create failed: runc create failed: …`."""
    text = error.reason or error.output or f"exit status {error.status}"
    if any(phrase in text.lower() for phrase in _UNKNOWN_VERB):
        return Unimplemented(f"{what}: {text}")
    return fault_from_code(error.code or Fault.code, f"{what}: {text}")


def kill_fault(error: RuntimeFailure) -> Fault:
    """The Fault for a failed kill: a process or container that is gone already is NotFound."""
    text = error.reason or error.output
    lowered = text.lower()
    if any(phrase in lowered for phrase in _FINISHED):
        return NotFound("process already finished")
    if any(phrase in lowered for phrase in _GONE):
        return NotFound("no such container")
    return fault_from_code(
        error.code or Fault.code, f"unknown error after kill: {text or f'exit status {error.status}'}"
    )


def is_gone(error: RuntimeFailure) -> bool:
    """Whether the runtime says that it does not know the container (any more)."""
    return any(phrase in f"{error.reason}\n{error.output}" for phrase in _GONE)
