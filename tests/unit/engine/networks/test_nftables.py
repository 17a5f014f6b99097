"""nftables messages: a table is replaced in one batch."""

import struct

from engine.networks import nftables as nft
from engine.networks.netlink import attributes
from engine.networks.nftables import Chain, Rule


def kinds(messages: list[nft.Message]) -> list[int]:
    return [message.kind & 0xFF for message in messages]


def test_a_table_is_made_deleted_and_made_again_so_that_nothing_old_stays() -> None:
    chain, rule = Chain("forward", "filter", "forward", 0), Rule("forward", nft.verdict(nft.ACCEPT))
    assert kinds(nft.replace_table("t", [chain], [rule])) == [0, 2, 0, 3, 6]
    assert kinds(nft.delete_table("t")) == [0, 2]


def test_a_rule_carries_its_chain_its_expressions_and_its_comment() -> None:
    message = nft.insert_rule("t", Rule("c", (*nft.input_interface("br0"), *nft.verdict(nft.DROP)), "why"))
    found = dict(attributes(message.payload[4:]))
    assert found[1] == b"t\0"
    assert found[2] == b"c\0"
    names = [dict(attributes(body))[1] for _, body in attributes(found[4])]
    assert names == [b"meta\0", b"cmp\0", b"immediate\0"]
    assert found[7] == b"\x00\x04why\x00"
    assert nft._comment(found[7]) == "why"


def test_an_interface_is_compared_with_all_of_its_sixteen_bytes() -> None:
    _, compared = nft.input_interface("br0")
    assert b"br0".ljust(16, b"\0") in compared


def test_a_connections_state_is_masked_and_compared_in_the_hosts_byte_order() -> None:
    _, masked, _ = nft.connection_state(nft.CT_ESTABLISHED | nft.CT_RELATED)
    assert struct.pack("=I", 6) in masked


def test_a_negative_verdict_is_written_as_the_kernel_reads_it() -> None:
    assert nft.be32(-3) == b"\xff\xff\xff\xfd"


def test_a_comment_is_found_among_other_user_data() -> None:
    assert nft._comment(b"\x01\x01x\x00\x03ab\x00") == "ab"
    assert nft._comment(b"") == ""
    assert nft._comment(b"\x05") == ""


def test_a_rule_is_deleted_by_its_handle() -> None:
    found = dict(attributes(nft.delete_rule("t", "c", 5).payload[4:]))
    assert found[3] == struct.pack(">Q", 5)


def test_a_map_leads_from_an_interface_to_a_chain() -> None:
    family = nft.FAMILY_IPV4
    declared = dict(attributes(nft.interface_set("t", "to", family, mapping=True).payload[4:]))
    assert (declared[2], declared[3], declared[5]) == (b"to\0", nft.be32(8), nft.be32(16))
    assert 3 not in dict(attributes(nft.interface_set("t", "bridges", family, mapping=False).payload[4:]))
    put = nft.put_interface("t", "to", "br0", family, chain="to__br0")
    dropped = nft.drop_interface("t", "to", "br0", family, chain="to__br0")
    assert put.payload == dropped.payload
    assert b"br0".ljust(16, b"\0") in put.payload
    assert nft.be32(-3) in put.payload
    assert b"to__br0\0" in put.payload


def test_a_chain_is_written_anew_and_emptied_before_it_goes() -> None:
    rule = Rule("c", nft.jump("d"))
    assert kinds(nft.write_chain("t", Chain("c"), [rule, rule], nft.FAMILY_IPV4)) == [3, 8, 6, 6]
    assert kinds(nft.delete_chain("t", "c", nft.FAMILY_IPV4)) == [8, 5]
