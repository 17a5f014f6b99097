"""What the packet filter says for a bridge."""

import ipaddress

from engine.networks import nftables as nft
from engine.networks.firewall import CHAINS, Firewall, Plan, Published, rules, rules_for_others

NETWORK = ipaddress.IPv4Network("10.9.0.0/24")
PORT = Published("tcp", ipaddress.IPv4Address(0), 8080, ipaddress.IPv4Address("10.9.0.2"), 80)


def of_chain(plan: Plan, chain: str) -> list[tuple[bytes, ...]]:
    return [rule.expressions for rule in rules(plan) if rule.chain == chain]


def verdict_of(expressions: tuple[bytes, ...]) -> bytes:
    return expressions[-1]


def test_packets_leave_under_the_hosts_address() -> None:
    (rule,) = of_chain(Plan("br0", NETWORK), "postrouting")
    assert rule[-1] == nft.masquerade()[0]
    assert of_chain(Plan("br0", NETWORK, masquerade=False), "postrouting") == []


def test_what_comes_in_unasked_is_dropped() -> None:
    forward = of_chain(Plan("br0", NETWORK), "forward")
    assert forward[-1] == (*nft.output_interface("br0"), *nft.verdict(nft.DROP))
    assert [verdict_of(rule) == nft.verdict(nft.ACCEPT)[0] for rule in forward] == [True, True, True, False]


def test_an_internal_network_lets_nothing_out() -> None:
    plan = Plan("br0", NETWORK, internal=True)
    assert of_chain(plan, "postrouting") == []
    inside, out, into = of_chain(plan, "forward")
    assert verdict_of(inside) == nft.verdict(nft.ACCEPT)[0]
    assert verdict_of(out) == verdict_of(into) == nft.verdict(nft.DROP)[0]


def test_without_icc_containers_do_not_reach_each_other() -> None:
    first = of_chain(Plan("br0", NETWORK, icc=False), "forward")[0]
    assert first == (*nft.input_interface("br0"), *nft.output_interface("br0"), *nft.verdict(nft.DROP))


def test_a_published_port_leads_to_the_container_from_outside_and_from_the_host() -> None:
    plan = Plan("br0", NETWORK, published=(PORT,))
    (outside,) = of_chain(plan, "prerouting")
    (host,) = of_chain(plan, "output")
    assert outside[-len(host) :] == host
    assert outside[-3:] == nft.dnat(PORT.address.packed, 80)
    assert len(of_chain(plan, "postrouting")) == 3
    assert of_chain(plan, "forward")[0] == (
        *nft.output_interface("br0"),
        *nft.connection_status(nft.CT_DNAT),
        *nft.verdict(nft.ACCEPT),
    )


def test_a_port_on_one_address_of_the_host_is_only_there() -> None:
    address = ipaddress.IPv4Address("192.0.2.1")
    plan = Plan("br0", NETWORK, published=(Published("udp", address, 53, PORT.address, 53),))
    (rule,) = of_chain(plan, "prerouting")
    assert nft.compare(address.packed) in rule


def test_a_port_on_the_loopback_is_for_the_hosts_own_connections_alone() -> None:
    address = ipaddress.IPv4Address("127.0.0.1")
    plan = Plan("br0", NETWORK, published=(Published("tcp", address, 53, PORT.address, 53),))
    assert of_chain(plan, "prerouting") == []
    assert len(of_chain(plan, "output")) == 1


def test_the_bridge_cannot_reach_the_hosts_loopback() -> None:
    (rule,) = of_chain(Plan("br0", NETWORK), "local")
    assert verdict_of(rule) == nft.verdict(nft.DROP)[0]


def test_docker_is_told_in_rules_that_it_can_read() -> None:
    for rule in rules_for_others(Plan("br0", NETWORK), "DOCKER-USER"):
        assert rule.comment == "wherry_br0"
        assert rule.expressions[-2:] == (*nft.counter(), *nft.verdict(nft.ACCEPT))


def test_every_rule_is_in_a_chain_that_is_made() -> None:
    made = {chain.name for chain in CHAINS}
    assert {rule.chain for rule in rules(Plan("br0", NETWORK, published=(PORT,)))} <= made


def test_a_routed_network_translates_nothing_and_opens_the_containers_own_address() -> None:
    plan = Plan("br0", NETWORK, published=(PORT,), routed=True)
    assert of_chain(plan, "postrouting") == of_chain(plan, "prerouting") == of_chain(plan, "output") == []
    opened, ping, *_ = of_chain(plan, "forward")
    assert nft.compare(PORT.address.packed) in opened
    assert nft.compare(bytes([1])) in ping


class FakeNftables:
    """A filter with chains of others in it, by name with their policies."""

    def __init__(self, chains: dict[str, int]) -> None:
        self.chains = chains
        self.handles: list[tuple[int, str]] = []
        self.batches: list[list[nft.Message]] = []

    def apply(self, batch: list[nft.Message]) -> None:
        self.batches.append(batch)

    def policy(self, table: str, chain: str, family: int) -> int | None:
        return self.chains.get(chain)

    def rules(self, table: str, chain: str, family: int) -> list[tuple[int, str]]:
        return self.handles

    def close(self) -> None:
        pass


def firewall(**chains: int) -> tuple[Firewall, FakeNftables]:
    made = Firewall.__new__(Firewall)
    fake = FakeNftables({name.replace("_", "-"): policy for name, policy in chains.items()})
    made._nftables = fake  # type: ignore[assignment]
    return made, fake


def test_docker_is_told_once() -> None:
    made, fake = firewall(DOCKER_USER=nft.ACCEPT, FORWARD=nft.DROP)
    made.apply(Plan("br0", NETWORK))
    assert len(fake.batches) == 2
    fake.handles = [(4, "wherry_br0"), (5, "wherry_br0"), (6, "other")]
    made.apply(Plan("br0", NETWORK))
    assert len(fake.batches) == 3
    made.remove("br0", nft.FAMILY_IPV4)
    assert len(fake.batches[-1]) == 2


def test_a_forward_chain_that_drops_is_told_where_there_is_no_docker() -> None:
    made, fake = firewall(FORWARD=nft.DROP)
    made.apply(Plan("br0", NETWORK))
    wanted = rules_for_others(Plan("br0", NETWORK), "FORWARD")
    assert fake.batches[1] == [nft.insert_rule("filter", rule) for rule in reversed(wanted)]


def test_who_lets_packets_through_need_not_be_told() -> None:
    for chains in ({}, {"FORWARD": nft.ACCEPT}):
        made, fake = firewall(**chains)
        made.apply(Plan("br0", NETWORK))
        assert len(fake.batches) == 1


def test_ipv6_has_a_table_of_its_own() -> None:
    network = ipaddress.IPv6Network("fd00::/64")
    port = Published("tcp", ipaddress.IPv6Address("::"), 8080, network[2], 80)
    plan = Plan("br0", network, published=(port,))
    assert plan.family == nft.FAMILY_IPV6
    assert of_chain(plan, "local") == []
    (rule,) = of_chain(plan, "prerouting")
    assert rule[-3:] == nft.dnat(network[2].packed, 80)
    made, fake = firewall()
    made.apply(plan)
    assert fake.batches == [nft.replace_table("wherry_br0", CHAINS, rules(plan), nft.FAMILY_IPV6)]
