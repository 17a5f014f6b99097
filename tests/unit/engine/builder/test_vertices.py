"""The names that BuildKit's clients show for steps."""

from engine.builder.parser import parse
from engine.builder.vertices import names


def _names(text: str, index: int = 0) -> list[str]:
    return names(parse(text), index, lambda word: word)


def test_only_what_makes_files_is_counted() -> None:
    assert _names("FROM busybox\nENV a=b\nRUN x\nLABEL l=m\nCOPY a b\nWORKDIR /w\nCMD x\n") == [
        "[1/4] FROM docker.io/library/busybox:latest",
        *("", "[2/4] RUN x", "", "[3/4] COPY a b", "[4/4] WORKDIR /w", ""),
    ]


def test_stages_have_names_or_numbers_where_there_are_several() -> None:
    text = "FROM busybox AS base\nRUN x\nFROM base\nRUN y\n"
    assert _names(text) == ["[base 1/2] FROM docker.io/library/busybox:latest", "[base 2/2] RUN x"]
    assert _names(text, 1) == ["", "[stage-1 1/1] RUN y"]


def test_scratch_is_nothing_to_show_unless_it_is_replaced() -> None:
    file = parse("FROM scratch\nCOPY a /\n")
    assert names(file, 0, lambda word: word) == ["", "[1/1] COPY a /"]
    assert names(file, 0, lambda word: word, ("scratch",))[0].startswith("[1/2] FROM")


def test_numbers_are_as_wide_as_the_total() -> None:
    text = "FROM busybox\n" + "RUN x\n" * 9
    assert _names(text)[1] == "[ 2/10] RUN x"


def test_a_heredoc_is_told_by_its_first_line() -> None:
    assert _names("FROM busybox\nRUN <<EOF\necho one\necho two\nEOF\n")[1] == "[2/2] RUN <<EOF (echo one...)"


def test_a_base_that_is_no_reference_is_shown_as_it_is() -> None:
    assert _names("FROM $BASE\n") == ["[1/1] FROM $BASE"]


def test_a_stage_of_nothing_has_nothing_to_show() -> None:
    assert _names("FROM scratch\nCMD x\n") == ["", ""]
