"""Where ports may be published."""

import pytest

from engine.networks.publish_policy import PublishPolicy, check
from engine.networks.request import Wanted
from proto.errdefs import InvalidArgument, PermissionDenied


def wish(first: int = 0, last: int = 0, protocol: str = "tcp", host_ip: str = "") -> Wanted:
    return Wanted(80, protocol, host_ip, first, last or first)


def numbers(allow: tuple[str, ...], wanted: Wanted, *host_ips: str) -> list[int]:
    return list(PublishPolicy(allow=allow).numbers(wanted, host_ips or ("0.0.0.0",)))


def test_an_address_is_the_wishs_own_the_networks_or_the_daemons() -> None:
    policy = PublishPolicy("192.0.2.1")
    assert policy.addresses(wish(host_ip="127.0.0.5"), "127.0.0.3", ipv6=True) == ("127.0.0.5",)
    assert policy.addresses(wish(), "127.0.0.3", ipv6=True) == ("127.0.0.3",)
    assert policy.addresses(wish(), "", ipv6=True) == ("192.0.2.1",)


def test_everywhere_is_both_families() -> None:
    assert PublishPolicy().addresses(wish(), "", ipv6=True) == ("0.0.0.0", "::")
    assert PublishPolicy().addresses(wish(), "", ipv6=False) == ("0.0.0.0",)
    assert PublishPolicy().addresses(wish(host_ip="0.0.0.0"), "", ipv6=True) == ("0.0.0.0",)


def test_loopback_is_for_ports_that_say_nothing() -> None:
    policy = PublishPolicy(loopback=True)
    assert policy.addresses(wish(), "", ipv6=True) == ("127.0.0.1",)
    assert policy.addresses(wish(host_ip="0.0.0.0"), "", ipv6=True) == ("0.0.0.0",)


def test_without_a_list_everything_goes() -> None:
    assert numbers((), wish(8080, 8082)) == [8080, 8081, 8082]
    assert set(numbers((), wish())) == {0}


def test_of_a_range_what_is_on_the_list_is_tried() -> None:
    assert numbers(("8081-9000",), wish(8080, 8082)) == [8081, 8082]
    assert numbers(("80", "443/tcp", "53/udp"), wish()) == [80, 443]
    assert 40000 in numbers(("*",), wish())


@pytest.mark.parametrize(
    ("allow", "wanted", "host_ips"),
    [
        (("none",), wish(), ("0.0.0.0",)),
        (("8000-8999",), wish(80), ("0.0.0.0",)),
        (("53/udp",), wish(53), ("0.0.0.0",)),
        (("127.0.0.0/8:*",), wish(80), ("0.0.0.0",)),
        (("127.0.0.1:*",), wish(80), ("192.0.2.1",)),
        (("0.0.0.0/0:80",), wish(80), ("0.0.0.0", "::")),
    ],
)
def test_what_is_not_on_the_list_is_refused(allow: tuple[str, ...], wanted: Wanted, host_ips: tuple[str, ...]) -> None:
    with pytest.raises(PermissionDenied, match="--publish-allow"):
        numbers(allow, wanted, *host_ips)


@pytest.mark.parametrize("text", ["127.0.0.1:80", "127.0.0.0/8:*", "[::1]:80/tcp", "0.0.0.0/0:80", "80-90/udp"])
def test_addresses_and_subnets_may_be_said(text: str) -> None:
    host_ip = "::1" if "::1" in text else "127.0.0.1"
    assert numbers((text,), wish(80, protocol="udp" if "udp" in text else "tcp"), host_ip) == [80]


@pytest.mark.parametrize("text", ["", "x", "80/xyz", "90-80", "70000", "1.2.3:80", "0"])
def test_a_list_that_cannot_be_read_is_refused(text: str) -> None:
    check(["none", "80"])
    with pytest.raises(InvalidArgument, match="--publish-allow"):
        check([text])
