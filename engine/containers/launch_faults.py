"""What a failed start means: dockerd reads the runtime's words to find the exit code, so do we. Pure."""

from proto.errdefs import Fault, InvalidArgument

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
    """What was being done comes first; what has no class needs no word for it (older containerds say ": unknown")."""
    text = str(fault).removesuffix(": unknown")
    return type(fault)(f"{prefix}: {text}" if prefix else text)


def translate(fault: Fault) -> tuple[int, Fault]:
    """(exit code, the fault to show): 126 cannot be invoked, 127 not found, 128 everything else."""
    text = str(fault)
    lower = text.lower()
    if "permission denied" in lower:
        return 126, InvalidArgument(text)
    if "is a directory" in lower:  # the docker CLI exits by 126 only where it reads of permissions
        return 126, InvalidArgument(f"{text}: permission denied")
    if "not a directory" in lower:
        return 127, InvalidArgument(text + _WRONG_KIND)
    if any(words in lower for words in _NOT_FOUND):
        return 127, InvalidArgument(text)
    return 128, fault
