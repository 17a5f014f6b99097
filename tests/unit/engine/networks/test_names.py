"""A container's endpoint is found by what people call the container."""

from engine.networks import names
from tests.fakes.engine_networks import bridge_network, endpoint

ONE, TWO = (endpoint(number, bridge_network()) for number in (1, 2))


def found(text: str) -> object:
    return names.find([ONE, TWO], text, {"c1": "db", "c2": "c1"}.__getitem__)


def test_a_name_comes_before_an_id() -> None:
    assert (found("db"), found("c1"), found("c2"), found("c")) == (ONE, TWO, TWO, ONE)
    assert found("") is found("nobody") is None
