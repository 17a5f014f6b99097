"""aiodocker, a client whose streams are asynchronous, on our engine: attach, exec, logs, events and stats at once."""

import asyncio
import io
import tarfile
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests import needs
from tests.engine_process import Engine

aiodocker = pytest.importorskip("aiodocker")
pytestmark = [needs.root, needs.binary("docker"), needs.overlay]

WITHIN = 60.0


@pytest.fixture
async def docker(stack: Engine) -> AsyncIterator[Any]:
    client = aiodocker.Docker(url=stack.host)
    yield client
    for container in await client.containers.list(all=True):
        await container.delete(force=True, v=True)
    await client.close()


async def created(docker: Any, *command: str, **more: Any) -> Any:
    config = {"Image": "busybox", "Cmd": list(command), "HostConfig": {"NetworkMode": "none"}} | more
    return await docker.containers.create(config)


async def ended(reading: Any) -> Any:
    return await asyncio.wait_for(reading, WITHIN)


async def test_an_attached_container_is_talked_to(docker: Any) -> None:
    """Its streams are told apart, and its input ends when the client says so."""
    container = await created(
        docker, "sh", "-c", "read line; echo $line; echo bad >&2", OpenStdin=True, StdinOnce=True, AttachStdin=True
    )
    stream = container.attach(stdin=True, stdout=True, stderr=True, logs=False)
    async with stream:
        await container.start()
        await stream.write_in(b"hello\n")
        said = {}
        while (message := await ended(stream.read_out())) is not None:
            said[message.stream] = said.get(message.stream, b"") + message.data
    assert said == {1: b"hello\n", 2: b"bad\n"}
    assert (await ended(container.wait()))["StatusCode"] == 0


async def test_an_exec_has_streams_and_a_code(docker: Any) -> None:
    container = await created(docker, "sleep", "600")
    await container.start()
    execution = await container.exec(["sh", "-c", "cat; echo done >&2; exit 7"], stdin=True, stdout=True, stderr=True)
    async with execution.start(detach=False) as stream:
        await stream.write_in(b"x" * 100_000 + b"\n")
        got = b""
        while len(got) < 100_001:
            message = await ended(stream.read_out())
            assert message is not None
            got += message.data
    assert got == b"x" * 100_000 + b"\n"


async def test_an_execs_code_is_told_when_its_output_has_ended(docker: Any) -> None:
    container = await created(docker, "sleep", "600")
    await container.start()
    execution = await container.exec(["sh", "-c", "echo out; exit 7"], stdout=True)
    async with execution.start(detach=False) as stream:
        assert (await ended(stream.read_out())).data == b"out\n"
        assert await ended(stream.read_out()) is None
    assert (await execution.inspect())["ExitCode"] == 7


async def test_followed_logs_end_with_the_container(docker: Any) -> None:
    container = await created(docker, "sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.1; done")
    await container.start()

    async def lines() -> list[str]:
        return [line async for line in container.log(stdout=True, follow=True)]

    assert "".join(await ended(lines())).split() == ["1", "2", "3"]


async def test_events_are_heard_by_a_subscriber(docker: Any) -> None:
    """From the creation to the end of a container."""
    heard = docker.events.subscribe()
    container = await created(docker, "true", Labels={"heard": "1"})
    await container.start()
    actions = []
    while "die" not in actions:
        event = await ended(heard.get())
        assert event is not None
        if event["Type"] == "container" and event["Actor"]["Attributes"].get("heard"):
            actions.append(event["Action"])
    assert actions == ["create", "start", "die"]
    await docker.events.stop()


async def test_statistics_are_a_stream(docker: Any) -> None:
    container = await created(docker, "sleep", "600")
    await container.start()
    frames = container.stats(stream=True)
    first = await ended(anext(frames))
    second = await ended(anext(frames))
    assert second["precpu_stats"]["cpu_usage"]["total_usage"] == first["cpu_stats"]["cpu_usage"]["total_usage"]
    await frames.aclose()


async def test_files_go_in_and_come_out(docker: Any) -> None:
    container = await created(docker, "true")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo("file")
        entry.size = 4
        tar.addfile(entry, io.BytesIO(b"data"))
    await container.put_archive("/tmp", buffer.getvalue())
    with await container.get_archive("/tmp/file") as tar:
        member = tar.extractfile("file")
        assert member is not None
        assert member.read() == b"data"


async def test_ten_at_once(docker: Any) -> None:
    """Each is created, runs, is waited for and removed."""

    async def life(number: int) -> int:
        container = await created(docker, "sh", "-c", f"exit {number}")
        await container.start()
        code = (await container.wait())["StatusCode"]
        await container.delete()
        return int(code)

    assert await ended(asyncio.gather(*map(life, range(10)))) == list(range(10))


async def test_volumes_and_networks(docker: Any) -> None:
    volume = await docker.volumes.create({"Name": "async", "Labels": {"a": "b"}})
    assert (await volume.show())["Labels"] == {"a": "b"}
    await volume.delete()
    network = await docker.networks.create({"Name": "async", "Internal": True})
    assert (await network.show())["Internal"]
    assert await network.delete()
