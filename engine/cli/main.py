"""The program: the global flags, and groups that import a command's module only when it is asked for."""

import itertools
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from engine import __version__
from engine.cli.address import DEFAULT_CONTEXT, Address, choose, choose_context
from engine.cli.client import Daemon
from engine.cli.command_table import COMMANDS, GROUPS
from engine.cli.errors import CommandFailed

_PACKAGE = "engine.cli.commands"


class LazyGroup(click.Group):
    """A group that knows its commands by name and summary, and imports the one that runs."""

    def __init__(self, table: dict[str, tuple[str, str]], groups: dict[str, Any] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._table = table
        self._groups = groups or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The usual ones first, as the table has them."""
        return [*self._table, *self._groups]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        if cmd_name in self._groups:
            summary, table = self._groups[cmd_name]
            return LazyGroup(table, name=cmd_name, help=summary)
        if cmd_name not in self._table:
            return None
        module, _, attribute = self._table[cmd_name][0].partition(":")
        command = getattr(import_module(f"{_PACKAGE}.{module}"), attribute or module)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the summaries without importing anything."""
        for title, rows in (
            ("Commands", [(name, summary) for name, (_, summary) in self._table.items()]),
            ("Management Commands", [(name, summary) for name, (summary, _) in self._groups.items()]),
        ):
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """An unknown command is answered as docker answers it."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            path = ctx.command_path
            raise CommandFailed(f"{path}: '{args[0]}' is not a {path} command.\nSee '{path} --help'")
        return super().resolve_command(ctx, args)


@click.pass_context
def _setup(ctx: click.Context, /, host: str | None, context: str | None, config: str | None, **tls: Any) -> None:
    if config:
        os.environ["DOCKER_CONFIG"] = config  # helpers of credentials are to see it, too
    if ctx.invoked_subcommand != "context":  # which must work with a context that does not
        ctx.obj = daemon_of(host, context, **tls)


def daemon_of(host: str | None, context: str | None, **tls: Any) -> Daemon:
    """The engine that the global flags, the environment or the context in use name."""
    from engine.cli.tls import context_for, context_of

    name = choose_context(context, host, os.environ)
    if name != DEFAULT_CONTEXT:
        from engine.cli import contexts

        stored = contexts.load(name)
        return Daemon(Address(stored.host), context_of(stored) or context_for(os.environ, **tls))
    address, is_default = choose(host, os.environ)
    return Daemon(address, context_for(os.environ, **tls), _start_daemon if is_default else None)


def _start_daemon(address: str) -> None:
    from engine.cli.autostart import start_daemon

    start_daemon(address)


wherry = LazyGroup(
    COMMANDS,
    GROUPS,
    name="wherry",
    callback=_setup,
    help="A container engine whose every seam is the real protocol of the program it mirrors.",
    epilog="Run 'wherry COMMAND --help' for more information on a command.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    params=[
        click.Option(["-H", "--host"], help="Daemon to connect to: unix:///path, tcp://host:port or ssh://user@host."),
        click.Option(["-c", "--context"], help="Name of the context to use; overrides DOCKER_HOST and the one in use."),
        click.Option(["--config"], help="Folder of the client's configuration files, in place of DOCKER_CONFIG's."),
        click.Option(
            ["-D", "--debug"], is_flag=True, expose_value=False, help="Show tracebacks of the command line itself."
        ),
        click.Option(
            ["-l", "--log-level"],
            type=click.Choice(["debug", "info", "warn", "error", "fatal"]),
            default="info",
            expose_value=False,
            help="`debug` shows what --debug shows; there is nothing else that the command line would log.",
        ),
        click.Option(["--tls"], is_flag=True, help="Use TLS; implied by --tlsverify."),
        click.Option(["--tlsverify"], is_flag=True, help="Use TLS and verify the daemon."),
        click.Option(["--tlscacert"], help="Trust certs signed only by this CA."),
        click.Option(["--tlscert"], help="Path to the client's certificate."),
        click.Option(["--tlskey"], help="Path to the client's key."),
    ],
)
click.version_option(__version__, "-v", "--version", message=f"Wherry version {__version__}")(wherry)


def main() -> None:
    """The program."""
    # A wrong flag ends with 125 and a missing word with 1, as docker's command line does.
    click.UsageError.exit_code = 125
    click.MissingParameter.exit_code = 1
    try:
        wherry.main(prog_name="wherry", standalone_mode=True)
    except BrokenPipeError:
        # The reader left; what a filter does then is to end without a word.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except ConnectionError as error:  # in the middle of an answer
        click.echo(f"{error.strerror or error}. See the engine's log: it may have ended.", err=True)
        sys.exit(1)
    except Exception as error:
        if _wants_traces(sys.argv):
            raise
        click.echo(
            f"wherry: a defect of the command line: {type(error).__name__}: {error} (--debug shows where)", err=True
        )
        sys.exit(1)


def _wants_traces(words: Sequence[str]) -> bool:
    """By one of the flags that stand before the command."""
    if {"--debug", "-D", "--log-level=debug"} & set(words):
        return True
    return any(one in ("--log-level", "-l") and other == "debug" for one, other in itertools.pairwise(words))
