"""Faults, and their wording.

runc's words are part of the contract: dockerd, containerd and kubelet match parts of them. Each sentence that another
program may read stands here, or comes from the kernel's errno through `describe`.
"""

import os


class Fault(Exception):
    """Something that the caller is told in one sentence; `code` goes beside it into the log."""

    code = ""


class NotFound(Fault):
    """The thing named is not there."""

    code = "not_found"


class AlreadyExists(Fault):
    """The name is taken."""

    code = "already_exists"


class InvalidArgument(Fault):
    """The request can never work as it is written."""

    code = "invalid_argument"


class FailedPrecondition(Fault):
    """The container is in the wrong state for the request."""

    code = "failed_precondition"


class Usage(Fault):
    """The command line is wrong; `usage` says for which verb."""

    code = "invalid_argument"

    def __init__(self, message: str, headline: str = "Incorrect Usage.") -> None:
        super().__init__(message)
        self.headline = headline


def describe(error: BaseException) -> str:
    """A fault's sentence; an OSError as Go writes it: operation, path, and what the kernel said in lower case."""
    if not isinstance(error, OSError) or error.errno is None:
        return str(error)
    reason = reason_of(error)
    # Our wrappers say "call: Reason"; builtins say only the reason.
    call, separator, _ = (error.strerror or "").partition(": ")
    words = [call] if separator else []
    words += [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, (str, bytes))]
    return f"{' '.join(words)}: {reason}" if words else reason


def naming(call: str, error: OSError) -> OSError:
    """The error with the name of the call that failed, which Python's own functions leave out."""
    return OSError(error.errno, f"{call}: {error.strerror}", error.filename)


def reason_of(error: OSError) -> str:
    """The errno's text in lower case, as Go has it."""
    text = os.strerror(error.errno or 0)
    return text[0].lower() + text[1:]


def container_not_found() -> Fault:
    return NotFound("container does not exist")


def container_exists() -> Fault:
    return AlreadyExists("container with given ID already exists")


def container_not_running() -> Fault:
    return FailedPrecondition("container not running")


def container_not_paused() -> Fault:
    return FailedPrecondition("container not paused")


def invalid_id() -> Fault:
    return InvalidArgument("invalid container ID format")


def empty_id() -> Fault:
    return InvalidArgument("container id cannot be empty")


def cannot_delete(container_id: str, status: str) -> Fault:
    return FailedPrecondition(f"cannot delete container {container_id} that is not stopped: {status}")


def executable_not_found(name: str) -> Fault:
    return NotFound(f'exec: "{name}": executable file not found in $PATH')


def executable_unusable(name: str, why: str) -> Fault:
    return InvalidArgument(f'exec: "{name}": {why}')


def cwd_failed(cwd: str, error: OSError) -> Fault:
    return InvalidArgument(f'chdir to cwd ("{cwd}") set in config.json failed: {reason_of(error)}')


def cwd_outside_root() -> Fault:
    return InvalidArgument(
        "current working directory is outside of container mount namespace root -- possible container breakout detected"
    )


def console_without_socket() -> Fault:
    return InvalidArgument("cannot allocate tty if runc will detach without setting console socket")


def socket_without_console() -> Fault:
    return InvalidArgument("cannot use console socket if runc will not detach or allocate tty")


def unsupported(what: str) -> Fault:
    """An option of runc's that is refused rather than ignored."""
    return InvalidArgument(f"{what} is not supported by lowrt")
