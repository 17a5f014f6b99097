"""Network documents."""

from engine.api.render import network as render
from engine.networks.model import Network, Port, Sandbox
from tests.fakes.engine_networks import bridge_network, endpoint

BRIDGE = bridge_network()
MINE = bridge_network("mine", "10.8.0.0/24", internal=True)
NETWORKS = {one.id: one for one in (BRIDGE, MINE)}
SANDBOX = Sandbox("c1", "/run/netns/c1", {})


def test_a_running_container_shows_its_address_twice_as_docker_does() -> None:
    one = endpoint(1, BRIDGE, ports=(Port(80, "tcp", "0.0.0.0", 8080),))
    document = render.settings("c1", {"NetworkMode": "default"}, {}, SANDBOX, [one], NETWORKS)
    assert document["IPAddress"] == document["Networks"]["bridge"]["IPAddress"] == "10.9.0.2"
    assert document["Networks"]["bridge"]["Gateway"] == "10.9.0.1"
    assert document["Ports"] == {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}
    assert document["SandboxKey"] == "/run/netns/c1"


def test_a_stopped_container_shows_its_networks_without_addresses() -> None:
    document = render.settings("c1", {"NetworkMode": "default"}, {}, None, [], NETWORKS)
    entry = document["Networks"]["bridge"]
    assert (entry["IPAddress"], entry["NetworkID"], document["Ports"]) == ("", BRIDGE.id, {})


def test_on_ones_own_network_the_old_fields_are_empty() -> None:
    asked = {"mine": {"Aliases": ["db"], "IPAMConfig": {"IPv4Address": "10.8.0.2"}}}
    document = render.settings("c1", {"NetworkMode": "mine"}, asked, SANDBOX, [endpoint(1, MINE)], NETWORKS)
    entry = document["Networks"]["mine"]
    assert document["IPAddress"] == ""
    assert (entry["IPAddress"], entry["Gateway"], entry["Aliases"]) == ("10.8.0.2", "", ["db"])
    assert entry["IPAMConfig"] == {"IPv4Address": "10.8.0.2"}


def test_the_hosts_network_has_dockers_default_key() -> None:
    host = Network("h" * 64, "host", "host", "2024-01-01T00:00:00Z")
    document = render.settings("c1", {"NetworkMode": "host"}, {}, Sandbox("c1", "host", {}), [], {host.id: host})
    assert document["SandboxKey"] == "/var/run/docker/netns/default"
    assert document["Networks"]["host"]["NetworkID"] == host.id


def test_a_container_in_anothers_namespace_has_no_networks() -> None:
    document = render.settings("c1", {"NetworkMode": "container:x"}, {}, SANDBOX, [], NETWORKS)
    assert document["Networks"] == {}


def test_a_network_shows_its_subnet_and_its_containers() -> None:
    document = render.network(BRIDGE, endpoints=[endpoint(1, BRIDGE)], name_of=lambda one: f"name-of-{one}")
    assert document["IPAM"]["Config"] == [{"Subnet": "10.9.0.0/24", "Gateway": "10.9.0.1"}]
    assert document["Containers"] == {
        "c1": {
            "Name": "name-of-c1",
            "EndpointID": "e1",
            "MacAddress": "02:42:0a:09:00:02",
            "IPv4Address": "10.9.0.2/24",
            "IPv6Address": "",
        }
    }


def test_ranges_and_reserved_addresses_are_shown_where_there_are_some() -> None:
    one = bridge_network("mine", ip_range="10.9.0.128/25", reserved={"printer": "10.9.0.3"}, ipam_given=True)
    (config,) = render.network(one, endpoints=None, name_of=str)["IPAM"]["Config"]
    assert (config["IPRange"], config["AuxiliaryAddresses"]) == ("10.9.0.128/25", {"printer": "10.9.0.3"})
    none = Network("n" * 64, "none", "null", "2024-01-01T00:00:00Z")
    assert render.network(none, endpoints=None, name_of=str)["IPAM"]["Config"] is None


def test_ipam_options_are_shown_as_they_came() -> None:
    plain = Network("1" * 64, "n", "bridge", "2024-01-01T00:00:00Z", ipam_options=True, ipam_option_values={"a": "b"})
    assert render.network(plain, endpoints=None, name_of=str)["IPAM"]["Options"] == {"a": "b"}
    silent = Network("1" * 64, "n", "bridge", "2024-01-01T00:00:00Z")
    assert render.network(silent, endpoints=None, name_of=str)["IPAM"]["Options"] is None
