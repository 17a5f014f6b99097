"""What a failed start means: dockerd reads the runtime's words to find the exit code, so do we. Pure."""

from proto.errdefs import Fault, InvalidArgument

_NOT_INVOCABLE = ("permission denied", "is a directory")
_NOT_FOUND = (
    "executable file not found",
    "no such file or directory",
    "system cannot find the file specified",
    "failed to run runc create/exec call",
)
_WRONG_KIND = (
    ": Are you trying to mount a directory onto a file (or vice-versa)? "
    "Check if the specified host path exists and is the expected type"
)


def reworded(fault: Fault, prefix: str) -> Fault:
    """As dockerd's client of containerd words it: what was being done first, ": unknown" behind what has no class."""
    text = f"{prefix}: {fault}" if prefix else str(fault)
    return type(fault)(f"{text}: unknown" if type(fault) is Fault and not text.endswith(": unknown") else text)


def translate(fault: Fault) -> tuple[int, Fault]:
    """(exit code, the fault to show): 126 cannot be invoked, 127 not found, 128 everything else."""
    text = str(fault)
    lower = text.lower()
    if any(words in lower for words in _NOT_INVOCABLE):
        return 126, InvalidArgument(text)
    if "not a directory" in lower:
        return 127, InvalidArgument(text + _WRONG_KIND)
    if any(words in lower for words in _NOT_FOUND):
        return 127, InvalidArgument(text)
    return 128, fault
