"""Runs a shim's program: `start` to get an endpoint, `delete` to clean up after a dead one.

containerd reads stdout and stderr of `start` as one, so both are one pipe here too. Programs are executed in the
bundle, in a process group of their own. Our own shim is asked for from the zygote first.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Sequence

from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError

from proto.containerd.runtime.task.v2.shim_pb2 import DeleteResponse
from proto.errdefs import Fault
from supervisor.runtime import bootstrap
from supervisor.runtime.bootstrap import Daemon, Endpoint
from supervisor.runtime.bundle import Bundle
from supervisor.runtime.zygote import Outcome, Zygote, ZygoteUnavailable

logger = logging.getLogger(__name__)

_START_TIMEOUT = 60.0
_PROBE_TIMEOUT = 10.0


class Launcher:
    """Starts and cleans up shims on behalf of one daemon."""

    def __init__(self, daemon: Daemon, zygote: Zygote | None = None, extra_environment: Sequence[str] = ()) -> None:
        self._daemon = daemon
        self._zygote = zygote
        self._extra = dict(pair.partition("=")[::2] for pair in extra_environment)
        self._wants_params: dict[tuple[str, int], bool] = {}

    async def start(self, bundle: Bundle, program: str, options: Any | None) -> Endpoint:
        """Run `shim start`; the endpoint is also written into the bundle, for the day we come back."""
        bundle.write(bundle.shim_binary_path, program.encode())
        arguments = bootstrap.start_arguments(self._daemon, bundle.namespace, bundle.id)
        stdin = await self._start_input(bundle, program, options)
        outcome = await self._run(program, arguments, bundle, stdin, joined=True, timeout=_START_TIMEOUT)
        answer = outcome.stdout + outcome.stderr
        if outcome.code != 0:
            raise Fault(f"start failed: {answer.decode(errors='replace').strip()}: {_exit_words(outcome.code)}")
        try:
            endpoint = bootstrap.parse_answer(answer)
        except Fault as fault:
            raise type(fault)(f"start failed: {fault}") from fault
        bundle.write(bundle.bootstrap, bootstrap.to_json(endpoint), 0o644)
        return endpoint

    async def delete(self, bundle: Bundle, program: str, timeout: float) -> DeleteResponse:
        """Run `shim delete` for a shim that is gone: kills what it left, unmounts, says how it ended."""
        arguments = bootstrap.delete_arguments(self._daemon, bundle.namespace, bundle.id, bundle.path)
        outcome = await self._run(program, arguments, bundle, b"", joined=False, timeout=timeout)
        if outcome.code < 0:  # killed in the middle, by whoever killed the shim: what is left is ours to clear away
            logger.warning("shim delete is run again: %s", _exit_words(outcome.code), extra={"id": bundle.id})
            outcome = await self._run(program, arguments, bundle, b"", joined=False, timeout=timeout)
        warnings = outcome.stderr.decode(errors="replace").strip()
        if outcome.code != 0:
            raise Fault(f"{warnings}: {_exit_words(outcome.code)}")
        if warnings:
            logger.warning("shim delete: %s", warnings, extra={"id": bundle.id})
        try:
            return DeleteResponse.FromString(outcome.stdout)
        except DecodeError as error:
            raise Fault(f"shim delete printed no DeleteResponse: {error}") from error

    async def _start_input(self, bundle: Bundle, program: str, options: Any | None) -> bytes:
        if not self._is_warm(program) and await self._reads_params(program):
            return bootstrap.params(self._daemon, bundle.namespace, bundle.id, options)
        return options.SerializeToString() if options is not None else b""

    async def _reads_params(self, program: str) -> bool:
        """Ask a program of the originals' name for its version, once per file."""
        if os.path.basename(program) != "containerd-shim-runc-v2":
            return False
        key = (program, os.stat(program).st_mtime_ns)
        if key not in self._wants_params:
            outcome = await _execute([program, "-v"], "/", {}, b"", joined=True, timeout=_PROBE_TIMEOUT)
            self._wants_params[key] = bootstrap.wants_params(outcome.stdout.decode(errors="replace"))
        return self._wants_params[key]

    def _is_warm(self, program: str) -> bool:
        return self._zygote is not None and self._zygote.program == program

    async def _run(
        self, program: str, arguments: list[str], bundle: Bundle, stdin: bytes, *, joined: bool, timeout: float
    ) -> Outcome:
        environment = bootstrap.environment(self._daemon, bundle.namespace) | self._extra
        if self._zygote is not None and self._is_warm(program):
            try:
                return await self._zygote.run(arguments, bundle.path, environment, stdin)
            except ZygoteUnavailable as error:
                logger.info("shim starts cold: %s", error, extra={"id": bundle.id})
        command = [program, *arguments]
        return await _execute(command, bundle.path, environment, stdin, joined=joined, timeout=timeout)


async def _execute(
    command: list[str], cwd: str, environment: dict[str, str], stdin: bytes, *, joined: bool, timeout: float
) -> Outcome:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT if joined else asyncio.subprocess.PIPE,
        process_group=0,
    )
    try:
        async with asyncio.timeout(timeout):
            stdout, stderr = await process.communicate(stdin)
    except BaseException as error:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        if isinstance(error, TimeoutError):
            raise Fault(f"shim killed after {timeout:g} seconds without an answer: {command[0]}") from error
        raise
    assert process.returncode is not None
    return Outcome(process.returncode, stdout, stderr or b"")


def _exit_words(code: int) -> str:
    return f"signal: {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
