"""Execs over HTTP."""

import asyncio
from pathlib import Path

from engine.spec.process import User
from proto.errdefs import Fault
from tests.fakes.engine_room import Bench
from tests.fakes.engine_served import served


async def test_a_detached_exec(bench: Bench, tmp_path: Path) -> None:
    live = await bench.run()
    bench.room.execs._user = lambda made: User()  # type: ignore[method-assign]
    async with served(bench, tmp_path) as api:
        status, made = await api.ask("POST", "/containers/web/exec", {"Cmd": ["true"]})
        assert status == 201
        assert (await api.ask("POST", f"/exec/{made['Id']}/start", {"Detach": True}))[0] == 200
        assert (await api.ask("POST", f"/exec/{made['Id']}/start", {"Detach": True}))[0] == 409
        bench.tasks.end(live.container.id, 4, made["Id"])
        assert (await api.ask("GET", f"/exec/{made['Id']}/json"))[1]["ExitCode"] == 4
        assert (await api.ask("GET", "/exec/nope/json"))[0] == 404


async def test_a_failure_is_told_on_the_stream_and_in_the_exit_code(bench: Bench, tmp_path: Path) -> None:
    await bench.run()
    bench.room.execs._user = lambda made: User()  # type: ignore[method-assign]
    bench.tasks.refuse["exec"] = Fault("executable file not found in $PATH")
    async with served(bench, tmp_path) as api:
        _, made = await api.ask("POST", "/containers/web/exec", {"Cmd": ["x"], "AttachStdout": True, "Tty": True})
        reader, writer = await asyncio.open_unix_connection(api.path)
        head = f"POST /exec/{made['Id']}/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
        writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        async with asyncio.timeout(5):
            answer = await reader.read()
        assert answer.endswith(b"executable file not found in $PATH\r\n")
        assert (await api.ask("GET", f"/exec/{made['Id']}/json"))[1]["ExitCode"] == 127
        writer.close()
        await writer.wait_closed()
