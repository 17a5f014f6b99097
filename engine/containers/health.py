"""Health checks: an exec at intervals, its verdict in the container's state and in events."""

import asyncio
import logging
from typing import Any

from engine import stdcopy, timestamps
from engine.containers import launch_faults, stop
from engine.containers.execs import Exec, Execs
from engine.containers.live import Live
from engine.containers.model import Health
from engine.containers.probing import Probes
from engine.containers.restart_policy import ON_UNHEALTHY
from engine.containers.room import Room
from proto.errdefs import Fault

logger = logging.getLogger(__name__)

Json = dict[str, Any]

_OUTPUT_LIMIT, _LOG_LENGTH = 4096, 5
_SECOND = 1_000_000_000


def settings(check: Json | None) -> Json | None:
    """The check with dockerd's defaults, None where there is none to run."""
    if not check or not check.get("Test") or check["Test"][0] in ("NONE", ""):
        return None
    return {
        "Test": check["Test"],
        "Interval": (check.get("Interval") or 30 * _SECOND) / _SECOND,
        "Timeout": (check.get("Timeout") or 30 * _SECOND) / _SECOND,
        "StartPeriod": (check.get("StartPeriod") or 0) / _SECOND,
        "StartInterval": (check.get("StartInterval") or 5 * _SECOND) / _SECOND,
        "Retries": check.get("Retries") or 3,
    }


def command(test: list[str], shell: list[str] | None) -> list[str]:
    """CMD is a command, CMD-SHELL a line for the container's shell."""
    if test[0] == "CMD-SHELL":
        return [*(shell or ["/bin/sh", "-c"]), " ".join(test[1:])]
    return test[1:] if test[0] == "CMD" else test


def begin(room: Room, live: Live, *, again: bool = False) -> None:
    """The container runs: probe it; `again` keeps the verdict of the time before this engine."""
    wanted = settings(live.container.config["Healthcheck"])
    end(live)
    if wanted is None:
        live.container.state.health = None
        return
    if not again or live.container.state.health is None:
        live.container.state.health = Health()
        room.save(live)
    live.probes = room.background.spawn(f"health of {live.container.id}", _probe_for_ever(room, live, wanted))


def end(live: Live) -> None:
    """The container does not run."""
    if live.probes is not None:
        live.probes.cancel()
        live.probes = None


async def _probe_for_ever(room: Room, live: Live, wanted: Json) -> None:
    started = timestamps.to_ns(live.container.state.started_at)
    paths = room.paths.container(live.container.id)
    in_shim = Probes(paths.attach_socket) if live.container.shim_io else None
    try:
        while True:
            health = live.container.state.health
            young = timestamps.to_ns(timestamps.now()) - started < wanted["StartPeriod"] * _SECOND
            starting = young and health is not None and health.status == "starting"
            await asyncio.sleep(wanted["StartInterval"] if starting else wanted["Interval"])
            if live.container.state.status == "running":
                result = await _probe(room, live, wanted, in_shim)
                record(room, live, result, wanted, started)
    finally:
        if in_shim is not None:
            in_shim.close()


async def _probe(room: Room, live: Live, wanted: Json, in_shim: Probes | None) -> Json:
    execs: Execs = room.execs
    line = command(wanted["Test"], live.container.config.get("Shell"))
    began = timestamps.now()
    made = execs.create(live, {"Cmd": line, "AttachStdout": True, "AttachStderr": True})
    try:
        if in_shim is not None and await in_shim.available():
            code, output = await _run_in_shim(execs, made, wanted["Timeout"], in_shim)
        else:
            code, output = await _run(execs, made, wanted["Timeout"])
    except Fault as fault:
        code, output = -1, str(fault)
    except TimeoutError:
        code, output = -1, _overdue(wanted["Timeout"], "")
        try:
            await room.supervisor.tasks.kill(live.container.id, 9, exec_id=made.id)
        except Fault as fault:
            logger.debug("killing an overdue probe of %s: %s", live.container.id, fault)
    return {"Start": began, "End": timestamps.now(), "ExitCode": code, "Output": output}


def _overdue(timeout: float, output: str) -> str:
    words = f"Health check exceeded timeout ({timeout:g}s)"
    return f"{words}: {output}" if output else words


async def _run_in_shim(execs: Execs, made: Exec, timeout: float, in_shim: Probes) -> tuple[int, str]:
    status: int | None = None

    def began(pid: int) -> None:
        made.pid = pid

    try:
        process = execs.begin_in_shim(made)
        outcome = await in_shim.run(made.id, process, began, timeout=timeout, limit=_OUTPUT_LIMIT)
        status = outcome.status
    except Fault as fault:
        _, shown = launch_faults.translate(launch_faults.reworded(fault, ""))
        raise shown from fault
    finally:
        execs.end_in_shim(made, status)
    return (-1, _overdue(timeout, outcome.output)) if outcome.overdue else (status, outcome.output)


async def _run(execs: Execs, made: Exec, timeout: float) -> tuple[int, str]:
    stdio = execs.open(made)
    attachment = await stdio.attach(stdin=False, stdout=True, stderr=True)
    decoder, output = stdcopy.Decoder(), b""
    try:
        async with asyncio.timeout(timeout):
            await execs.run(made)
            while chunk := await attachment.read():
                for _, data in decoder.feed(chunk):
                    output += data[: _OUTPUT_LIMIT - len(output)]
            await made.done.wait()
    finally:
        attachment.close()
    return made.exit_code or 0, output.decode("utf-8", "replace")


def record(room: Room, live: Live, result: Json, wanted: Json, started_ns: int) -> None:
    """Take one probe's result into the verdict; announce when it changes."""
    health = live.container.state.health
    if health is None:
        return
    room.metrics.health_checks += 1
    room.metrics.health_checks_failed += result["ExitCode"] != 0
    before, streak = health.status, health.failing_streak
    health.log = [*health.log, result][-_LOG_LENGTH:]
    if result["ExitCode"] == 0:
        health.failing_streak, health.status = 0, "healthy"
    else:
        in_start = timestamps.to_ns(result["Start"]) - started_ns < wanted["StartPeriod"] * _SECOND
        if not (in_start and health.status == "starting"):
            health.failing_streak += 1
            if health.failing_streak >= wanted["Retries"]:
                health.status = "unhealthy"
    if (health.status, health.failing_streak) != (before, streak):
        room.save(live)  # of a check that is as the last one nothing needs to outlive this engine, nor does it dockerd
    if health.status != before:
        room.announce(live.container, f"health_status: {health.status}")
        if health.status == "unhealthy" and live.container.host_config["RestartPolicy"].get("Name") == ON_UNHEALTHY:
            room.background.spawn(f"end of the unhealthy {live.container.id}", _give_up(room, live))


async def _give_up(room: Room, live: Live) -> None:
    """Stop it, so that its policy starts it again."""
    try:
        await stop.halt(room, live, timeout=None, manually=False)
    except Fault as fault:
        logger.warning("stopping the unhealthy %s: %s", live.container.id, fault)
