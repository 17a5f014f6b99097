"""The caller's lease."""

import asyncio

from supervisor.core.leases import current_lease
from supervisor.metadata.leases import LeaseTable
from tests.contract.protocols import assert_implements


async def test_the_lease_follows_the_call_into_a_thread() -> None:
    """And does not leak into other calls."""

    async def call(name: str) -> str:
        current_lease.set(name)
        await asyncio.sleep(0)
        return await asyncio.to_thread(current_lease.get)

    assert await asyncio.gather(call("one"), call("two")) == ["one", "two"]
    assert current_lease.get() == ""


def test_the_table_is_a_lease_store() -> None:
    """Every method, with the same parameters."""
    from supervisor.core.leases import LeaseStore

    assert_implements(LeaseTable, LeaseStore)
