"""`wherry login` and `wherry logout`: credentials checked by the engine, kept where docker keeps them."""

import sys

import click

from engine.cli import credentials
from engine.cli.client import Daemon
from engine.cli.errors import CommandFailed
from engine.cli.grammar import Command, pass_daemon
from engine.cli.pulling import registry_of


@click.command(cls=Command)
@click.option("--username", "-u", help="Username.")
@click.option("--password", "-p", help="Password; visible to other users of this machine, so prefer --password-stdin.")
@click.option("--password-stdin", is_flag=True, help="Take the password from stdin.")
@click.argument("server", required=False)
@pass_daemon
def login(daemon: Daemon, username: str | None, password: str | None, password_stdin: bool, server: str | None) -> None:
    """Authenticate to a registry."""
    if password_stdin:
        if password is not None or username is None:
            raise CommandFailed("--password-stdin wants --username, and excludes --password")
        password = sys.stdin.read().rstrip("\r\n")
    if not (username and password) and not sys.stdin.isatty():
        raise CommandFailed("Error: Cannot perform an interactive login from a non TTY device")
    username = username or click.prompt("Username")
    password = password or click.prompt("Password", hide_input=True)
    registry = registry_of(f"{server}/x") if server else registry_of("x")
    body = {"username": username, "password": password, "serveraddress": registry}
    answer = daemon.post("/auth", body)
    credentials.store(registry, username, password, answer.get("IdentityToken") or "")
    click.echo(answer.get("Status") or "Login Succeeded")


@click.command(cls=Command)
@click.argument("server", required=False)
def logout(server: str | None) -> None:
    """Log out from a registry."""
    registry = registry_of(f"{server}/x") if server else registry_of("x")
    if not credentials.forget(registry):
        raise CommandFailed(f"Not logged in to {registry}")
    click.echo(f"Removing login credentials for {registry}")
