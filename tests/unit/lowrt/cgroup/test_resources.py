"""OCI resources and the values they become."""

from typing import Any

import pytest

from lowrt.cgroup import resources
from lowrt.cgroup.files import CgroupError
from lowrt.cgroup.resources import shares_to_weight, swap_to_v2, v1_memory, v1_writes, v2_unified, v2_writes

MIB = 1 << 20


def v1(document: dict[str, object]) -> dict[str, list[str]]:
    """Controller → writes, without the empty ones."""
    return {name: [str(w) for w in writes] for name, writes in v1_writes(document).items() if writes}


def v2(document: dict[str, object]) -> list[str]:
    return [str(write) for write in v2_writes(document)]


def test_no_resources_write_nothing() -> None:
    assert v1({}) == {}
    assert v2({}) == []


def test_v1_cpu() -> None:
    cpu = {"shares": 512, "quota": 50000, "period": 100000, "burst": 0, "idle": 1, "cpus": "0-1", "mems": "0"}
    assert v1({"cpu": cpu}) == {
        "cpuset": ["cpuset.cpus=0-1", "cpuset.mems=0"],
        "cpu": [
            "cpu.shares=512",
            "cpu.cfs_period_us=100000",
            "cpu.cfs_burst_us=0",
            "cpu.cfs_quota_us=50000",
            "cpu.idle=1",
        ],
    }


def test_v1_period_may_wait_for_the_quota_only_if_there_is_one() -> None:
    assert v1_writes({"cpu": {"period": 1000, "quota": 1000}})["cpu"][0].later
    assert not v1_writes({"cpu": {"period": 1000}})["cpu"][0].later


def test_v1_realtime_comes_period_first() -> None:
    cpu = {"realtimePeriod": 1000000, "realtimeRuntime": 950000}
    assert [str(w) for w in resources.v1_realtime(cpu)] == ["cpu.rt_period_us=1000000", "cpu.rt_runtime_us=950000"]


@pytest.mark.parametrize(
    ("memory", "current", "expected"),
    [
        ({"limit": 64 * MIB}, 0, ["memory.limit_in_bytes=67108864"]),
        (
            {"limit": 64 * MIB, "swap": 128 * MIB},
            (1 << 63) - 1,
            ["memory.limit_in_bytes=67108864", "memory.memsw.limit_in_bytes=134217728"],
        ),
        (
            {"limit": 64 * MIB, "swap": 128 * MIB},
            32 * MIB,
            ["memory.memsw.limit_in_bytes=134217728", "memory.limit_in_bytes=67108864"],
        ),
        ({"limit": -1}, 0, ["memory.memsw.limit_in_bytes=-1", "memory.limit_in_bytes=-1"]),
        ({"swap": 5}, 0, ["memory.memsw.limit_in_bytes=5"]),
        ({"reservation": 7, "swappiness": 0}, 0, ["memory.soft_limit_in_bytes=7", "memory.swappiness=0"]),
        ({"disableOOMKiller": True}, 0, ["memory.oom_control=1"]),
        ({"swappiness": (1 << 64) - 1}, 0, []),
        ({"kernel": 5, "kernelTCP": 6}, 0, []),
    ],
)
def test_v1_memory_is_written_in_the_order_the_kernel_takes(
    memory: dict[str, object], current: int, expected: list[str]
) -> None:
    assert [str(w) for w in v1_memory(memory, current, has_swap=True)] == expected


def test_v1_unlimited_memory_leaves_swap_alone_where_the_kernel_does_not_count_it() -> None:
    assert [str(w) for w in v1_memory({"limit": -1}, 0, has_swap=False)] == ["memory.limit_in_bytes=-1"]


def test_v1_swappiness_has_a_range() -> None:
    with pytest.raises(CgroupError, match=r"invalid memory swappiness value: 101 \(valid range is 0-100\)"):
        v1_memory({"swappiness": 101}, 0, has_swap=True)


@pytest.mark.parametrize(("limit", "value"), [(5, "pids.max=5"), (-1, "pids.max=max")])
def test_pids(limit: int, value: str) -> None:
    assert v1({"pids": {"limit": limit}}) == {"pids": [value]}
    assert v2({"pids": {"limit": limit}}) == [value]


def test_a_pids_limit_of_zero_is_unset() -> None:
    assert v2({"pids": {"limit": 0}}) == []


BLOCK = {
    "weight": 500,
    "leafWeight": 10,
    "weightDevice": [{"major": 8, "minor": 0, "weight": 300, "leafWeight": 20}],
    "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1}],
    "throttleWriteBpsDevice": [{"major": 8, "minor": 0, "rate": 2}],
    "throttleReadIOPSDevice": [{"major": 8, "minor": 16, "rate": 3}],
    "throttleWriteIOPSDevice": [{"major": 8, "minor": 16, "rate": 4}],
}


def test_v1_block_io() -> None:
    assert v1({"blockIO": BLOCK}) == {
        "blkio": [
            "blkio.weight=500",
            "blkio.leaf_weight=10",
            "blkio.weight_device=8:0 300",
            "blkio.leaf_weight_device=8:0 20",
            "blkio.throttle.read_bps_device=8:0 1",
            "blkio.throttle.write_bps_device=8:0 2",
            "blkio.throttle.read_iops_device=8:16 3",
            "blkio.throttle.write_iops_device=8:16 4",
        ]
    }


def test_v2_block_io_is_io_max_and_a_converted_weight() -> None:
    writes = v2_writes({"blockIO": BLOCK})
    assert [str(w) for w in writes] == [
        "io.bfq.weight=500",
        "io.bfq.weight=8:0 300",
        "io.max=8:0 rbps=1",
        "io.max=8:0 wbps=2",
        "io.max=8:16 riops=3",
        "io.max=8:16 wiops=4",
    ]
    assert writes[0].otherwise == ("io.weight", "4950")


@pytest.mark.parametrize(("weight", "converted"), [(10, "1"), (1000, "10000"), (100, "910")])
def test_block_io_weights_stretch_to_v2s_range(weight: int, converted: str) -> None:
    write = v2_writes({"blockIO": {"weight": weight}})[0]
    assert write.otherwise == ("io.weight", converted)


@pytest.mark.parametrize(
    ("shares", "weight"),
    [(0, 0), (2, 1), (1, 1), (1024, 100), (262144, 10000), (300000, 10000), (512, 59), (2048, 174)],
)
def test_cpu_shares_become_weights_on_the_curve(shares: int, weight: int) -> None:
    assert shares_to_weight(shares) == weight


@pytest.mark.parametrize(
    ("cpu", "expected"),
    [
        ({"quota": 50000, "period": 100000}, ["cpu.max=50000 100000"]),
        ({"quota": 50000}, ["cpu.max=50000 100000"]),
        ({"period": 20000}, ["cpu.max=max 20000"]),
        ({"quota": -1}, ["cpu.max=max 100000"]),
        ({"idle": 1, "shares": 1024}, ["cpu.idle=1", "cpu.weight=100"]),
        ({"burst": 10, "quota": 20}, ["cpu.max.burst=10", "cpu.max=20 100000"]),
    ],
)
def test_v2_cpu(cpu: dict[str, object], expected: list[str]) -> None:
    assert v2({"cpu": cpu}) == expected


@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        ({"limit": 64 * MIB}, ["memory.max=67108864"]),
        ({"limit": 64 * MIB, "swap": 96 * MIB}, ["memory.swap.max=33554432", "memory.max=67108864"]),
        ({"limit": 64 * MIB, "swap": 64 * MIB}, ["memory.swap.max=0", "memory.max=67108864"]),
        ({"limit": 64 * MIB, "swap": -1}, ["memory.swap.max=max", "memory.max=67108864"]),
        ({"limit": -1}, ["memory.swap.max=max", "memory.max=max"]),
        ({"reservation": 5}, ["memory.low=5"]),
    ],
)
def test_v2_memory(memory: dict[str, object], expected: list[str]) -> None:
    assert v2({"memory": memory}) == expected


@pytest.mark.parametrize(
    ("swap", "limit", "words"),
    [
        (5, 0, "unable to set swap limit without memory limit"),
        (5, 6, "memory+swap limit should be >= memory limit"),
        (5, -2, "invalid memory value: -2"),
    ],
)
def test_swap_that_cannot_be_is_refused(swap: int, limit: int, words: str) -> None:
    with pytest.raises(CgroupError) as caught:
        swap_to_v2(swap, limit)
    assert str(caught.value) == words


def test_hugepages_rdma_and_network() -> None:
    document: dict[str, object] = {
        "hugepageLimits": [{"pageSize": "2MB", "limit": 9}],
        "rdma": {"mlx5_0": {"hcaHandles": 3, "hcaObjects": 0}},
        "network": {"classID": 7, "priorities": [{"name": "lo", "priority": 2}]},
    }
    assert v1(document) == {
        "hugetlb": ["hugetlb.2MB.limit_in_bytes=9", "hugetlb.2MB.rsvd.limit_in_bytes=9"],
        "net_cls": ["net_cls.classid=7"],
        "net_prio": ["net_prio.ifpriomap=lo 2"],
        "rdma": ["rdma.max=mlx5_0 hca_handle=3 hca_object=0"],
    }
    assert v2(document) == ["hugetlb.2MB.max=9", "hugetlb.2MB.rsvd.max=9", "rdma.max=mlx5_0 hca_handle=3 hca_object=0"]


def test_unified_is_written_line_by_line_and_only_into_files_of_the_cgroup() -> None:
    writes = v2_unified({"unified": {"io.max": "8:0 rbps=1\n8:16 wbps=2\n", "memory.high": "5"}})
    assert [str(w) for w in writes] == ["io.max=8:0 rbps=1", "io.max=8:16 wbps=2", "memory.high=5"]
    with pytest.raises(CgroupError, match="must be a file name"):
        v2_unified({"unified": {"../memory.max": "1"}})
    with pytest.raises(CgroupError, match=r"must be in the form CONTROLLER.PARAMETER"):
        v2_unified({"unified": {"memory": "1"}})
    with pytest.raises(CgroupError):
        v2_unified({"unified": {"..": "1"}})


def test_what_needs_a_domain_controller_is_known() -> None:
    assert resources.needs_domain({"memory": {"limit": 1}})
    assert resources.needs_domain({"cpu": {"idle": 0}})
    assert not resources.needs_domain({"cpu": {"cpus": "0"}, "pids": {"limit": 1}})


def test_what_v2_cannot_do_is_listed() -> None:
    document: dict[str, object] = {
        "memory": {"swappiness": 1, "disableOOMKiller": True},
        "network": {"classID": 1},
        "cpu": {"realtimeRuntime": 5},
    }
    expected = ["memory.swappiness", "memory.disableOOMKiller", "network.classID", "cpu.realtimeRuntime"]
    assert resources.ignored_on_v2(document) == expected


def test_an_update_on_v2_is_completed_by_what_is_set() -> None:
    def completed(wanted: dict[str, Any], limit: int | None = 64, swap: int | None = 32) -> dict[str, Any]:
        return resources.completed(wanted, 20000, 50000, limit, swap)

    assert completed({"cpu": {"quota": 1}})["cpu"] == {"quota": 1, "period": 50000}
    assert completed({"cpu": {"period": 1, "shares": 2}})["cpu"] == {"quota": 20000, "period": 1, "shares": 2}
    assert completed({"memory": {"limit": 48}})["memory"] == {"limit": 48, "swap": 96}
    assert completed({"memory": {"swap": 128}})["memory"] == {"limit": 64, "swap": 128}
    assert completed({"memory": {"limit": 48}}, swap=None)["memory"] == {"limit": 48}
    for whole in (
        {"cpu": {"quota": 1, "period": 2}, "memory": {"limit": 1, "swap": 2}},
        {"memory": {"limit": -1}, "pids": {"limit": 3}},
        {"memory": {"swap": -1}},
        {},
    ):
        assert completed(whole) == whole
