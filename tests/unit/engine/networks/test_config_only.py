"""What a configuration network may say, and what one that is made from it (networks of both: test_definitions)."""

import pytest

from engine.networks import config_only
from proto.errdefs import InvalidArgument, NotFound, PermissionDenied
from tests.fakes.engine_networks import bridge_network

FROM = {"Name": "one", "ConfigFrom": {"Network": "plan"}}


@pytest.mark.parametrize("field", [{"Internal": True}, {"Attachable": True}, {"Ingress": True}, {"Scope": "local"}])
def test_a_configuration_says_nothing_of_operation(field: dict[str, object]) -> None:
    with pytest.raises(PermissionDenied, match="configuration network can only contain network specific fields"):
        config_only.check({"Name": "plan", "ConfigOnly": True, **field})


def test_a_configuration_depends_on_no_other_and_its_addresses_are_checked() -> None:
    with pytest.raises(PermissionDenied, match="cannot depend on another configuration network"):
        config_only.check({"ConfigOnly": True, **FROM})
    with pytest.raises(InvalidArgument, match="it should be 10.0.0.0/24"):
        config_only.check({"ConfigOnly": True, "IPAM": {"Config": [{"Subnet": "10.0.0.1/24"}]}})


@pytest.mark.parametrize(
    "field",
    [
        {"EnableIPv4": False},
        {"EnableIPv6": True},
        {"Labels": {"a": "b"}},
        {"IPAM": {"Config": [{"Subnet": "10.0.0.0/24"}]}},
        {"IPAM": {"Options": {"a": "b"}}},
        {"IPAM": {"Driver": "other"}},
    ],
)
def test_who_takes_a_configuration_says_nothing_of_it(field: dict[str, object]) -> None:
    with pytest.raises(PermissionDenied, match="user specified configurations are not supported if the network"):
        config_only.check({**FROM, **field})


def test_who_takes_a_configuration_has_no_options_but_may_say_the_rest() -> None:
    with pytest.raises(PermissionDenied, match="network driver options are not supported if the network depends on"):
        config_only.check({**FROM, "Options": {"a": "b"}})
    ipam = {"Driver": "default", "Options": {}, "Config": []}
    config_only.check({**FROM, "Internal": True, "EnableIPv4": True, "EnableIPv6": False, "IPAM": ipam})


def test_what_a_configuration_says_is_filled_in() -> None:
    body = {"Name": "plan", "ConfigOnly": True, "Labels": {"a": "b"}, "EnableIPv6": None, "CheckDuplicate": True}
    plan = bridge_network("plan", config_only=True, template=config_only.template(body))
    assert plan.template == {"Labels": {"a": "b"}}
    assert config_only.completed({**FROM, "Labels": {}}, plan) == {**FROM, "Labels": {"a": "b"}}
    assert config_only.completed({"Name": "x"}, None) == {"Name": "x"}
    for source in (None, bridge_network("plan")):
        with pytest.raises(NotFound, match='configuration network "plan" does not exist'):
            config_only.completed(FROM, source)
