"""-p and --expose."""

import pytest

from engine.cli.errors import CommandFailed
from engine.cli.port_flags import exposed, published


@pytest.mark.parametrize(
    ("text", "bindings"),
    [
        ("80", {"80/tcp": [{"HostIp": "", "HostPort": ""}]}),
        ("8080:80/udp", {"80/udp": [{"HostIp": "", "HostPort": "8080"}]}),
        ("127.0.0.1:8080:80", {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]}),
        ("127.0.0.1::80", {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}),
        ("[::1]:8080:80", {"80/tcp": [{"HostIp": "::1", "HostPort": "8080"}]}),
        (
            "8000-8001:80-81",
            {"80/tcp": [{"HostIp": "", "HostPort": "8000"}], "81/tcp": [{"HostIp": "", "HostPort": "8001"}]},
        ),
        ("8000-8010:80", {"80/tcp": [{"HostIp": "", "HostPort": "8000-8010"}]}),
        ("target=80,published=8080", {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}),
    ],
)
def test_a_published_port_becomes_a_binding(text: str, bindings: dict[str, object]) -> None:
    """And is exposed as well."""
    ports, made = published([text])
    assert made == bindings
    assert ports.keys() == bindings.keys()


def test_the_same_port_may_be_published_twice() -> None:
    """On two addresses, say."""
    _, made = published(["127.0.0.1:1:80", "127.0.0.2:2:80"])
    assert len(made["80/tcp"]) == 2


def test_exposed_ports_may_be_ranges() -> None:
    """With a protocol."""
    assert exposed(["80", "53-54/udp"]) == {"80/tcp": {}, "53/udp": {}, "54/udp": {}}


@pytest.mark.parametrize("text", ["x", "1:2:3:4", "80/xyz", "0", "70000", "1-2:80-82", "90-80", "target=1,color=red"])
def test_nonsense_is_refused(text: str) -> None:
    """With 125."""
    with pytest.raises(CommandFailed) as caught:
        published([text])
    assert caught.value.exit_code == 125
