"""The structs of a container's request: dockerd's words where a member has the wrong type."""

from typing import Any

import pytest

from engine.containers import fields, shapes
from engine.gojson import Place
from proto.errdefs import InvalidArgument


def words_of(table: dict[str, fields.Field], document: dict[str, Any], owner: str, under: str = "") -> str:
    """Why a document is refused."""
    with pytest.raises(InvalidArgument) as caught:
        fields.complete(table, document, owner, under)
    return str(caught.value).removeprefix("invalid JSON: json: cannot unmarshal ")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("Memory", "x", "string into Go struct field HostConfig.HostConfig.Memory of type int64"),
        ("Mounts", [{"Type": 1}], "number into Go struct field Mount.HostConfig.Mounts.Type of type mount.Type"),
        (
            "Mounts",
            [{"BindOptions": {"Propagation": 1}}],
            "number into Go struct field BindOptions.HostConfig.Mounts.BindOptions.Propagation of type "
            "mount.Propagation",
        ),
        (
            "PortBindings",
            {"80/tcp": [{"HostPort": 80}]},
            "number into Go struct field PortBinding.HostConfig.PortBindings.HostPort of type string",
        ),
        ("LogConfig", 1, "number into Go struct field HostConfig.HostConfig.LogConfig of type container.LogConfig"),
        ("Binds", [1], "number into Go struct field HostConfig.HostConfig.Binds of type string"),
    ],
)
def test_a_host_config_s_members_are_named_as_dockerd_names_them(name: str, value: Any, words: str) -> None:
    assert words_of(fields.HOST_CONFIG, {name: value}, "HostConfig", "HostConfig") == words


def test_a_health_check_s_times_are_numbers() -> None:
    assert words_of(fields.CONFIG, {"Healthcheck": {"Interval": "x"}}, "ContainerConfigWrapper") == (
        "string into Go struct field HealthConfig.Healthcheck.Interval of type time.Duration"
    )


def test_exposed_ports_are_a_set() -> None:
    assert words_of(fields.CONFIG, {"ExposedPorts": ["x"]}, "ContainerConfigWrapper") == (
        "array into Go struct field ContainerConfigWrapper.ExposedPorts of type nat.PortSet"
    )


def test_an_endpoint_s_addresses_are_named_with_their_way() -> None:
    document = {"EndpointsConfig": {"none": {"IPAMConfig": {"IPv4Address": 1}}}}
    with pytest.raises(InvalidArgument) as caught:
        shapes.NETWORKING.read(document, Place("ContainerConfigWrapper", ("NetworkingConfig",)))
    assert str(caught.value).endswith(
        "field EndpointIPAMConfig.NetworkingConfig.EndpointsConfig.IPAMConfig.IPv4Address of type string"
    )


def test_an_endpoint_of_which_nothing_is_said_stays() -> None:
    """A container is in that network all the same."""
    read = shapes.NETWORKING.read({"endpointsconfig": {"a": None, "b": {}}}, Place())
    assert read == {"EndpointsConfig": {"a": None, "b": {}}}
