"""Dockerfiles as text: what is read of them, and in which words they are refused."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.builder import parser
from proto.errdefs import Fault, InvalidArgument, Unimplemented


def test_stages_arguments_and_escape_are_told_apart() -> None:
    file = parser.parse("# escape=`\nARG V=1\nFROM a AS One\nRUN x `\n y\nFROM One\nCOPY --from=one a b\n")
    assert file.escape == "`"
    assert [instruction.args for instruction in file.meta] == [("V=1",)]
    assert [(stage.base, stage.name) for stage in file.stages] == [("a", "one"), ("One", "")]
    assert file.stages[0].instructions[0].args == ("x  y",)
    assert file.stages[1].instructions[0].flags == {"from": "one"}


def test_an_unknown_instruction_is_shown_with_its_line_and_a_guess() -> None:
    with pytest.raises(InvalidArgument) as caught:
        parser.parse("FROM a\n\nRUNN x\n")
    assert str(caught.value) == (
        "dockerfile parse error on line 3: unknown instruction: RUNN (did you mean RUN?)\n  3 | RUNN x"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "cannot be empty"),
        ("# only a comment\n", "file with no instructions"),
        ("RUN x", "no build stage in current context"),
        ("FROM a b", "FROM requires either one or three arguments"),
        ("FROM a AS 1x", "invalid name for build stage"),
        ("FROM a AS scratch", "reserved"),
        ("FROM a\nCOPY x", "COPY requires at least two arguments"),
        ("FROM a\nENV x", "ENV must have two arguments"),
        ("FROM a\nENV =x", "ENV names can not be blank"),
        ("FROM a\nLABEL a=b c", "can't find = in"),
        ("FROM a\nSHELL /bin/sh", "SHELL requires the arguments to be in JSON form"),
        ("FROM a\nHEALTHCHECK FOO", "Unknown type 'FOO' in HEALTHCHECK (try CMD)"),
        ("FROM a\nHEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"),
        ("FROM a\nONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"),
        ("FROM a\nONBUILD ONBUILD RUN x", "Chaining ONBUILD"),
        ("FROM a\nRUN", "RUN requires at least one argument"),
        ("FROM a\nCOPY --form=x a b", "unknown flag: --form (did you mean --from?)"),
        ("FROM a\nCOPY --chown=1 --chown=2 a b", "duplicate flag specified: chown"),
        ("FROM a\nCOPY --from a b", "missing a value on flag: from"),
        ("FROM a\nRUN <<EOF\nx\n", "unterminated heredoc"),
        ('FROM a\nVOLUME [""]', "can not be an empty string"),
        ("FROM a\nADD --checksum=sha256:0 f /", "checksum requires HTTP(S) or Git sources"),
    ],
)
def test_what_cannot_be_read_is_refused_in_dockers_words(text: str, words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parser.parse(text)
    assert words in str(caught.value)


@pytest.mark.parametrize("line", ["RUN --security=insecure x", "RUN --device=gpu x"])
def test_what_is_not_supported_is_refused_by_its_name(line: str) -> None:
    with pytest.raises(Unimplemented) as caught:
        parser.parse(f"FROM a\n{line}")
    assert line.split()[1].partition("=")[0] in str(caught.value)


def test_heredocs_come_with_their_instruction() -> None:
    found = parser.parse("FROM a\nRUN <<A cat <<-'B'\none\nA\n\ttwo $x\n\tB\n").stages[0].instructions[0]
    assert [(doc.name, doc.content, doc.chomp, doc.expand) for doc in found.heredocs] == [
        ("A", "one\n", False, True),
        ("B", "\ttwo $x\n", True, False),
    ]


@given(st.text(alphabet="FROMRUNCPYADENV \\\"'`$<>={}[]-#\n\tab\0é", max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    for whole in (text, f"FROM a\n{text}"):
        with contextlib.suppress(Fault):
            assert parser.parse(whole).stages
