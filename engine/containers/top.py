"""`GET /containers/{id}/top`: the host's ps over its processes, never its own ps (CVE-2022-1227)."""

import asyncio
import re
import shlex
from typing import Any

from engine.containers import state
from engine.containers.live import Live
from engine.containers.room import Room
from proto.errdefs import Conflict, Internal, InvalidArgument

_OTHER_PID = re.compile(r"(?:^|[\s,])(\w+)=\s*PID\b")
_COLUMN = re.compile(r"[^ \t]+")


async def top(room: Room, live: Live, arguments: str) -> dict[str, Any]:
    """Titles and rows."""
    state.require_running(live.container)
    if live.container.state.status == "restarting":
        raise Conflict(f"container {live.container.id} is restarting, wait until the container is running")
    for renamed in _OTHER_PID.findall(arguments):
        if renamed != "pid":
            raise InvalidArgument(f'specifying "{renamed}=PID" is not allowed')
    pids = set(await room.supervisor.tasks.pids(live.container.id))
    output = await _ps(arguments, pids)
    room.announce(live.container, "top")
    return parse(output, pids)


async def _ps(arguments: str, pids: set[int]) -> str:
    try:
        words = shlex.split(arguments)
    except ValueError as error:
        raise InvalidArgument(f"ps: {error}") from None
    chosen = ",".join(map(str, sorted(pids)))
    # First ask for these processes alone; option styles that cannot be combined with -q get the whole list.
    for extra in ((f"-q{chosen}",), ()):
        process = await asyncio.create_subprocess_exec(
            "ps", *words, *extra, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        output, errors = await process.communicate()
        if process.returncode == 0:
            return output.decode("utf-8", "replace")
    raise Internal(f"ps: {errors.decode('utf-8', 'replace').strip().partition(chr(10))[0] or 'exit status 1'}")


def parse(output: str, pids: set[int]) -> dict[str, Any]:
    """ps's table → the rows of these processes; the last column keeps its spaces. Pure."""
    lines = output.split("\n")
    titles = _COLUMN.findall(lines[0])
    if "PID" not in titles:
        raise Internal("Couldn't find PID field in ps output")
    column = titles.index("PID")
    rows, kept = [], False
    for line in lines[1:]:
        fields = _columns(line, len(titles))
        if not fields:
            continue
        if fields[column : column + 1] == ["-"]:
            if kept:  # a thread of the process above
                rows.append(fields)
            continue
        try:
            kept = int(fields[column]) in pids
        except (ValueError, IndexError):
            raise Internal(f"Unexpected pid '{fields[column] if len(fields) > column else ''}'") from None
        if kept:
            rows.append(fields)
    return {"Titles": titles, "Processes": rows}


def _columns(line: str, count: int) -> list[str]:
    """Parted at ASCII spaces alone, so that no process name forges a column; the last one keeps its spaces."""
    fields: list[str] = []
    rest = line.strip(" \t")
    while rest and len(fields) < count - 1:
        found = _COLUMN.match(rest)
        if found is None:
            break
        fields.append(found.group())
        rest = rest[found.end() :].lstrip(" \t")
    return [*fields, rest] if rest else fields
