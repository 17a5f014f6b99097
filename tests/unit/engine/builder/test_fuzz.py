"""Fuzzing what strangers write: Dockerfiles, .dockerignore, mounts, modes, addresses, queries.

Whatever comes, the answer is a result or a Fault that names a reason, soon. `WHERRY_FUZZ=N` tries N examples each.
"""

import os
from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.builder import git_address, globs, ignore, parser, request, run_mounts
from engine.builder.modes import Mode
from engine.builder.variables import Expander
from proto.errdefs import Fault

Result = TypeVar("Result")
_FUZZ = settings(
    max_examples=int(os.environ.get("WHERRY_FUZZ", "150")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
_PIECES = """
FROM from AS RUN COPY ADD ENV ARG LABEL ONBUILD HEALTHCHECK SHELL CMD VOLUME EXPOSE --from=a --chmod=u+x --link
--parents --mount=type=cache,target=/c --mount=type=secret --interval=1s --platform=$X a b=c "q 's $X ${X:-y} ${X
<<EOF <<-'E' EOF [ ["a","b"] ] \\ ` # = , * ** ! ../ /./ 80/tcp é
"""
_LINES = ["\n", "\n", "\n", "\t", " ", "\\\n", "\r\n", "\0", "\u2028", "# escape=`\n"]
_WORDS = st.sampled_from([*_PIECES.split(), *_LINES])
_TEXT = st.one_of(
    st.text(max_size=300),
    st.lists(_WORDS, max_size=40).map(" ".join),
    st.lists(_WORDS, max_size=40).map(lambda words: "FROM a\n" + "".join(words)),
)


@_FUZZ
@given(_TEXT)
def test_a_dockerfile_is_read_or_refused(text: str) -> None:
    file = _quietly(parser.parse, text)
    if file is None:
        return
    for stage in file.stages:
        for instruction in stage.instructions:
            for mount in instruction.many.get("mount", ()):
                _quietly(run_mounts.parse, instruction, mount, "/w")


@_FUZZ
@given(_TEXT, st.text(max_size=20))
def test_words_expand_or_are_refused(text: str, value: str) -> None:
    expander = Expander("\\", {"X": value})
    _quietly(expander.word, text)
    _quietly(expander.words, text)


@_FUZZ
@given(st.one_of(st.text(max_size=200), st.lists(_WORDS, max_size=20).map("".join)), st.text("ab/.*", max_size=30))
def test_patterns_match_or_are_refused(text: str, path: str) -> None:
    try:
        rules = ignore.Ignore(ignore.read(text))
    except Fault:
        return
    if path.strip("/."):
        rules.excludes(path.strip("/"))
        rules.may_hold(path.strip("/"))
    _quietly(globs.source, text)


@_FUZZ
@given(st.one_of(st.text(max_size=60), st.lists(_WORDS, max_size=8).map(",".join)))
def test_mounts_modes_addresses_and_queries_are_read_or_refused(text: str) -> None:
    run = parser.parse("FROM a\nRUN x").stages[0].instructions[0]
    _quietly(run_mounts.parse, run, text, "/w")
    _quietly(Mode, text)
    if git_address.is_context(text):
        _quietly(git_address.parse, text)
    for name in ("buildargs", "labels", "cachefrom", "extrahosts", "ulimits", "t", "platform", "outputs", "contexts"):
        _quietly(request.read, lambda key, name=name: text if key == name else "", lambda _: [text], {})


def _quietly(call: Callable[..., Result], *words: object) -> Result | None:
    """None for a refusal; anything else that is raised is a find."""
    try:
        return call(*words)
    except Fault:
        return None
