"""Limits."""

import pytest

from engine.spec import resources
from tests.fakes.engine_room import host_config


def test_nothing_asked_nothing_set() -> None:
    assert resources.limits(host_config()) == {}


def test_cpus_become_a_quota() -> None:
    assert resources.cpu(host_config(NanoCpus=1_500_000_000)) == {"period": 100_000, "quota": 150_000}


def test_memory_swap_and_reservation() -> None:
    done = resources.memory(host_config(Memory=10, MemorySwap=20, MemoryReservation=5, MemorySwappiness=0))
    assert done == {"limit": 10, "reservation": 5, "swap": 20, "swappiness": 0}


def test_pids_may_be_unlimited() -> None:
    assert resources.limits(host_config(PidsLimit=-1)) == {"pids": {"limit": -1}}
    assert resources.limits(host_config(PidsLimit=9)) == {"pids": {"limit": 9}}


def test_block_devices_by_number() -> None:
    entry = {"Path": "/dev/sda", "Rate": 7, "Major": 8, "Minor": 0}
    done = resources.block_io(host_config(BlkioDeviceReadBps=[entry], BlkioWeight=100))
    assert done == {"weight": 100, "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 7}]}


def test_device_rules_come_along() -> None:
    assert resources.resources(host_config(), [{"allow": False}])["devices"] == [{"allow": False}]


def test_every_limit_has_its_place() -> None:
    """The names of the OCI spec."""
    done = resources.limits(
        host_config(
            CpuShares=512,
            CpuPeriod=50_000,
            CpuQuota=25_000,
            CpuRealtimePeriod=1_000_000,
            CpuRealtimeRuntime=950_000,
            CpusetCpus="0-1",
            CpusetMems="0",
            Memory=100 << 20,
            MemoryReservation=50 << 20,
            MemorySwap=-1,
            OomKillDisable=True,
            BlkioWeight=300,
        )
    )
    assert done == {
        "cpu": {
            "shares": 512,
            "period": 50_000,
            "quota": 25_000,
            "realtimePeriod": 1_000_000,
            "realtimeRuntime": 950_000,
            "cpus": "0-1",
            "mems": "0",
        },
        "memory": {
            "limit": 100 << 20,
            "reservation": 50 << 20,
            "swap": -1,
            "disableOOMKiller": True,
        },
        "blockIO": {"weight": 300},
    }


@pytest.mark.parametrize(("nano", "quota"), [(10_000_000, 1000), (500_000_000, 50_000), (333_333_333, 33_333)])
def test_cpus_are_rounded_down_to_the_kernels_microseconds(nano: int, quota: int) -> None:
    """--cpus=0.01 is the smallest there is."""
    assert resources.cpu(host_config(NanoCpus=nano))["quota"] == quota


def test_a_swappiness_of_minus_one_is_not_set_and_zero_is() -> None:
    """Old clients send -1 for "as it is"."""
    assert "swappiness" not in resources.memory(host_config(MemorySwappiness=-1))
    assert resources.memory(host_config(MemorySwappiness=0)) == {"swappiness": 0}


def test_throttles_by_direction_and_unit() -> None:
    """Four lists, each with its own name."""
    entry = [{"Path": "/dev/sda", "Major": 8, "Minor": 0, "Rate": 5}]
    done = resources.block_io(
        host_config(
            BlkioDeviceReadBps=entry,
            BlkioDeviceWriteBps=entry,
            BlkioDeviceReadIOps=entry,
            BlkioDeviceWriteIOps=entry,
            BlkioWeightDevice=[{"Path": "/dev/sda", "Major": 8, "Minor": 0, "Weight": 20}],
        )
    )
    assert set(done) == {
        "weightDevice",
        "throttleReadBpsDevice",
        "throttleWriteBpsDevice",
        "throttleReadIOPSDevice",
        "throttleWriteIOPSDevice",
    }
    assert done["throttleWriteIOPSDevice"] == [{"major": 8, "minor": 0, "rate": 5}]
    assert done["weightDevice"] == [{"major": 8, "minor": 0, "weight": 20}]


def test_limits_without_devices_can_be_updated() -> None:
    """`docker update` must not touch them."""
    assert "devices" not in resources.limits(host_config(Memory=1))
