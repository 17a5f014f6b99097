"""docker's spellings of flags."""

import click
import pytest

from engine.cli.grammar import filters_from, rewrite

PARAMS = [
    click.Option(["--rm"], is_flag=True),
    click.Option(["--env", "-e"], multiple=True),
    click.Option(["--tty", "-t"], is_flag=True),
]


@pytest.mark.parametrize(
    ("words", "rewritten"),
    [
        (["--rm=true", "x"], ["--rm", "x"]),
        (["--rm=false", "x"], ["x"]),
        (["-e=A=1", "x"], ["-e", "A=1", "x"]),
        (["--env=A=1", "x"], ["--env=A=1", "x"]),
        (["-e", "--rm=false", "x"], ["-e", "--rm=false", "x"]),
        (["x", "--rm=false"], ["x", "--rm=false"]),
        (["--", "--rm=false"], ["--", "--rm=false"]),
    ],
)
def test_go_s_spellings_become_click_s(words: list[str], rewritten: list[str]) -> None:
    """What stands behind the image is the container's."""
    assert rewrite(words, PARAMS, raw_tail=True) == rewritten


def test_a_flag_takes_only_truth() -> None:
    """As pflag says it."""
    with pytest.raises(click.UsageError, match="true or false"):
        rewrite(["--rm=maybe"], PARAMS, raw_tail=False)


def test_filters_gather_by_key() -> None:
    """A word without `=` is refused."""
    assert filters_from(["label=a", "label=b", "Name=c"]) == {"label": ["a", "b"], "name": ["c"]}
    assert filters_from([]) is None
    with pytest.raises(click.UsageError, match="invalid filter 'x'"):
        filters_from(["x"])
