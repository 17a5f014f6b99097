"""What a request to make a network says in words (refusals in full: test_definitions)."""

import pytest

from engine.networks import options
from proto.errdefs import Fault, InvalidArgument, Unimplemented


def test_both_families_have_a_mode_of_their_own() -> None:
    said = {"com.docker.network.bridge.gateway_mode_ipv6": "routed"}
    assert options.gateway_modes(said, internal=False) == {4: "nat", 6: "routed"}


def test_the_families_are_those_of_the_request_or_of_the_options() -> None:
    said = {"com.docker.network.enable_ipv6": "true", "com.docker.network.enable_ipv4": "0", "x": "y"}
    assert options.versions({}, said) == [6]
    assert said == {"x": "y"}, "what was understood is no option of the bridge"
    assert options.versions({"EnableIPv6": False}, {"com.docker.network.enable_ipv6": "true"}) == [4]
    assert options.versions({}, {}) == [4]


@pytest.mark.parametrize(
    ("said", "words"), [({"com.docker.network.enable_ipv4": "no"}, "is not a valid bool"),
                        ({"com.docker.network.enable_ipv4": "false"}, "IPv4 or IPv6 must be enabled")],
)  # fmt: skip
def test_a_network_has_at_least_one_family(said: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        options.versions({}, said)


def test_an_option_that_is_not_known_is_refused_by_its_name() -> None:
    options.check_known({options.PIN: "true"})
    with pytest.raises(Unimplemented, match="option y is"):
        options.check_known({"y": "z"})


@pytest.mark.parametrize("text", ["x", "67", "65536", "-1"])
def test_an_mtu_is_a_number_that_a_link_can_have(text: str) -> None:
    with pytest.raises(Fault, match="mtu"):
        options.number({options.MTU: text}, options.MTU, 1500)
    assert options.number({}, options.MTU, 1400) == 1400
