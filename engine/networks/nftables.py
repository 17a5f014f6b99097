"""nftables by netlink: tables, chains, rules and expressions as bytes. Pure, but for `Nftables`, which sends them.

A change is one batch, and the kernel takes a batch whole or not at all. Names and numbers: linux/netfilter/nf_tables.h.
"""

import errno
import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.networks.netlink import NLM_F_APPEND, NLM_F_CREATE, Message, Netlink, attribute, attributes

NETLINK_NETFILTER = 12
SUBSYSTEM = 10 << 8
ABSENT = (errno.EOPNOTSUPP, errno.EPROTONOSUPPORT)  # what a kernel without it answers
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_NEWTABLE, _DELTABLE, _NEWCHAIN, _GETCHAIN, _DELCHAIN, _NEWRULE, _GETRULE, _DELRULE = 0, 2, 3, 4, 5, 6, 7, 8
_NEWSET, _NEWELEMENT, _DELELEMENT = 9, 12, 14
FAMILY_IPV4, FAMILY_BRIDGE, FAMILY_IPV6 = 2, 7, 10
_NFGENMSG = struct.Struct(">BBH")
_REGISTER_VERDICT, _REGISTER_1, _REGISTER_2 = 0, 1, 2
ACCEPT, DROP, _JUMP, RETURN = 1, 0, -3, -5
_SET_MAP, _VERDICT, _TYPE_IFNAME = 0x8, 0xFFFFFF00, 41
_IFNAMSIZ = 16
_LARGEST_BATCH = 16 << 20
_NAMES_AS_THE_HOST_WRITES_THEM = struct.pack("=BBI", 0, 4, 1)  # for `nft list`: NFTNL_UDATA_SET_KEYBYTEORDER
_COMMENT = 0  # NFTNL_UDATA_RULE_COMMENT

HOOKS = {"prerouting": 0, "input": 1, "forward": 2, "output": 3, "postrouting": 4}
CT_ESTABLISHED, CT_RELATED = 1 << 1, 1 << 2
CT_DNAT = 1 << 5  # IPS_DST_NAT
_CT_STATE, _CT_STATUS = 0, 2
_META_PROTOCOL, _META_IIFNAME, _META_OIFNAME, _META_L4PROTO = 1, 6, 7, 16
_FIB_ADDRESS_TYPE, _FIB_DESTINATION, _RTN_LOCAL = 3, 2, 2
EQUAL, NOT_EQUAL = 0, 1


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain that hangs on a hook, or one that is jumped to."""

    name: str
    kind: str = ""  # filter or nat
    hook: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: expressions in order, the last of which decides."""

    chain: str
    expressions: tuple[bytes, ...]
    comment: str = ""


def be32(number: int) -> bytes:
    return struct.pack(">i" if number < 0 else ">I", number)


def expression(name: str, *parts: bytes) -> bytes:
    return attribute(1, [attribute(1, name), attribute(2, parts)])


def compare(value: bytes, operator: int = EQUAL, register: int = _REGISTER_1) -> bytes:
    data = attribute(3, [attribute(1, value)])
    return expression("cmp", attribute(1, be32(register)), attribute(2, be32(operator)), data)


def input_interface(name: str, operator: int = EQUAL) -> tuple[bytes, ...]:
    return _meta(_META_IIFNAME), compare(name.encode().ljust(_IFNAMSIZ, b"\0"), operator)


def output_interface(name: str, operator: int = EQUAL) -> tuple[bytes, ...]:
    return _meta(_META_OIFNAME), compare(name.encode().ljust(_IFNAMSIZ, b"\0"), operator)


def protocol(number: int) -> tuple[bytes, ...]:
    return _meta(_META_L4PROTO), compare(bytes([number]))


def source(network: bytes, mask: bytes, operator: int = EQUAL) -> tuple[bytes, ...]:
    """The address that a packet of the network's family comes from."""
    return _payload(1, 8 if len(network) == 16 else 12, len(network)), _mask(mask), compare(network, operator)


def destination(network: bytes, mask: bytes, operator: int = EQUAL) -> tuple[bytes, ...]:
    return _payload(1, 24 if len(network) == 16 else 16, len(network)), _mask(mask), compare(network, operator)


def frame_protocol(number: int) -> tuple[bytes, ...]:
    """What a frame carries: an Ethernet type."""
    return _meta(_META_PROTOCOL), compare(struct.pack(">H", number))


def frame_source(mac: bytes, operator: int = EQUAL) -> tuple[bytes, ...]:
    return _payload(0, 6, 6), compare(mac, operator)


def header(offset: int, value: bytes, operator: int = EQUAL, mask: bytes = b"") -> tuple[bytes, ...]:
    """Bytes of the network header."""
    return _payload(1, offset, len(value)), *((_mask(mask),) if mask else ()), compare(value, operator)


def transport(offset: int, value: bytes, operator: int = EQUAL, mask: bytes = b"") -> tuple[bytes, ...]:
    """Bytes of the transport header."""
    return _payload(2, offset, len(value)), *((_mask(mask),) if mask else ()), compare(value, operator)


def destination_port(port: int) -> tuple[bytes, ...]:
    return _payload(2, 2, 2), compare(struct.pack(">H", port))


def destination_is_local(operator: int = EQUAL) -> tuple[bytes, ...]:
    fib = expression(
        "fib",
        attribute(1, be32(_REGISTER_1)),
        attribute(2, be32(_FIB_ADDRESS_TYPE)),
        attribute(3, be32(_FIB_DESTINATION)),
    )
    return fib, compare(struct.pack("=I", _RTN_LOCAL), operator)


def connection_state(bits: int) -> tuple[bytes, ...]:
    return _connection(_CT_STATE, bits)


def connection_status(bits: int) -> tuple[bytes, ...]:
    return _connection(_CT_STATUS, bits)


def verdict(code: int) -> tuple[bytes, ...]:
    decided = attribute(2, [attribute(2, [attribute(1, be32(code))])])
    return (expression("immediate", attribute(1, be32(_REGISTER_VERDICT)), decided),)


def jump(chain: str) -> tuple[bytes, ...]:
    return (expression("immediate", attribute(1, be32(_REGISTER_VERDICT)), _verdict(chain)),)


def by_input_interface(mapping: str) -> tuple[bytes, ...]:
    """Jump to where a map sends packets from the interface they came by; go on, where it knows nothing of it."""
    return _meta(_META_IIFNAME), _look_up(mapping)


def by_output_interface(mapping: str) -> tuple[bytes, ...]:
    return _meta(_META_OIFNAME), _look_up(mapping)


def input_interface_in(names: str) -> tuple[bytes, ...]:
    """Go on only with packets that came by one of a set of interfaces."""
    return _meta(_META_IIFNAME), expression("lookup", attribute(1, names), attribute(2, be32(_REGISTER_1)))


def counter() -> tuple[bytes, ...]:
    return (expression("counter"),)


def masquerade() -> tuple[bytes, ...]:
    return (expression("masq"),)


def dnat(address: bytes, port: int) -> tuple[bytes, ...]:
    return (
        _load(_REGISTER_1, address),
        _load(_REGISTER_2, struct.pack(">H", port)),
        expression(
            "nat",
            attribute(1, be32(1)),
            attribute(2, be32(FAMILY_IPV6 if len(address) == 16 else FAMILY_IPV4)),
            attribute(3, be32(_REGISTER_1)),
            attribute(5, be32(_REGISTER_2)),
        ),
    )


def replace_table(
    table: str, chains: Sequence[Chain], rules: Sequence[Rule], family: int = FAMILY_IPV4
) -> list[Message]:
    """The batch after which a table is exactly this, whatever it was before.

    Where it was not there before, `create_table` is cheaper: a socket that deleted something waits for all readers of
    the rules (synchronize_rcu) when it is closed, ten milliseconds.
    """
    cleared = [_table(table, kind, family) for kind in (_NEWTABLE, _DELTABLE)]
    return cleared + create_table(table, chains, rules, family)


def create_table(
    table: str, chains: Sequence[Chain], rules: Sequence[Rule], family: int = FAMILY_IPV4
) -> list[Message]:
    """The batch that makes a table in a namespace that has none of the name."""
    messages = [_table(table, _NEWTABLE, family)]
    messages += [_chain(table, chain, family) for chain in chains]
    messages += [_rule(table, rule, NLM_F_APPEND, family) for rule in rules]
    return messages


def interface_set(table: str, name: str, family: int, *, mapping: bool) -> Message:
    """A set of interfaces, or a map from each to a verdict."""
    parts = [attribute(1, table), attribute(2, name), attribute(4, be32(_TYPE_IFNAME)), attribute(5, be32(_IFNAMSIZ))]
    if mapping:
        parts += [attribute(3, be32(_SET_MAP)), attribute(6, struct.pack(">I", _VERDICT)), attribute(7, be32(16))]
    parts += [attribute(10, be32(1)), attribute(13, _NAMES_AS_THE_HOST_WRITES_THEM)]
    return _message(_NEWSET, family, *parts, flags=NLM_F_CREATE)


def put_interface(table: str, name: str, interface: str, family: int, *, chain: str = "") -> Message:
    """Have a set know an interface; a map, which chain its packets go to."""
    return _message(_NEWELEMENT, family, *_element(table, name, interface, chain), flags=NLM_F_CREATE)


def drop_interface(table: str, name: str, interface: str, family: int, *, chain: str = "") -> Message:
    return _message(_DELELEMENT, family, *_element(table, name, interface, chain))


def write_chain(table: str, chain: Chain, rules: Sequence[Rule], family: int) -> list[Message]:
    """Let a chain that may be there be exactly these rules."""
    cleared = _message(_DELRULE, family, attribute(1, table), attribute(2, chain.name))
    return [_chain(table, chain, family), cleared, *(_rule(table, rule, NLM_F_APPEND, family) for rule in rules)]


def delete_chain(table: str, chain: str, family: int) -> list[Message]:
    """Empty, and then gone; nobody may jump to it any more."""
    cleared = _message(_DELRULE, family, attribute(1, table), attribute(2, chain))
    return [cleared, _message(_DELCHAIN, family, attribute(1, table), attribute(3, chain))]


def delete_table(table: str, family: int = FAMILY_IPV4) -> list[Message]:
    """The batch after which a table is not there; made first, as deleting what is missing is an error."""
    return [_table(table, _NEWTABLE, family), _table(table, _DELTABLE, family)]


def insert_rule(table: str, rule: Rule, family: int = FAMILY_IPV4) -> Message:
    """The rule goes before all others of its chain."""
    return _rule(table, rule, 0, family)


def delete_rule(table: str, chain: str, handle: int, family: int = FAMILY_IPV4) -> Message:
    parts = attribute(1, table), attribute(2, chain), attribute(3, struct.pack(">Q", handle))
    return _message(_DELRULE, family, *parts)


class Nftables:
    """The rules of the namespace that the socket was made in."""

    def __init__(self) -> None:
        self._netlink = Netlink(NETLINK_NETFILTER, send_buffer=_LARGEST_BATCH)

    def apply(self, batch: Sequence[Message]) -> None:
        """Make a change, whole or not at all."""
        if not batch:
            return
        silent = [Message(one.kind, one.payload, one.flags, acknowledged=False) for one in batch[:-1]]
        frame = _NFGENMSG.pack(socket.AF_UNSPEC, 0, 10)
        begin = Message(_BATCH_BEGIN, frame, acknowledged=False)
        end = Message(_BATCH_END, frame, acknowledged=False)
        self._netlink.request(begin, *silent, batch[-1], end)

    @property
    def sender(self) -> int:
        """By which the kernel names us to those who listen to changes."""
        return self._netlink.sender

    def policy(self, table: str, chain: str, family: int = FAMILY_IPV4) -> int | None:
        """What becomes of packets that a chain does not decide upon; None where nobody made it."""
        try:
            found = self._netlink.get(_message(_GETCHAIN, family, attribute(1, table), attribute(3, chain)))
        except FileNotFoundError:
            return None
        policy = dict(attributes(found[_NFGENMSG.size :])).get(5)
        return struct.unpack(">I", policy)[0] if policy is not None else ACCEPT

    def rules(self, table: str, chain: str, family: int = FAMILY_IPV4) -> list[tuple[int, str]]:
        """The handle and the comment of each rule of a chain."""
        found = []
        for payload in self._netlink.dump(_message(_GETRULE, family, attribute(1, table), attribute(2, chain))):
            values = dict(attributes(payload[_NFGENMSG.size :]))
            if values.get(2, b"").rstrip(b"\0").decode() == chain:
                found.append((struct.unpack(">Q", values[3])[0], _comment(values.get(7, b""))))
        return found

    def close(self) -> None:
        self._netlink.close()


def _table(table: str, kind: int, family: int) -> Message:
    return _message(kind, family, attribute(1, table), flags=NLM_F_CREATE if kind == _NEWTABLE else 0)


def _chain(table: str, chain: Chain, family: int) -> Message:
    if not chain.hook:
        return _message(_NEWCHAIN, family, attribute(1, table), attribute(3, chain.name), flags=NLM_F_CREATE)
    hook = attribute(4, [attribute(1, be32(HOOKS[chain.hook])), attribute(2, be32(chain.priority))])
    parts = attribute(1, table), attribute(3, chain.name), hook, attribute(7, chain.kind), attribute(5, be32(ACCEPT))
    return _message(_NEWCHAIN, family, *parts, flags=NLM_F_CREATE)


def _rule(table: str, rule: Rule, flags: int, family: int) -> Message:
    parts = [attribute(1, table), attribute(2, rule.chain), attribute(4, rule.expressions)]
    if rule.comment:
        text = rule.comment.encode() + b"\0"
        parts.append(attribute(7, bytes([_COMMENT, len(text)]) + text))
    return _message(_NEWRULE, family, *parts, flags=NLM_F_CREATE | flags)


def _comment(userdata: bytes) -> str:
    while len(userdata) >= 2:
        kind, length = userdata[0], userdata[1]
        if kind == _COMMENT:
            return userdata[2 : 2 + length].rstrip(b"\0").decode(errors="replace")
        userdata = userdata[2 + length :]
    return ""


def _message(kind: int, family: int, *parts: bytes, flags: int = 0) -> Message:
    return Message(SUBSYSTEM | kind, _NFGENMSG.pack(family, 0, 0) + b"".join(parts), flags)


def _meta(key: int) -> bytes:
    return expression("meta", attribute(2, be32(key)), attribute(1, be32(_REGISTER_1)))


def _payload(base: int, offset: int, length: int) -> bytes:
    numbers: Iterable[int] = (_REGISTER_1, base, offset, length)
    return expression("payload", *(attribute(kind, be32(number)) for kind, number in enumerate(numbers, 1)))


def _mask(mask: bytes) -> bytes:
    return expression(
        "bitwise",
        attribute(1, be32(_REGISTER_1)),
        attribute(2, be32(_REGISTER_1)),
        attribute(3, be32(len(mask))),
        attribute(4, [attribute(1, mask)]),
        attribute(5, [attribute(1, bytes(len(mask)))]),
    )


def _connection(key: int, bits: int) -> tuple[bytes, ...]:
    load = expression("ct", attribute(2, be32(key)), attribute(1, be32(_REGISTER_1)))
    return load, _mask(struct.pack("=I", bits)), compare(bytes(4), NOT_EQUAL)


def _verdict(chain: str) -> bytes:
    return attribute(2, [attribute(2, [attribute(1, be32(_JUMP)), attribute(2, chain)])])


def _look_up(mapping: str) -> bytes:
    return expression(
        "lookup",
        attribute(1, mapping),
        attribute(2, be32(_REGISTER_1)),
        attribute(3, be32(_REGISTER_VERDICT)),
    )


def _element(table: str, name: str, interface: str, chain: str) -> tuple[bytes, ...]:
    parts = [attribute(1, [attribute(1, interface.encode().ljust(_IFNAMSIZ, b"\0"))])]
    if chain:
        parts.append(_verdict(chain))
    return attribute(1, table), attribute(2, name), attribute(3, [attribute(1, parts)])


def _load(register: int, data: bytes) -> bytes:
    return expression("immediate", attribute(1, be32(register)), attribute(2, [attribute(1, data)]))
