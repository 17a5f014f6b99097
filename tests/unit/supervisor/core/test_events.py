"""Events as a Protocol."""

from supervisor.core.events import Envelope, EventExchange
from supervisor.core.typed import TypedValue
from supervisor.events.exchange import Exchange
from tests.contract.protocols import assert_implements


def test_the_exchange_keeps_its_promises() -> None:
    """Every method, with the same parameters."""
    assert_implements(Exchange, EventExchange)


def test_an_envelope_can_be_compared() -> None:
    """By what it carries."""
    assert Envelope(1, "ns", "/t", TypedValue("x")) == Envelope(1, "ns", "/t", TypedValue("x"))
