"""Updating."""

import pytest

from engine.containers import update
from proto.errdefs import Fault, InvalidArgument
from tests.fakes.engine_room import Bench


async def test_a_running_container_gets_its_new_limits_at_once(bench: Bench) -> None:
    live = await bench.run()
    await update.update(bench.room, live, {"Memory": 64 << 20, "MemorySwap": 128 << 20, "CpuShares": 5})
    (call,) = [call for call in bench.tasks.calls if call[0] == "update"]
    assert call[2] == {"cpu": {"shares": 5}, "memory": {"limit": 64 << 20, "swap": 128 << 20}}
    assert live.container.host_config["Memory"] == 64 << 20


async def test_a_refusal_from_below_keeps_the_old_limits(bench: Bench) -> None:
    live = await bench.run()
    bench.tasks.refuse["update"] = Fault("device or resource busy")
    with pytest.raises(Fault, match="Cannot update container"):
        await update.update(bench.room, live, {"CpuShares": 5})
    assert live.container.host_config["CpuShares"] == 0


async def test_the_policy_alone_does_not_bother_the_runtime(bench: Bench) -> None:
    live = await bench.run()
    await update.update(bench.room, live, {"RestartPolicy": {"Name": "always"}})
    assert not [call for call in bench.tasks.calls if call[0] == "update"]
    assert live.container.host_config["RestartPolicy"] == {"Name": "always", "MaximumRetryCount": 0}


async def test_bad_limits_are_refused(bench: Bench) -> None:
    live = await bench.create()
    with pytest.raises(InvalidArgument, match="Minimum memory limit allowed is 6MB"):
        await update.update(bench.room, live, {"Memory": 100})


async def test_a_running_containers_ports_are_published_at_once(bench: Bench) -> None:
    live = await bench.run()
    bindings = {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}
    await update.update(bench.room, live, {"PortBindings": bindings})
    assert bench.networks.published == [(live.container.id, bindings)]
    assert live.container.host_config["PortBindings"] == bindings
    await update.update(bench.room, live, {"PortBindings": {}})
    assert bench.networks.published[-1] == (live.container.id, {})
    await update.update(bench.room, live, {"CpuShares": 5})
    assert len(bench.networks.published) == 2, "what is not said stays"


async def test_the_ports_of_a_stopped_container_are_for_its_next_start(bench: Bench) -> None:
    live = await bench.create()
    await update.update(bench.room, live, {"PortBindings": {"80/tcp": None}})
    assert bench.networks.published == []
    assert live.container.host_config["PortBindings"] == {"80/tcp": None}
