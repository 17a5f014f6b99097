"""`wherry search`: what an engine finds on Docker Hub. Ours refuses; dockerd asks the Hub."""

import click

from engine.cli.client import Daemon
from engine.cli.formats import print_rows
from engine.cli.grammar import FORMAT_HELP, Command, filters_from, pass_daemon
from engine.cli.humane import ellipsis


@click.command(cls=Command)
@click.option("--filter", "-f", "filters", multiple=True, help="Provide filter values (e.g. is-official=true).")
@click.option("--format", "template", help=FORMAT_HELP)
@click.option("--limit", type=int, help="Max number of search results.")
@click.option("--no-trunc", is_flag=True, help="Do not truncate output.")
@click.argument("term")
@pass_daemon
def search(
    daemon: Daemon, filters: tuple[str, ...], template: str | None, limit: int | None, no_trunc: bool, term: str
) -> None:
    """Search Docker Hub for images (an engine of wherry refuses that by name)."""
    found = daemon.get("/images/search", term=term, limit=limit, filters=filters_from(filters))
    print_rows(
        found,
        [
            ("NAME", "Name", lambda row: row["name"]),
            ("DESCRIPTION", "Description", lambda row: _short(row.get("description") or "", no_trunc)),
            ("STARS", "StarCount", lambda row: str(row.get("star_count", 0))),
            ("OFFICIAL", "IsOfficial", lambda row: "[OK]" if row.get("is_official") else ""),
        ],
        ["Name", "Description", "StarCount", "IsOfficial"],
        template,
    )


def _short(text: str, whole: bool) -> str:
    text = " ".join(text.split())
    return text if whole else ellipsis(text, 45)
