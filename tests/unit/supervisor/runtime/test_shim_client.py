"""A shim's Task service."""

from pathlib import Path

import pytest

from proto.errdefs import DeadlineExceeded, Fault, NotFound, Unavailable
from supervisor.runtime.bootstrap import Endpoint
from supervisor.runtime.shim_client import ShimGone, classed, connect
from tests.fakes.supervisor_shim import PID, FakeShim


async def test_nobody_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="failed to create TTRPC connection: dial"):
        await connect(Endpoint(f"unix://{tmp_path}/none"), "ns")


async def test_the_shims_faults_are_raised(tmp_path: Path) -> None:
    fake = FakeShim(str(tmp_path / "s"))
    await fake.start()
    client = await connect(Endpoint(f"unix://{fake.address}"), "ns")
    with pytest.raises(NotFound, match="container not created"):
        await client.state("c1")
    assert (await client.connect("c1")).task_pid == 0
    await client.aclose()
    await fake.die()


async def test_the_end_of_the_connection_is_the_shims_death(tmp_path: Path) -> None:
    fake = FakeShim(str(tmp_path / "s"))
    await fake.start()
    client = await connect(Endpoint(f"unix://{fake.address}"), "ns")
    await client.connect("c1")
    await fake.die()
    await client.closed
    with pytest.raises(ShimGone, match="ttrpc: closed"):
        await client.state("c1")
    await client.shutdown("c1", 1)  # one that left needs no asking


async def test_a_version_three_shim_is_asked_as_such(tmp_path: Path) -> None:
    fake = FakeShim(str(tmp_path / "s"), version=3)
    fake.created = True
    await fake.start()
    client = await connect(Endpoint(f"unix://{fake.address}", 3), "ns")
    assert (await client.state("c1")).pid == PID
    assert client.version == 3
    await client.aclose()
    await fake.die()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("oh"), "oh"),
        (NotFound("process already finished: not found"), "process already finished: not found"),
        (NotFound("not found"), "not found"),
        (DeadlineExceeded("context deadline exceeded"), "context deadline exceeded"),
    ],
)
def test_the_class_is_named_once(fault: Fault, words: str) -> None:
    assert str(classed(fault)) == words
    assert type(classed(fault)) is type(fault)
