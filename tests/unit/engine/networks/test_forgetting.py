"""Connections are forgotten beside all else, together, and before anybody gets their address."""

import ipaddress
import threading
from collections.abc import Sequence

import pytest

from engine.networks.conntrack import Gone
from engine.networks.forgetting import Forgetting

ONE, TWO, THREE = (Gone(ipaddress.ip_address(f"10.9.0.{number}")) for number in (1, 2, 3))


class Slow:
    """A kernel that takes until it is let go on."""

    def __init__(self) -> None:
        self.done: list[list[Gone]] = []
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.refuse: OSError | None = None

    def __call__(self, wanted: Sequence[Gone]) -> None:
        self.begun.set()
        assert self.go_on.wait(30)
        self.done.append(list(wanted))
        if self.refuse is not None:
            raise self.refuse


def test_what_comes_meanwhile_is_done_together() -> None:
    slow = Slow()
    forgetting = Forgetting(slow)
    forgetting.add([])
    forgetting.add([ONE])
    assert slow.begun.wait(30)
    forgetting.add([TWO])
    forgetting.add([THREE])
    pending = [forgetting.is_pending(one.address) for one in (ONE, TWO, THREE) if one.address is not None]
    assert pending == [True, True, True]
    slow.go_on.set()
    forgetting.settle()
    assert slow.done == [[ONE], [TWO, THREE]]
    assert not forgetting.is_pending(ipaddress.ip_address("10.9.0.1"))
    forgetting.add([ONE])
    forgetting.close()
    assert slow.done == [[ONE], [TWO, THREE], [ONE]], "what was asked for is done before the end"


def test_a_kernel_that_refuses_is_told_of_and_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    slow = Slow()
    slow.refuse = OSError(1, "no")
    slow.go_on.set()
    forgetting = Forgetting(slow)
    forgetting.add([ONE])
    forgetting.settle()
    forgetting.close()
    assert "could not be forgotten" in caplog.text
