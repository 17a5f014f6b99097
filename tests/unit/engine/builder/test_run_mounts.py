"""`RUN --mount`: read, and refused by name."""

import pytest

from engine.builder import parser
from engine.builder.run_mounts import RunMount, parse
from proto.errdefs import InvalidArgument, Unimplemented

_RUN = parser.parse("FROM a\nRUN x").stages[0].instructions[0]


def _read(text: str) -> RunMount:
    return parse(_RUN, text, "/w")


def test_a_bind_is_the_default_and_read_only_unless_it_asks() -> None:
    assert _read("target=t,source=s,from=x") == RunMount("bind", "/w/t", "s", "x", "t", read_only=True)
    assert [_read(f"target=t,{word}").read_only for word in ("rw", "rw=false", "readwrite", "ro=false", "ro")] == [
        *(False, True, False, False, True)
    ]


def test_a_cache_has_an_id_and_a_mode() -> None:
    found = _read("type=cache,dst=/c,id=i,sharing=locked,mode=0700,uid=5")
    assert (found.target, found.id, found.sharing, found.mode, found.uid) == ("/c", "i", "locked", 0o700, 5)
    assert not found.read_only
    assert _read("type=cache,target=/c,sharing=private,from=x,source=/y").origin == "x"


def test_a_secret_is_found_below_run_secrets() -> None:
    assert _read("type=secret,id=s").target == "/run/secrets/s"
    assert _read("type=secret,target=/a/b").id == "b"


def test_a_tmpfs_may_have_a_size() -> None:
    assert _read("type=tmpfs,target=/t,size=2m").size == 2 << 20


@pytest.mark.parametrize(
    "text",
    ["type=secret,id=a,env=B"],
)
def test_what_is_not_supported_is_named(text: str) -> None:
    with pytest.raises(Unimplemented, match="is not supported"):
        _read(text)


@pytest.mark.parametrize(
    "text",
    [
        "type=other,target=/a",
        "type=bind",
        "target=/",
        "target=/a,colour=red",
        "type=tmpfs,target=/t,size=big",
        "type=tmpfs,target=/t,rw",
        "target=/t,rw=perhaps",
        "type=cache,target=/c,sharing=greedy",
        "type=cache,target=/c,mode=9",
    ],
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        _read(text)


def test_a_secrets_value_is_in_no_key() -> None:
    assert _read("type=secret,id=s").shown() == ["secret", "/run/secrets/s", "", "", "s"]


def test_an_agents_socket_has_a_place_and_a_name_of_its_own() -> None:
    found = _read("type=ssh")
    assert (found.target, found.id, found.mode, found.required) == (
        "/run/buildkit/ssh_agent.0",
        "default",
        0o600,
        False,
    )
    assert _read("type=ssh,id=git,target=/a,required").id == "git"


@pytest.mark.parametrize(
    ("text", "meant"),
    [("type=cach,target=/x", r"\(did you mean cache\?\)"), ("type=cache,taget=/x", r"\(did you mean target\?\)")],
)
def test_a_word_that_is_nearly_right_is_told_which_is(text: str, meant: str) -> None:
    with pytest.raises(InvalidArgument, match=meant):
        _read(text)
