"""Updating."""

import copy

import pytest

from engine.containers import update
from proto.errdefs import Conflict, Fault, Internal, InvalidArgument
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


async def test_ports_stay_as_they_were_where_the_runtime_refuses_the_rest(bench: Bench) -> None:
    live = await bench.run()
    bench.tasks.refuse["update"] = Internal("no")
    with pytest.raises(Internal, match="Cannot update container"):
        await update.update(
            bench.room, live, {"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "1"}]}, "CpuShares": 5}
        )
    assert [bindings for _, bindings in bench.networks.published] == [
        {"80/tcp": [{"HostIp": "", "HostPort": "1"}]}, live.container.host_config["PortBindings"],
    ]  # fmt: skip


async def test_the_ports_of_a_stopped_container_are_for_its_next_start(bench: Bench) -> None:
    live = await bench.create()
    await update.update(bench.room, live, {"PortBindings": {"80/tcp": None}})
    assert bench.networks.published == []
    assert live.container.host_config["PortBindings"] == {"80/tcp": None}


@pytest.mark.parametrize(
    ("before", "given", "words"),
    [
        ({"CpuPeriod": 1000}, {"NanoCpus": 10**9}, "Nano CPUs cannot be updated as CPU Period has already been set"),
        ({"CpuQuota": 1000}, {"NanoCpus": 10**9}, "Nano CPUs cannot be updated as CPU Quota has already been set"),
        (
            {"Memory": 64 << 20, "MemorySwap": 128 << 20},
            {"Memory": 256 << 20},
            "Memory limit should be smaller than already set memoryswap limit",
        ),
        ({}, {"RestartPolicy": {"Name": "foo"}}, "invalid restart policy"),
    ],
)
async def test_limits_that_contradict_what_is_set(bench: Bench, before: dict, given: dict, words: str) -> None:
    """In dockerd's words, and nothing is changed."""
    live = await bench.create(HostConfig={"NetworkMode": "none"} | before)
    kept = copy.deepcopy(live.container.host_config)
    with pytest.raises(InvalidArgument) as caught:
        await update.update(bench.room, live, given)
    assert words in str(caught.value)
    assert live.container.host_config == kept


async def test_what_is_not_given_stays(bench: Bench) -> None:
    """Zeros of a client's JSON are not given either."""
    live = await bench.create(HostConfig={"NetworkMode": "none", "CpuShares": 7, "Memory": 64 << 20})
    await update.update(bench.room, live, {"CpuShares": 0, "Memory": 0, "BlkioWeight": 20, "RestartPolicy": {}})
    host_config = live.container.host_config
    assert (host_config["CpuShares"], host_config["Memory"], host_config["BlkioWeight"]) == (7, 64 << 20, 20)
    assert host_config["RestartPolicy"]["Name"] == "no"


async def test_what_cannot_be_updated_is_not(bench: Bench) -> None:
    """Only resources and the policy."""
    live = await bench.create()
    await update.update(bench.room, live, {"Privileged": True, "CapAdd": ["ALL"], "CpuShares": 5})
    assert live.container.host_config["Privileged"] is False
    assert live.container.host_config["CapAdd"] is None


async def test_a_stopped_containers_limits_are_for_its_next_start(bench: Bench) -> None:
    """Nobody else is asked."""
    live = await bench.create()
    await update.update(bench.room, live, {"CpuShares": 5})
    assert not [call for call in bench.tasks.calls if call[0] == "update"]
    assert bench.actions[-1] == "update"


async def test_a_container_on_its_way_out_is_not_updated(bench: Bench) -> None:
    """409."""
    live = await bench.create()
    live.container.state.status = "removing"
    with pytest.raises(Conflict, match="marked for removal"):
        await update.update(bench.room, live, {"CpuShares": 5})


async def test_what_no_update_changes_is_warned_of(bench: Bench) -> None:
    """Unless it is what it is already."""
    live = await bench.create()
    live.container.host_config["CgroupParent"] = "/here"
    body = {"CgroupParent": "/here", "Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 1}], "OomKillDisable": False}
    assert await update.update(bench.room, live, body) == [
        "HostConfig.Ulimits cannot be changed by an update: it stays as it is"
    ]
    assert live.container.host_config["Ulimits"] is None
