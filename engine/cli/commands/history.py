"""`wherry history`."""

import click

from engine.cli.client import Daemon
from engine.cli.formats import print_rows
from engine.cli.grammar import FORMAT_HELP, Command, pass_daemon
from engine.cli.humane import ago, ellipsis, rfc3339, short_id, size
from engine.cli.platforms import platform_document


@click.command(cls=Command)
@click.option("--format", "template", help=FORMAT_HELP)
@click.option("--human/--no-human", "-H", default=True, help="Print sizes and dates in human readable format.")
@click.option("--no-trunc", is_flag=True, help="Don't truncate output.")
@click.option("--platform", help="Show history for the given platform.", metavar="OS[/ARCH[/VARIANT]]")
@click.option("--quiet", "-q", is_flag=True, help="Only show image IDs.")
@click.argument("image")
@pass_daemon
def history(
    daemon: Daemon,
    image: str,
    template: str | None,
    human: bool,
    no_trunc: bool,
    platform: str | None,
    quiet: bool,
) -> None:
    """Show the history of an image."""
    print_rows(
        daemon.get(f"/images/{image}/history", platform=platform_document(platform)),
        [
            ("IMAGE", "ID", lambda row: row["Id"] if no_trunc else short_id(row["Id"])),
            ("CREATED", "CreatedSince", lambda row: _since(row["Created"]) if human else rfc3339(row["Created"])),
            ("CREATED AT", "CreatedAt", lambda row: rfc3339(row["Created"])),
            (
                "CREATED BY",
                "CreatedBy",
                lambda row: row["CreatedBy"] if no_trunc else ellipsis(row["CreatedBy"].replace("\t", " "), 45),
            ),
            ("SIZE", "Size", lambda row: size(row["Size"]) if human else str(row["Size"])),
            ("COMMENT", "Comment", lambda row: row["Comment"]),
        ],
        ["ID", "CreatedSince", "CreatedBy", "Size", "Comment"],
        template,
        quiet_key="ID" if quiet else "",
    )


def _since(created: float) -> str:
    """An image of a reproducible build has no age."""
    return ago(created) if created > 0 else "N/A"
