"""Limits."""

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
