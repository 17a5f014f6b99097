"""What a command can end with, as click exceptions: their exit codes are docker's.

125 the daemon refused, 126 the program could not be executed, 127 it was not found: only `run` and `exec` use these;
everything else ends with 1. https://docs.docker.com/engine/containers/run/#exit-status
"""

from typing import IO, Any

import click


class CommandFailed(click.ClickException):
    """A sentence for the person, printed as it stands."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # click reads it from the instance too

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(self.message, file=file, err=file is None)


def unreadable(path: object, error: OSError) -> str:
    """Why a file cannot be opened, in the words of Go's programs."""
    reason = error.strerror or type(error).__name__
    return f"open {path}: {reason[:1].lower()}{reason[1:]}"


class DaemonError(CommandFailed):
    """The engine answered with an error; `status` is the HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(f"Error response from daemon: {message}")
        self.reason = message
        self.status = status


class DaemonUnreachable(CommandFailed):
    """Nobody answers at the engine's address."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"Cannot connect to the wherry daemon at {address}: {reason}. Is it running? Start it with `wherryd`, "
            f"or name another one with --host."
        )


class ExitWith(click.exceptions.Exit):
    """End with a container's exit code and say nothing."""
