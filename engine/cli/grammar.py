"""docker's way of writing flags, on click: `--rm=false`, `-e=A=1`, and all after the image is the container's."""

from collections.abc import Sequence
from typing import Any

import click

from engine.cli import unbuilt_flags
from engine.cli.client import Daemon

pass_daemon = click.make_pass_decorator(Daemon)
FORMAT_HELP = "Print with a Go template; `json` prints JSON, `table …` a table of one's own."


class Command(click.Command):
    """A command whose flags may carry a value, as Go's do. `raw_tail` leaves everything after the first word alone."""

    def __init__(self, *arguments: Any, raw_tail: bool = False, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for param in self.params:
            if isinstance(param, click.Argument):
                param._custom_shell_complete = _complete
        if raw_tail:
            self.context_settings = {**self.context_settings, "allow_interspersed_args": False}
        self._raw_tail = raw_tail

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Rewrite Go's spellings to click's, then parse."""
        return super().parse_args(ctx, rewrite(args, self.params, raw_tail=self._raw_tail))


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
    """Names of objects, for the arguments that are some; files and choices are left to click and the shell."""
    from click.shell_completion import CompletionItem

    from engine.cli import completing

    if not completing.kind_of(ctx, param.name or ""):
        return param.type.shell_complete(ctx, param, incomplete)
    return [CompletionItem(name) for name in completing.complete(ctx, param, incomplete)]


def rewrite(args: Sequence[str], params: Sequence[click.Parameter], *, raw_tail: bool) -> list[str]:
    """`--flag=true` becomes `--flag`, `--flag=false` goes, `-e=X` becomes `-e X`; else raises UsageError."""
    options = {name: param for param in params if isinstance(param, click.Option) for name in param.opts}
    rewritten: list[str] = []
    rest = list(args)
    while rest:
        word = rest.pop(0)
        if word == "--" or (raw_tail and not word.startswith("-")):
            return [*rewritten, word, *rest]
        if word.startswith("--") and unbuilt_flags.taken(word, options):
            continue
        name, separator, value = word.partition("=")
        option = options.get(name)
        if option is None or not separator:
            rewritten.append(word)
            if option is not None and not option.is_flag and not separator and rest:
                rewritten.append(rest.pop(0))
        elif option.is_flag:
            rewritten += _flag(name, value, option.secondary_opts)
        else:
            rewritten += [name, value] if not name.startswith("--") else [word]
    return rewritten


def _flag(name: str, value: str, opposite: Sequence[str]) -> list[str]:
    """A flag that is on of itself has an opposite."""
    if value.lower() in ("1", "t", "true"):
        return [name]
    if value.lower() in ("0", "f", "false"):
        return [*opposite[:1]]
    raise click.UsageError(f'invalid argument "{value}" for "{name}" flag: true or false is meant')


def filters_from(pairs: Sequence[str]) -> dict[str, list[str]] | None:
    """The API's filters from `--filter key=value` words; None when there are none."""
    found: dict[str, list[str]] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator:
            raise click.UsageError(f"invalid filter '{pair}': write it as key=value")
        found.setdefault(key.strip().lower(), []).append(value.strip())
    return found or None
