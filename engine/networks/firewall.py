"""The packet filter of one engine: a table of its own, and two rules in chains of others.

What another table drops stays dropped, whatever we accept. So where Docker's chains are on the host, two rules in
DOCKER-USER, the chain it keeps for others, let a bridge's packets through (our own table still judges them); where
there is no Docker, but a FORWARD chain that drops what it does not know (ufw's), they go there. They are of the shape
that iptables understands, and carry a comment by which they are found and taken out again.
"""

import contextlib
from collections.abc import Iterator, Sequence

from engine.networks import nftables as nft
from engine.networks import ruleset
from engine.networks.netlink import Message
from engine.networks.nftables import Chain, Nftables, Rule
from engine.networks.ruleset import PREFIX, Plan
from proto.errdefs import Unimplemented

OTHERS_TABLE, DOCKER_CHAIN, FORWARD_CHAIN = "filter", "DOCKER-USER", "FORWARD"
_FAMILIES = (nft.FAMILY_IPV4, nft.FAMILY_IPV6)
_LEGACY = "/proc/thread-self/net/ip_tables_names", "/proc/thread-self/net/ip6_tables_names"


class Firewall:
    """Applies plans."""

    def __init__(self, table: str) -> None:
        self.table = table
        self._nftables = Nftables()
        self._plans: dict[int, dict[str, Plan]] = {family: {} for family in _FAMILIES}
        self._waiting = False

    @property
    def sender(self) -> int:
        return self._nftables.sender

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Note the plans that are applied meanwhile, and write the whole of both tables at the end, in a batch each."""
        self._waiting = True
        try:
            yield
        finally:
            self._waiting = False
        try:
            for family in _FAMILIES:
                self._write(family)
        except OSError as error:
            if error.errno not in nft.ABSENT:
                raise
            raise Unimplemented(
                "this kernel has no nftables, and iptables alone is not enough (--iptables=false goes without rules)"
            ) from error

    def apply(self, plan: Plan) -> None:
        """Let the filter say what the plan says, and nothing else about this bridge."""
        plans = self._plans[plan.family]
        before = plans.get(plan.bridge)
        plans[plan.bridge] = plan
        if self._waiting:
            return
        if len(plans) == 1 and before is None:
            self._nftables.apply(ruleset.table(self.table, [plan], plan.family))
        else:
            batch = ruleset.bridge(self.table, plan)
            if (before is not None and before.translates) != plan.translates:
                batch += ruleset.ports_of_all(self.table, plans.values(), plan.family)
            self._change(batch, plan.family)
        self._tell_others(plan)

    def pin(self, bridge: str, chains: Sequence[Chain], wanted: Sequence[Rule]) -> None:
        """Write the table about a bridge's frames."""
        self._nftables.apply(nft.replace_table(f"{PREFIX}{bridge}", chains, wanted, nft.FAMILY_BRIDGE))

    def remove(self, bridge: str, *families: int) -> None:
        """Take out everything that was said about a bridge."""
        for family in families or (*_FAMILIES, nft.FAMILY_BRIDGE):
            if family == nft.FAMILY_BRIDGE:
                self._nftables.apply(nft.delete_table(f"{PREFIX}{bridge}", family))
            else:
                self._forget(bridge, family)

    def close(self) -> None:
        self._nftables.close()

    def _write(self, family: int) -> None:
        plans = self._plans[family]
        if plans:
            self._nftables.apply(ruleset.table(self.table, plans.values(), family))
        else:
            self._nftables.apply(nft.delete_table(self.table, family))
        for plan in plans.values():
            self._tell_others(plan)

    def _forget(self, bridge: str, family: int) -> None:
        plans = self._plans[family]
        plan = plans.pop(bridge, None)
        if plan is None:
            return
        if not self._waiting and not plans:
            self._nftables.apply(nft.delete_table(self.table, family))
        elif not self._waiting:
            batch = ruleset.ports_of_all(self.table, plans.values(), family) if plan.translates else []
            self._change([*batch, *ruleset.without(self.table, plan)], family)
        for chain in (DOCKER_CHAIN, FORWARD_CHAIN):
            if self._nftables.policy(OTHERS_TABLE, chain, family) is not None:
                handles = self._handles(plan.mark, chain, family)
                self._nftables.apply([nft.delete_rule(OTHERS_TABLE, chain, one, family) for one in handles])

    def _change(self, batch: Sequence[Message], family: int) -> None:
        """Change a part; where that cannot be, as somebody has flushed the rest, write the whole."""
        try:
            self._nftables.apply(batch)
        except FileNotFoundError:
            self._nftables.apply(ruleset.table(self.table, self._plans[family].values(), family))

    def _tell_others(self, plan: Plan) -> None:
        if plan.internal:
            return
        if self._nftables.policy(OTHERS_TABLE, DOCKER_CHAIN, plan.family) is not None:
            chain = DOCKER_CHAIN
        elif self._nftables.policy(OTHERS_TABLE, FORWARD_CHAIN, plan.family) == nft.DROP:
            chain = FORWARD_CHAIN
        else:
            return
        wanted = ruleset.rules_for_others(plan, chain)
        if len(self._handles(plan.mark, chain, plan.family)) < len(wanted):
            self._nftables.apply([nft.insert_rule(OTHERS_TABLE, rule, plan.family) for rule in reversed(wanted)])

    def _handles(self, comment: str, chain: str, family: int) -> list[int]:
        return [handle for handle, text in self._nftables.rules(OTHERS_TABLE, chain, family) if text == comment]


def legacy_tables(paths: Sequence[str] = _LEGACY) -> list[str]:
    """The tables of iptables-legacy, whose rules nftables does not show: what they drop, we cannot let through."""
    found: list[str] = []
    for path in paths:
        with contextlib.suppress(OSError), open(path) as file:
            found += file.read().split()
    return sorted(set(found))
