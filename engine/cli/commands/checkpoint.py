"""`wherry checkpoint create|ls|rm`."""

import click

from engine.cli.client import Daemon
from engine.cli.formats import print_rows
from engine.cli.grammar import Command, pass_daemon


@click.command(cls=Command)
@click.option("--checkpoint-dir", default="", help="Use a custom checkpoint storage directory.")
@click.option("--leave-running", is_flag=True, help="Leave the container running after checkpoint.")
@click.argument("container")
@click.argument("checkpoint")
@pass_daemon
def create(daemon: Daemon, container: str, checkpoint: str, checkpoint_dir: str, leave_running: bool) -> None:
    """Create a checkpoint from a running container."""
    body = {"CheckpointID": checkpoint, "CheckpointDir": checkpoint_dir, "Exit": not leave_running}
    daemon.post(f"/containers/{container}/checkpoints", body)
    click.echo(checkpoint)


@click.command("ls", cls=Command)
@click.option("--checkpoint-dir", default="", help="Use a custom checkpoint storage directory.")
@click.argument("container")
@pass_daemon
def list_(daemon: Daemon, container: str, checkpoint_dir: str) -> None:
    """List checkpoints for a container."""
    rows = daemon.get(f"/containers/{container}/checkpoints", dir=checkpoint_dir or None)
    print_rows(rows, [("CHECKPOINT NAME", "Name", lambda row: row["Name"])], ["Name"], None)


@click.command("rm", cls=Command)
@click.option("--checkpoint-dir", default="", help="Use a custom checkpoint storage directory.")
@click.argument("container")
@click.argument("checkpoint")
@pass_daemon
def remove(daemon: Daemon, container: str, checkpoint: str, checkpoint_dir: str) -> None:
    """Remove a checkpoint."""
    daemon.delete(f"/containers/{container}/checkpoints/{checkpoint}", dir=checkpoint_dir or None)
