"""`wherry login` and `wherry logout`: credentials checked by the engine, kept where docker keeps them."""

import base64
import json
import os
import sys
import tempfile
from typing import Any

import click

from engine.cli.client import Daemon
from engine.cli.errors import CommandFailed
from engine.cli.grammar import Command, pass_daemon
from engine.cli.pulling import config_path, read_config, registry_of


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
    username = username or click.prompt("Username")
    password = password or click.prompt("Password", hide_input=True)
    registry = registry_of(f"{server}/x") if server else registry_of("x")
    body = {"username": username, "password": password, "serveraddress": registry}
    answer = daemon.post("/auth", body)
    entry = {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}
    if answer.get("IdentityToken"):
        entry = {"auth": "", "identitytoken": answer["IdentityToken"]}
    config = read_config()
    config.setdefault("auths", {})[registry] = entry
    _write_config(config)
    click.echo(answer.get("Status") or "Login Succeeded")


@click.command(cls=Command)
@click.argument("server", required=False)
def logout(server: str | None) -> None:
    """Log out from a registry."""
    registry = registry_of(f"{server}/x") if server else registry_of("x")
    config = read_config()
    if config.get("auths", {}).pop(registry, None) is None:
        raise CommandFailed(f"Not logged in to {registry}")
    _write_config(config)
    click.echo(f"Removing login credentials for {registry}")


def _write_config(config: dict[str, Any]) -> None:
    path = config_path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)  # made 0600
    with os.fdopen(descriptor, "w") as file:
        json.dump(config, file, indent="\t")
    os.replace(temporary, path)
