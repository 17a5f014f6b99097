"""Host ports are chosen and held."""

import socket

import pytest

from engine.networks.model import Port
from engine.networks.ports import Placed, Ports
from engine.networks.publish_policy import PublishPolicy
from engine.networks.request import Wanted
from proto.errdefs import Internal

LOOPBACK = "127.0.0.1"


@pytest.fixture
def ports():
    made = Ports(PublishPolicy(LOOPBACK))
    yield made
    made.close()


def wanted(first: int = 0, last: int = 0, protocol: str = "tcp", host_ips: tuple[str, ...] = (LOOPBACK,)) -> Placed:
    return Wanted(80, protocol, "", first, last), host_ips


def is_free(number: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((LOOPBACK, number))
        except OSError:
            return False
        return True


def test_any_port_is_one_that_is_free_and_then_held(ports: Ports) -> None:
    ((port,),) = ports.hold("e", [wanted()], [], "10.0.0.2")
    assert port.host_ip == LOOPBACK
    assert not is_free(port.host_port)
    ports.keep_only("e", ())
    assert is_free(port.host_port)


def test_a_port_that_somebody_has_is_refused_in_dockers_words(ports: Ports) -> None:
    with socket.socket() as taker:
        taker.bind((LOOPBACK, 0))
        number = taker.getsockname()[1]
        with pytest.raises(Internal) as refused:
            ports.hold("e", [wanted(number, number)], [], "10.0.0.2")
    assert (
        str(refused.value)
        == f"failed to bind host port for {LOOPBACK}:{number}:10.0.0.2:80/tcp: address already in use"
    )


def test_a_port_of_another_container_is_already_allocated(ports: Ports) -> None:
    taken = [Port(80, "tcp", "0.0.0.0", 8080)]
    with pytest.raises(Internal, match=r"^Bind for 0\.0\.0\.0:8080 failed: port is already allocated$"):
        ports.hold("e", [wanted(8080, 8080)], taken, "10.0.0.2")


def test_a_range_of_others_ports_is_all_allocated(ports: Ports) -> None:
    taken = [Port(80, "tcp", LOOPBACK, number) for number in (8080, 8081)]
    with pytest.raises(Internal, match="^all ports are allocated$"):
        ports.hold("e", [wanted(8080, 8081)], taken, "10.0.0.2")


def test_a_kernel_without_sctp_is_told_of(ports: Ports) -> None:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP).close()
    except OSError:
        with pytest.raises(
            Internal, match="^failed to bind host port for 127.0.0.1:0:10.0.0.2:80/sctp: protocol not su"
        ):
            ports.hold("e", [wanted(protocol="sctp")], [], "10.0.0.2")
    else:
        ((port,),) = ports.hold("e", [wanted(protocol="sctp")], [], "10.0.0.2")
        assert port.host_port


def test_of_a_range_the_first_free_one_is_taken(ports: Ports) -> None:
    ((first,),) = ports.hold("a", [wanted()], [], "10.0.0.2")
    number = first.host_port
    if number < 65535 and is_free(number + 1):
        ((second,),) = ports.hold("b", [wanted(number, number + 1)], [first], "10.0.0.3")
        assert second.host_port == number + 1


def test_if_one_port_cannot_be_had_none_is_held(ports: Ports) -> None:
    ((first,),) = ports.hold("a", [wanted()], [], "10.0.0.2")
    ports.keep_only("a", ())
    number = first.host_port
    with pytest.raises(Internal):
        ports.hold("b", [wanted(number, number), wanted(number, number)], [], "10.0.0.2")
    assert is_free(number)


def test_the_same_number_is_two_ports_for_two_protocols(ports: Ports) -> None:
    ((first,),) = ports.hold("a", [wanted(protocol="udp")], [], "10.0.0.2")
    number = first.host_port
    if is_free(number):
        assert ports.hold("b", [wanted(number, number)], [first], "10.0.0.2")


def test_after_a_restart_ports_are_held_again_if_they_are_free(ports: Ports) -> None:
    ((port,),) = ports.hold("a", [wanted()], [], "10.0.0.2")
    ports.hold_again("b", [port])
    ports.keep_only("a", ())
    ports.hold_again("b", [port])
    assert not is_free(port.host_port)


def test_what_a_container_holds_is_its_own_to_use_again(ports: Ports) -> None:
    ((first,),) = ports.hold("a", [wanted()], [], "10.0.0.2")
    ((again,),) = ports.hold("a", [wanted(first.host_port, first.host_port)], [], "10.0.0.2")
    assert again == first
    with pytest.raises(Internal):
        ports.hold("a", [wanted(), wanted(first.host_port, first.host_port)], [first], "10.0.0.2")
    assert not is_free(first.host_port), "what fails takes nothing of what was there"


def test_one_number_is_held_at_every_address(ports: Ports) -> None:
    ((four, six),) = ports.hold("a", [wanted(host_ips=(LOOPBACK, "::1"))], [], "10.0.0.2")
    assert (four.host_ip, six.host_ip) == (LOOPBACK, "::1")
    assert four.host_port == six.host_port
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taker:
        number = taker.getsockname()[1]
        with pytest.raises(Internal, match=f"{LOOPBACK}:{number}"):
            ports.hold("b", [wanted(number, number, host_ips=(LOOPBACK, "::1"))], [], "10.0.0.2")
        assert "b" not in ports._held


def test_the_families_do_not_clash(ports: Ports) -> None:
    ((first,),) = ports.hold("a", [wanted()], [], "10.0.0.2")
    number = first.host_port
    taken = [first, Port(80, "tcp", "0.0.0.0", number)]
    assert ports.hold("b", [wanted(number, number, host_ips=("::1",))], taken, "fd00::2")
    with pytest.raises(Internal, match=rf"Bind for \[::\]:{number} failed"):
        ports.hold("c", [wanted(number, number, host_ips=("::1",))], [Port(80, "tcp", "::", number)], "fd00::2")
