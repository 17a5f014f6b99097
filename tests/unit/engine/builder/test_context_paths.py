"""What of a context a Dockerfile can want."""

import pytest

from engine.builder.context_paths import local, of_mounts, paths, wanted
from engine.builder.parser import parse
from engine.builder.run_mounts import RunMount


def test_what_copies_and_mounts_name_is_wanted() -> None:
    file = parse(
        "FROM a AS one\nCOPY src /x\nCOPY ./b/../c*.txt d/ /y/\nRUN --mount=type=bind,source=tool,target=/t /t/run\n"
        "FROM b\nCOPY --from=one /z /z\nADD https://example.org/x.tar https://example.org/r.git /e/\n"
        "COPY <<EOF /f\nhi\nEOF\n"
        "RUN --mount=type=cache,target=/c --mount=type=secret,id=s true\nCOPY /abs ../up /\n"
    )

    assert wanted(file) == {"src", "c*.txt", "d", "tool", "abs", "up"}


def test_a_dockerfile_that_copies_nothing_wants_nothing() -> None:
    assert wanted(parse("FROM a\nRUN true\nCOPY --from=b / /\n")) == frozenset()


@pytest.mark.parametrize(
    "line",
    [
        "COPY . /",
        "COPY / /x",
        "ADD a/.. /x",
        "ARG X\nCOPY $X /",
        "COPY a\\ b /",
        'COPY ["a\'b", "/"]',
        "RUN --mount=type=bind,target=/c true",
        "RUN --mount=type=bind,source=$X,target=/c true",
        "RUN --mount=type=odd true",
    ],
)
def test_the_whole_context_is_wanted_where_only_the_step_can_tell(line: str) -> None:
    assert wanted(parse(f"FROM a\n{line}\n")) is None


def test_mounts_of_a_step_name_their_sources() -> None:
    mounts = [
        RunMount("bind", "/a"),
        RunMount("bind", "/b", source="x"),
        RunMount("bind", "/c", source="y", origin="stage"),
        RunMount("cache", "/d"),
        RunMount("cache", "/e", source="seed"),
        RunMount("tmpfs", "/f"),
    ]

    assert of_mounts(mounts) == (".", "x", "seed")
    assert paths(("./x/", "/y//z", ".", "..")) == {"x", "y/z", ""}
    assert local(("a", "<<EOF", "git://example.org/r"), ()) == ("a", "<<EOF")
