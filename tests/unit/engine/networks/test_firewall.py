"""The packet filter as bridges come, change and go."""

import errno
import ipaddress
from pathlib import Path

import pytest

from engine.networks import nftables as nft
from engine.networks import ruleset
from engine.networks.firewall import Firewall, legacy_tables
from engine.networks.ruleset import Plan, Published, rules_for_others
from proto.errdefs import Unimplemented

NETWORK, NETWORK6 = ipaddress.IPv4Network("10.9.0.0/24"), ipaddress.IPv6Network("fd00::/64")
ONE, TWO, SIX = Plan("br0", NETWORK), Plan("br1", NETWORK), Plan("br0", NETWORK6)
PORT = Published("tcp", ipaddress.IPv4Address(0), 8080, ipaddress.IPv4Address("10.9.0.2"), 80)
WITH_PORT = Plan("br1", NETWORK, published=(PORT,))
FOUR = nft.FAMILY_IPV4


class FakeNftables:
    """A filter with chains of others in it, by name with their policies."""

    def __init__(self, chains: dict[str, int]) -> None:
        self.chains = chains
        self.handles: list[tuple[int, str]] = []
        self.batches: list[list[nft.Message]] = []
        self.flushed = False

    def apply(self, batch: list[nft.Message]) -> None:
        self.batches.append(batch)
        if self.flushed:
            self.flushed = False
            raise FileNotFoundError

    def policy(self, table: str, chain: str, family: int) -> int | None:
        return self.chains.get(chain)

    def rules(self, table: str, chain: str, family: int) -> list[tuple[int, str]]:
        return self.handles

    def close(self) -> None:
        pass


def firewall(**chains: int) -> tuple[Firewall, FakeNftables]:
    made = Firewall("t")
    made.close()
    fake = FakeNftables({name.replace("_", "-"): policy for name, policy in chains.items()})
    made._nftables = fake  # type: ignore[assignment]
    return made, fake


def test_the_first_bridge_makes_the_table_and_others_add_to_it() -> None:
    made, fake = firewall()
    for plan in (ONE, TWO, WITH_PORT, WITH_PORT):
        made.apply(plan)
    assert fake.batches == [
        ruleset.table("t", [ONE], FOUR),
        ruleset.bridge("t", TWO),
        [*ruleset.bridge("t", WITH_PORT), *ruleset.ports_of_all("t", [ONE, WITH_PORT], FOUR)],
        ruleset.bridge("t", WITH_PORT),
    ]


def test_each_family_has_a_table_that_goes_with_its_last_bridge() -> None:
    made, fake = firewall()
    for plan in (ONE, SIX, WITH_PORT):
        made.apply(plan)
    del fake.batches[:]
    made.remove("br1")
    made.remove("br0")
    assert fake.batches == [
        [*ruleset.ports_of_all("t", [ONE], FOUR), *ruleset.without("t", WITH_PORT)],
        nft.delete_table("wherry_br1", nft.FAMILY_BRIDGE),
        nft.delete_table("t", FOUR),
        nft.delete_table("t", nft.FAMILY_IPV6),
        nft.delete_table("wherry_br0", nft.FAMILY_BRIDGE),
    ]


def test_at_the_start_all_is_written_in_one_batch_and_what_the_last_engine_had_goes() -> None:
    made, fake = firewall()
    with made.together():
        made.apply(ONE)
        made.apply(WITH_PORT)
        made.apply(TWO)
        made.remove("br1")
    assert fake.batches == [
        nft.delete_table("wherry_br1", nft.FAMILY_BRIDGE),
        ruleset.table("t", [ONE], FOUR),
        nft.delete_table("t", nft.FAMILY_IPV6),
    ]


def test_where_somebody_has_flushed_the_table_the_whole_is_written() -> None:
    made, fake = firewall()
    made.apply(ONE)
    fake.flushed = True
    made.apply(TWO)
    assert fake.batches[-1] == ruleset.table("t", [ONE, TWO], FOUR)


def test_docker_is_told_once() -> None:
    made, fake = firewall(DOCKER_USER=nft.ACCEPT, FORWARD=nft.DROP)
    made.apply(ONE)
    assert len(fake.batches) == 2
    fake.handles = [(4, "wherry_br0"), (5, "wherry_br0"), (6, "other")]
    made.apply(ONE)
    assert len(fake.batches) == 3
    made.remove("br0", FOUR)
    assert len(fake.batches[-1]) == 2


def test_a_forward_chain_that_drops_is_told_where_there_is_no_docker() -> None:
    made, fake = firewall(FORWARD=nft.DROP)
    made.apply(ONE)
    wanted = rules_for_others(ONE, "FORWARD")
    assert fake.batches[1] == [nft.insert_rule("filter", rule) for rule in reversed(wanted)]


def test_who_lets_packets_through_need_not_be_told() -> None:
    for chains in ({}, {"FORWARD": nft.ACCEPT}):
        made, fake = firewall(**chains)
        made.apply(ONE)
        assert len(fake.batches) == 1
    made, fake = firewall(FORWARD=nft.DROP)
    made.apply(Plan("br0", NETWORK, internal=True))
    assert len(fake.batches) == 1, "nor anybody about an internal network"


def test_a_kernel_without_nftables_is_told_of_at_the_start() -> None:
    made, fake = firewall()

    def refuse(batch: list[nft.Message]) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    fake.apply = refuse  # type: ignore[method-assign]
    with pytest.raises(Unimplemented, match="this kernel has no nftables, and iptables alone is not enough"):
        with made.together():
            made.apply(ONE)


def test_tables_of_iptables_legacy_are_found(tmp_path: Path) -> None:
    for name, text in (("4", "nat\nfilter\n"), ("6", "filter\n")):
        (tmp_path / name).write_text(text)
    assert legacy_tables([str(tmp_path / name) for name in ("4", "6", "none")]) == ["filter", "nat"]
