import threading

import pytest

from supervisor.content.threads import in_thread
from supervisor.core.leases import current_lease


async def test_work_runs_elsewhere_under_the_callers_lease() -> None:
    current_lease.set("mine")
    thread, lease = await in_thread(lambda: (threading.get_ident(), current_lease.get()))
    assert thread != threading.get_ident()
    assert lease == "mine"


async def test_a_failure_comes_back() -> None:
    with pytest.raises(KeyError):
        await in_thread({}.__getitem__, "missing")
