"""What clients ask of `POST /build`."""

import base64
import json

import pytest

from engine.builder.request import Request, read
from proto.errdefs import InvalidArgument, Unimplemented


def _read(headers: dict[str, str] | None = None, **given: str | list[str]) -> Request:
    def texts(name: str) -> list[str]:
        value = given.get(name, [])
        return value if isinstance(value, list) else [value]

    return read(lambda name: (texts(name) or [""])[0], texts, headers or {})


def _encoded(document: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


def test_the_docker_clis_usual_query_is_taken() -> None:
    found = _read(
        t=["a", "b:1"], buildargs='{"A":"1","B":null}', labels='{"l":"x"}', cachefrom="[]", networkmode="default",
        cpuperiod="0", memory="0", rm="1", version="1", shmsize="0", ulimits="null", nocache="1", q="0",
    )  # fmt: skip
    assert [tag.familiar for tag in found.tags] == ["a:latest", "b:1"]
    assert (found.arguments, found.labels) == ({"A": "1", "B": None}, {"l": "x"})
    assert (found.no_cache, found.quiet, found.remove) == (True, False, True)
    assert found.host_config["NetworkMode"] == "default"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("squash", "1"), ("isolation", "hyperv"), ("outputs", "[{}]")),
        *(("cachefrom", '["type=local,src=x"]'), ("platform", "linux/s390x")),
    ],
)
def test_what_is_not_supported_is_refused_with_its_name(name: str, value: str) -> None:
    with pytest.raises(Unimplemented) as caught:
        _read(**{name: value})
    assert name in str(caught.value) or value in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("buildargs", "["), ("labels", "[]"), ("memory", "much"), ("t", "UPPER"), ("t", "a@sha256:" + "0" * 64)],
)
def test_nonsense_is_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidArgument):
        _read(**{name: value})


def test_extra_hosts_come_in_three_shapes() -> None:
    assert _read(extrahosts='["a:1","b:2"]').host_config["ExtraHosts"] == ["a:1", "b:2"]
    assert _read(extrahosts=["a:1", "b:2"]).host_config["ExtraHosts"] == ["a:1", "b:2"]
    assert _read(extrahosts="a:1,b:2").host_config["ExtraHosts"] == ["a:1", "b:2"]


def test_credentials_and_secrets_come_in_headers_and_are_not_shown() -> None:
    found = _read(
        {
            "X-Registry-Config": _encoded({"r:5000": {"username": "u", "password": "p"}}),
            "X-Wherry-Build-Secrets": _encoded({"s": base64.b64encode(b"canary").decode()}),
        }
    )
    assert found.credentials["r:5000"].username == "u"
    assert found.secrets == {"s": b"canary"}
    assert "canary" not in repr(found)


def test_a_header_that_cannot_be_read_is_not_repeated() -> None:
    with pytest.raises(InvalidArgument) as caught:
        _read({"X-Wherry-Build-Secrets": "!!canary!!"})
    assert "canary" not in str(caught.value)


def test_the_epoch_is_a_number() -> None:
    assert _read(buildargs='{"SOURCE_DATE_EPOCH":"5"}').epoch == 5
    assert _read().epoch is None
    with pytest.raises(InvalidArgument):
        _ = _read(buildargs='{"SOURCE_DATE_EPOCH":"soon"}').epoch


def test_images_to_look_for_steps_in_are_named_in_two_ways() -> None:
    assert _read(cachefrom='["a:1","type=registry,ref=r/b:2"]').cache_from == ("a:1", "r/b:2")
    assert _read(cachefrom="[]").cache_from == _read(cachefrom="null").cache_from == ()


def test_buildkits_way_of_asking_is_taken_down() -> None:
    asked = _read(version="2", session="s", remote="client-session", outputs='[{"Type": "local"}]')
    assert (asked.buildkit, asked.session, asked.steps, asked.detailed, asked.to_channel) == (
        *(True, "s", True, True),
        False,
    )
    with pytest.raises(InvalidArgument, match='invalid version "3"'):
        _read(version="3")
    with pytest.raises(InvalidArgument, match="version=2"):
        _read(session="s")
