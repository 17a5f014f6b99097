import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.errdefs import InvalidArgument
from supervisor.registry.reference import Reference, familiar, normalize, parse

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("docker.io/library/busybox:latest", ("docker.io", "library/busybox", "latest", "")),
        ("localhost:5000/a:1", ("localhost:5000", "a", "1", "")),
        (f"ghcr.io/a/b:1@{DIGEST}", ("ghcr.io", "a/b", "1", DIGEST)),
        ("[::1]:5000/a", ("[::1]:5000", "a", "", "")),
    ],
)
def test_whole_references_are_taken_apart(text: str, parts: tuple[str, str, str, str]) -> None:
    assert parse(text) == Reference(*parts)
    assert str(parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "busybox",
        "docker.io/",
        "docker.io/UPPER",
        "docker.io/../x",
        "docker.io/a//b",
        "a/b:t@sha256:x",
        "a/b:" + "t" * 129,
        "x y/z",
        "a/b@sha256:../../x",
        "-bad/x",
    ],
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        parse(text)


@pytest.mark.parametrize(
    ("short", "whole"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("busybox:1", "docker.io/library/busybox:1"),
        ("me/it", "docker.io/me/it:latest"),
        ("localhost/it", "localhost/it:latest"),
        ("host.io/it:2", "host.io/it:2"),
        ("index.docker.io/busybox", "docker.io/library/busybox:latest"),
        (f"busybox:1@{DIGEST}", f"docker.io/library/busybox@{DIGEST}"),
    ],
)
def test_short_forms_are_made_whole(short: str, whole: str) -> None:
    assert str(normalize(short)) == whole


def test_names_are_shown_in_short() -> None:
    assert familiar("docker.io/library/busybox:1") == "busybox:1"
    assert familiar("docker.io/me/it:1") == "me/it:1"
    assert familiar("host.io/it:1") == "host.io/it:1"


@given(st.text(max_size=60))
def test_any_text_is_a_reference_or_refused(text: str) -> None:
    for function in (parse, normalize):
        try:
            found = function(text)
        except InvalidArgument:
            continue
        assert parse(str(found)) == found
