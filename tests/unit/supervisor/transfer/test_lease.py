from pathlib import Path

import pytest

from supervisor.core.labels import GC_EXPIRE
from supervisor.core.leases import Lease, current_lease
from supervisor.transfer.lease import leased
from tests.fakes.supervisor_transfer import open_stores


def test_a_lease_is_held_and_given_back_also_after_a_failure(tmp_path: Path) -> None:
    with open_stores(tmp_path) as stores:

        def failing() -> None:
            with leased(stores.leases, "ns"):
                (lease,) = stores.leases.list("ns")
                assert current_lease.get() == lease.id
                assert GC_EXPIRE in lease.labels
                raise KeyError

        with pytest.raises(KeyError):
            failing()
        assert stores.leases.list("ns") == []
        assert current_lease.get() == ""


def test_the_callers_own_lease_is_used_and_left(tmp_path: Path) -> None:
    with open_stores(tmp_path) as stores:
        stores.leases.create("ns", Lease("mine"))
        token = current_lease.set("mine")
        try:
            with leased(stores.leases, "ns"):
                assert [one.id for one in stores.leases.list("ns")] == ["mine"]
        finally:
            current_lease.reset(token)
        assert [one.id for one in stores.leases.list("ns")] == ["mine"]


def test_a_lease_that_somebody_deleted_is_no_failure(tmp_path: Path) -> None:
    with open_stores(tmp_path) as stores, leased(stores.leases, "ns"):
        stores.leases.delete("ns", current_lease.get())
