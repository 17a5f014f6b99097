"""Subnets of `network create`, and what belongs to each."""

import pytest

from engine.cli.errors import CommandFailed
from engine.cli.network_pools import pools


def test_everything_finds_the_subnet_that_contains_it() -> None:
    assert pools(
        ["10.1.0.0/24", "fd01::/64", "10.2.0.0/24"],
        ["10.2.0.128/25"],
        ["fd01::9", "10.1.0.9"],
        ["a=10.2.0.3", "b=10.2.0.4"],
    ) == [
        {"Subnet": "10.1.0.0/24", "Gateway": "10.1.0.9"},
        {"Subnet": "fd01::/64", "Gateway": "fd01::9"},
        {"Subnet": "10.2.0.0/24", "IPRange": "10.2.0.128/25", "AuxiliaryAddresses": {"a": "10.2.0.3", "b": "10.2.0.4"}},
    ]
    assert pools([], [], [], []) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (([], [], ["10.1.0.1"], []), "every ip-range or gateway must have a corresponding subnet"),
        ((["10.1.0.0/24", "10.1.0.0/25"], [], [], []), "multiple overlapping subnet configuration is not supported"),
        ((["10.1.0.0/25", "10.1.0.0/24"], [], [], []), "multiple overlapping subnet configuration is not supported"),
        ((["10.1.0.0/24"], ["10.2.0.0/25"], [], []), "no matching subnet for range 10.2.0.0/25"),
        ((["10.1.0.0/24"], [], ["10.2.0.1"], []), "no matching subnet for gateway 10.2.0.1"),
        ((["10.1.0.0/24"], [], [], ["a=10.2.0.1"]), "no matching subnet for aux-address 10.2.0.1"),
        (
            (["10.1.0.0/24", "10.2.0.0/24"], [], ["10.1.0.1", "10.1.0.2"], []),
            "cannot configure multiple gateways (10.1.0.2, 10.1.0.1) for the same subnet (10.1.0.0/24)",
        ),
        (
            (["10.1.0.0/24", "10.2.0.0/24"], ["10.1.0.0/25", "10.1.0.128/25"], [], []),
            "cannot configure multiple ranges (10.1.0.128/25, 10.1.0.0/25) on the same subnet (10.1.0.0/24)",
        ),
        ((["x"], ["10.1.0.0/25"], [], []), "invalid CIDR address: 'x' does not appear"),
    ],
)
def test_what_does_not_go_together_is_said_as_dockers_client_says_it(
    words: tuple[list[str], ...], message: str
) -> None:
    with pytest.raises(CommandFailed) as caught:
        pools(*words)
    assert caught.value.message.startswith(message)
