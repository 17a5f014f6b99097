"""`wherry completion`: the shell's completion script, made by click from the command table."""

import click
from click.shell_completion import get_completion_class

from engine.cli.grammar import Command


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script: `source <(wherry completion bash)`."""
    completer = get_completion_class(shell)
    assert completer is not None
    root = ctx.find_root()
    click.echo(completer(root.command, {}, "wherry", "_WHERRY_COMPLETE").source())
