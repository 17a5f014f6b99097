"""Instructions that change a config."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.images.changes import apply
from proto.errdefs import Fault, InvalidArgument, Unimplemented


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ('CMD ["a","b"]', {"Cmd": ["a", "b"]}),
        ("cmd echo hi", {"Cmd": ["/bin/sh", "-c", "echo hi"]}),
        ('ENTRYPOINT ["/x"]', {"Entrypoint": ["/x"]}),
        ("ENV A=1 B='two words'", {"Env": ["OLD=0", "A=1", "B=two words"]}),
        ("ENV A some words", {"Env": ["OLD=0", "A=some words"]}),
        ("ENV OLD=2", {"Env": ["OLD=2"]}),
        ('LABEL "a b"=c d=e', {"Labels": {"a b": "c", "d": "e"}}),
        ("EXPOSE 80 53/UDP", {"ExposedPorts": {"80/tcp": {}, "53/udp": {}}}),
        ("VOLUME /a /b", {"Volumes": {"/a": {}, "/b": {}}}),
        ('VOLUME ["/a b"]', {"Volumes": {"/a b": {}}}),
        ("WORKDIR /a/../b", {"WorkingDir": "/b"}),
        ("USER 1:2", {"User": "1:2"}),
        ("STOPSIGNAL SIGINT", {"StopSignal": "SIGINT"}),
        ("ONBUILD RUN x", {"OnBuild": ["RUN x"]}),
        ("", {}),
    ],
)
def test_each_instruction_sets_its_field(change: str, expected: dict[str, Any]) -> None:
    config = {"Env": ["OLD=0"]}
    assert apply(config, [change]) == {"Env": ["OLD=0"], **expected}
    assert config == {"Env": ["OLD=0"]}


def test_a_working_directory_goes_on_from_the_last() -> None:
    assert apply({}, ["WORKDIR /a", "WORKDIR b"])["WorkingDir"] == "/a/b"


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ("RUN x", InvalidArgument),
        ("ENV", InvalidArgument),
        ("ENV A", InvalidArgument),
        ("ENV A=1 B", InvalidArgument),
        ("LABEL 'a=b", InvalidArgument),
        ("EXPOSE x", InvalidArgument),
        ("EXPOSE ²", InvalidArgument),
        ("EXPOSE 80/xyz", InvalidArgument),
        ("HEALTHCHECK NONE", Unimplemented),
    ],
)
def test_what_sets_nothing_is_refused(change: str, kind: type[Fault]) -> None:
    with pytest.raises(kind):
        apply({}, [change])


@given(st.sampled_from(["ENV", "LABEL", "EXPOSE", "VOLUME", "CMD", "X"]), st.text(max_size=30))
def test_any_line_is_applied_or_refused(word: str, rest: str) -> None:
    try:
        assert isinstance(apply({}, [f"{word} {rest}"]), dict)
    except Fault:
        pass
