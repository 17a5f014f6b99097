"""What the packet filter says for a bridge, and in its table as a whole."""

import ipaddress

from engine.networks import nftables as nft
from engine.networks import ruleset
from engine.networks.netlink import Message, attributes
from engine.networks.ruleset import CHAINS, Plan, Published, rules, rules_for_others

NETWORK, NETWORK6 = ipaddress.IPv4Network("10.9.0.0/24"), ipaddress.IPv6Network("fd00::/64")
PORT = Published("tcp", ipaddress.IPv4Address(0), 8080, ipaddress.IPv4Address("10.9.0.2"), 80)
ACCEPT, DROP = nft.verdict(nft.ACCEPT)[0], nft.verdict(nft.DROP)[0]


def of_chain(plan: Plan, chain: str) -> list[tuple[bytes, ...]]:
    return [rule.expressions for rule in rules(plan)[chain]]


def verdicts(plan: Plan, chain: str) -> list[bytes]:
    return [expressions[-1] for expressions in of_chain(plan, chain)]


def kinds(batch: list[Message]) -> list[int]:
    return [message.kind & 0xFF for message in batch]


def names(batch: list[Message], kind: int, place: int) -> list[str]:
    """What the messages of one kind are about."""
    found = [dict(attributes(one.payload[4:])) for one in batch if one.kind & 0xFF == kind]
    return [one[place].rstrip(b"\0").decode() for one in found]


def test_packets_leave_under_the_hosts_address() -> None:
    (rule,) = of_chain(Plan("br0", NETWORK), "leaving")
    assert rule[-1] == nft.masquerade()[0]
    assert of_chain(Plan("br0", NETWORK, masquerade=False), "leaving") == []


def test_what_comes_in_unasked_is_dropped() -> None:
    plan = Plan("br0", NETWORK)
    assert of_chain(plan, "from") == []
    assert verdicts(plan, "to") == [ACCEPT, ACCEPT, DROP]
    neighbours, answers, _ = of_chain(plan, "to")
    assert neighbours == (*nft.input_interface("br0"), *nft.verdict(nft.ACCEPT))
    assert answers[:3] == nft.connection_state(nft.CT_ESTABLISHED | nft.CT_RELATED)


def test_an_unprotected_networks_containers_are_there_for_everybody() -> None:
    assert verdicts(Plan("br0", NETWORK, unprotected=True), "to") == [ACCEPT, ACCEPT, ACCEPT]


def test_an_internal_network_lets_nothing_out() -> None:
    plan = Plan("br0", NETWORK, internal=True)
    assert of_chain(plan, "leaving") == []
    assert of_chain(plan, "from") == [(*nft.output_interface("br0", nft.NOT_EQUAL), *nft.verdict(nft.DROP))]
    assert verdicts(plan, "to") == [ACCEPT, DROP], "neighbours, and not even answers"


def test_without_icc_containers_reach_each_other_by_published_ports_alone() -> None:
    (dropped,) = of_chain(Plan("br0", NETWORK, icc=False), "from")
    assert dropped == (*nft.output_interface("br0"), *nft.verdict(nft.DROP))
    by_port, dropped = of_chain(Plan("br0", NETWORK, icc=False, published=(PORT,)), "from")
    assert by_port[-1] == nft.verdict(nft.RETURN)[0]
    assert dropped[-1] == DROP


def test_a_published_port_leads_to_the_container_from_outside_and_from_the_host() -> None:
    plan = Plan("br0", NETWORK, published=(PORT,))
    (outside,) = of_chain(plan, "ports")
    (host,) = of_chain(plan, "own")
    assert outside[-len(host) :] == host
    assert outside[-3:] == nft.dnat(PORT.address.packed, 80)
    assert len(of_chain(plan, "entering")) == 2
    assert of_chain(plan, "to")[0] == (*nft.connection_status(nft.CT_DNAT), *nft.verdict(nft.ACCEPT))


def test_a_port_on_one_address_of_the_host_is_only_there() -> None:
    address = ipaddress.IPv4Address("192.0.2.1")
    plan = Plan("br0", NETWORK, published=(Published("udp", address, 53, PORT.address, 53),))
    (rule,) = of_chain(plan, "ports")
    assert nft.compare(address.packed) in rule


def test_a_port_on_the_loopback_is_for_the_hosts_own_connections_alone() -> None:
    address = ipaddress.IPv4Address("127.0.0.1")
    plan = Plan("br0", NETWORK, published=(Published("tcp", address, 53, PORT.address, 53),))
    assert of_chain(plan, "ports") == []
    assert len(of_chain(plan, "own")) == 1


def test_bridges_cannot_reach_the_hosts_loopback() -> None:
    by_chain = {chain.name: found for chain, found in ruleset.base(nft.FAMILY_IPV4).items()}
    (rule,) = by_chain["local"]
    assert rule.expressions[-1] == DROP
    by_chain = {chain.name: found for chain, found in ruleset.base(nft.FAMILY_IPV6).items()}
    assert by_chain["local"] == []


def test_docker_is_told_in_rules_that_it_can_read() -> None:
    for rule in rules_for_others(Plan("br0", NETWORK), "DOCKER-USER"):
        assert rule.comment == "wherry_br0"
        assert rule.expressions[-2:] == (*nft.counter(), *nft.verdict(nft.ACCEPT))


def test_a_routed_network_translates_nothing_and_opens_the_containers_own_address() -> None:
    plan = Plan("br0", NETWORK, published=(PORT,), routed=True)
    assert [of_chain(plan, chain) for chain in ("leaving", "entering", "ports", "own")] == [[], [], [], []]
    opened, ping, *_ = of_chain(plan, "to")
    assert nft.compare(PORT.address.packed) in opened
    assert nft.compare(bytes([1])) in ping


def test_ipv6_is_translated_as_ipv4_is() -> None:
    port = Published("tcp", ipaddress.IPv6Address("::"), 8080, NETWORK6[2], 80)
    plan = Plan("br0", NETWORK6, published=(port,))
    assert plan.family == nft.FAMILY_IPV6
    (rule,) = of_chain(plan, "ports")
    assert rule[-3:] == nft.dnat(NETWORK6[2].packed, 80)
    assert len(of_chain(plan, "entering")) == 1


def test_every_chain_that_is_led_to_is_made_and_every_one_that_is_made_is_taken_away() -> None:
    plan = Plan("br0", NETWORK, published=(PORT,))
    made = names(ruleset.bridge("t", plan), 3, 3)
    assert made == [f"{own}__br0" for own in ("ports", "own", "leaving", "entering", "from", "to")]
    assert names(ruleset.without("t", plan), 5, 3) == made
    assert names(ruleset.bridge("t", plan), 12, 2) == names(ruleset.without("t", plan), 14, 2)


def test_the_whole_is_one_batch_that_begins_with_nothing() -> None:
    plans = [Plan("br0", NETWORK, published=(PORT,)), Plan("br1", NETWORK)]
    batch = ruleset.table("t", plans, nft.FAMILY_IPV4)
    assert kinds(batch)[:3] == [0, 2, 0]
    assert names(batch, 9, 2) == ["bridges", "leaving", "entering", "from", "to"]
    assert set(names(batch, 3, 3)) >= {chain.name for chain in CHAINS} | {"to__br0", "to__br1"}


def test_only_bridges_with_ports_are_looked_through_for_them() -> None:
    plans = [Plan("br0", NETWORK, published=(PORT,)), Plan("br1", NETWORK), Plan("br2", NETWORK, published=(PORT,))]
    batch = ruleset.ports_of_all("t", plans, nft.FAMILY_IPV4)
    jumps = [one.payload for one in batch if b"ports__" in one.payload]
    assert [b"ports__br0" in jumps[0], b"ports__br2" in jumps[1], len(jumps)] == [True, True, 2]
    assert kinds(ruleset.ports_of_all("t", plans[1:2], nft.FAMILY_IPV4)) == [3, 8, 3, 8]
