"""Chooses and opens a process's streams: our shim's socket, or FIFOs and a pump."""

import contextlib
import json
import os
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from engine import patterns
from engine.containers.live import Live
from engine.containers.model import Container
from engine.containers.room import Room
from engine.containers.stdio import ShimStdio, Stdio
from engine.logs import json_file
from engine.logs.json_writer import JsonLogWriter
from engine.logs.pump import PumpStdio
from engine.supervisor_client.tasks import Stdio as Names
from proto.errdefs import Fault


def make(room: Room, container: Container) -> Stdio:
    """The streams of a task about to be created."""
    if container.shim_io:
        return shim_stdio(room, container)
    pump = _pump(room, container)
    pump.open()
    return pump


def find(room: Room, container: Container) -> Stdio:
    """The streams of a task that was running before this engine."""
    if container.shim_io:
        return shim_stdio(room, container)
    pump = _pump(room, container)
    pump.open(reopen=True)
    return pump


def opened(stdio: Stdio) -> None:
    """The task exists: its side of the FIFOs is open."""
    if isinstance(stdio, PumpStdio):
        stdio.shim_has_opened()


async def join(live: Live, stdio: Stdio) -> None:
    """Connect the clients that attached before the start, so that they miss nothing."""
    waiting, live.attachers = live.attachers, []
    for attacher in waiting:
        if not attacher.joined.done():
            attacher.joined.set_result(
                await stdio.attach(stdin=attacher.stdin, stdout=attacher.stdout, stderr=attacher.stderr)
            )


def shim_stdio(room: Room, container: Container) -> ShimStdio:
    """A name that tells our shim where to listen and what to log."""
    address = stdio_url(container, room.paths.container(container.id).attach_socket)
    return ShimStdio(
        Names(stdout=address, stderr="" if container.tty else address, terminal=container.tty),
        room.paths.container(container.id).attach_socket,
    )


def stdio_url(container: Container, socket: str) -> str:
    """`wherry://<socket>?…`; pure."""
    query: dict[str, str] = {}
    if json_file.is_kept(container.log_driver):
        config = container.host_config["LogConfig"]["Config"]
        max_size, max_files, compress = json_file.options(config, container.log_driver)
        query = {
            "log": container.log_path,
            "driver": "json-file",
            "max-size": str(max_size),
            "max-file": str(max_files),
            "compress": str(int(compress)),
        }
        attributes = log_attributes(config, container)
        if attributes:
            query["labels-json"] = json.dumps(attributes)
    else:
        query["driver"] = "none"
    query["stdin"] = str(int(container.config["OpenStdin"]))
    query["stdin-once"] = str(int(container.config["StdinOnce"]))
    return f"wherry://{quote(socket)}?{urlencode(query)}"


def log_attributes(options: Mapping[str, str], container: Container) -> dict[str, str]:
    """What the log options `labels`, `env` and `tag` add to each line."""
    environment = dict(entry.partition("=")[::2] for entry in container.config["Env"] or ())
    done: dict[str, str] = {}
    for kind, known in (("labels", container.labels), ("env", environment)):
        done |= {name: known[name] for name in options.get(kind, "").split(",") if name in known}
        if pattern := options.get(f"{kind}-regex"):
            done |= {name: value for name, value in known.items() if patterns.found(pattern, name)}
    if options.get("tag"):
        done["tag"] = options["tag"]
    return done


def _pump(room: Room, container: Container) -> PumpStdio:
    files = room.paths.container(container.id)
    os.makedirs(files.volatile, mode=0o700, exist_ok=True)
    names = Names(
        stdin=files.fifo("init", "stdin") if container.config["OpenStdin"] else "",
        stdout=files.fifo("init", "stdout"),
        stderr="" if container.tty else files.fifo("init", "stderr"),
        terminal=container.tty,
    )
    log = None
    if json_file.is_kept(container.log_driver):
        config = container.host_config["LogConfig"]["Config"]
        max_size, max_files, _ = json_file.options(config, container.log_driver)
        attributes = log_attributes(config, container)
        log = JsonLogWriter(container.log_path, max_size=max_size, max_files=max_files, attributes=attributes)

    async def close_stdin() -> None:
        with contextlib.suppress(Fault):
            await room.supervisor.tasks.close_stdin(container.id)

    return PumpStdio(names, stdin_once=bool(container.config["StdinOnce"]), close_stdin=close_stdin, log=log)
