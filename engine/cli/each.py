"""One verb for many names: print each name done, go on after a failure, end with 1 if any failed."""

from collections.abc import Callable, Iterable

import click

from engine.cli.errors import DaemonError, ExitWith


def for_each(names: Iterable[str], act: Callable[[str], object], *, quiet: bool = False) -> None:
    """Call `act` with each name; raises ExitWith(1) at the end when the engine refused some of them."""
    failed = False
    for name in names:
        try:
            act(name)
        except DaemonError as error:
            failed = True
            error.show()
        else:
            if not quiet:
                click.echo(name)
    if failed:
        raise ExitWith(1)
