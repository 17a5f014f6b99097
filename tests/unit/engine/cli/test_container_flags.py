"""The flags of run and create."""

import click

from engine.cli.container_flags import container_flags


def test_no_two_flags_share_a_spelling() -> None:
    """click would silently let the later one win."""

    @container_flags
    def command(**_flags: object) -> None:
        raise AssertionError("only its parameters matter here")

    params: list[click.Option] = command.__click_params__  # type: ignore[attr-defined]
    spellings = [name for option in params for name in option.opts]
    assert len(spellings) == len(set(spellings))
    assert all(option.help for option in params)
