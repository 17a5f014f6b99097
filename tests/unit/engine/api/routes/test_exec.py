"""Execs over HTTP."""

import asyncio
from pathlib import Path

from engine.spec.process import User
from proto.errdefs import Fault
from tests.fakes.engine_room import Bench
from tests.fakes.engine_served import served


async def test_a_detached_exec(bench: Bench, tmp_path: Path) -> None:
    live = await bench.run()
    bench.room.execs._user = lambda made: (User(), "/")  # type: ignore[method-assign]
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
    bench.room.execs._user = lambda made: (User(), "/")  # type: ignore[method-assign]
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


async def test_a_size_is_two_numbers_or_nothing(bench: Bench, tmp_path: Path) -> None:
    live = await bench.run()
    bench.room.execs._user = lambda made: (User(), "/")  # type: ignore[method-assign]
    async with served(bench, tmp_path) as api:
        status, answer = await api.ask("POST", "/containers/web/exec", {"Cmd": ["sh"], "ConsoleSize": "24x80"})
        assert (status, "ConsoleSize of type" in answer["message"]) == (400, True)
        _, made = await api.ask("POST", "/containers/web/exec", {"Cmd": ["sh"], "Tty": True})
        start = f"/exec/{made['Id']}/start"
        for size in ("24x80", [24, "80"], {"h": 24}, [-1, 2]):
            assert (await api.ask("POST", start, {"Detach": True, "Tty": True, "ConsoleSize": size}))[0] == 400
        assert (await api.ask("POST", start, {"Detach": True, "Tty": True, "ConsoleSize": [24, 80]}))[0] == 200
        assert bench.room.execs.get(made["Id"]).config["ConsoleSize"] == [24, 80]
        bench.tasks.end(live.container.id, 0, made["Id"])


async def test_keys_that_cannot_be_pressed_are_refused_before_anything_is_made(bench: Bench, tmp_path: Path) -> None:
    await bench.run()
    async with served(bench, tmp_path) as api:
        status, body = await api.ask("POST", "/containers/web/exec", {"Cmd": ["x"], "detachkeys": "ctrl-"})
        assert (status, body["message"]) == (400, "Invalid escape keys (ctrl-) provided")
        assert (await api.ask("GET", "/containers/web/json"))[1]["ExecIDs"] is None
