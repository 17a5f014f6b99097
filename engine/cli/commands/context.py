"""`wherry context …`: engines by name. They are docker's own contexts: both programs know the same ones."""

import io
import json
import os
import sys
import tarfile
from collections.abc import Iterable
from typing import IO, Any

import click

from engine.cli import contexts
from engine.cli.address import DEFAULT_CONTEXT, Address, choose, choose_context
from engine.cli.contexts import TLS_FILES, Context
from engine.cli.errors import CommandFailed, ExitWith
from engine.cli.formats import print_objects, print_rows
from engine.cli.grammar import FORMAT_HELP, Command

_ENDPOINT = ("host", "from", *TLS_FILES, "skip-tls-verify")
_LARGEST = 10 << 20


def _current() -> str:
    """The one that a command without flags would use; a root's flags count, too."""
    root = click.get_current_context().find_root().params
    return choose_context(root.get("context"), root.get("host"), os.environ)


def _default_host() -> str:
    return choose(click.get_current_context().find_root().params.get("host"), os.environ)[0].text


@click.command(cls=Command)
@click.option("--description", help="Description of the context.")
@click.option(
    "--docker", "endpoint", help="The engine: host=ADDRESS[,ca=FILE,cert=FILE,key=FILE,skip-tls-verify=BOOL]."
)
@click.option("--from", "source", help="Create it from the named context.")
@click.argument("name")
def create(description: str | None, endpoint: str | None, source: str | None, name: str) -> None:
    """Create a context."""
    if contexts.exists(contexts.check_name(name)):
        raise CommandFailed(f'context "{name}" already exists')
    if source and endpoint:
        raise CommandFailed("cannot use --docker flag when --from is set")
    made = _copy(source or DEFAULT_CONTEXT, name) if not endpoint else _changed(Context(name, ""), endpoint)
    if not made.host:
        raise CommandFailed("unable to create docker endpoint config: host is needed (--docker host=…)")
    made.description = made.description if description is None else description
    contexts.save(made)
    click.echo(name)
    click.echo(f'Successfully created context "{name}"', err=True)


def _copy(source: str, name: str) -> Context:
    if source == DEFAULT_CONTEXT:
        return Context(name, _default_host())
    found = contexts.load(source)
    return Context(name, found.host, found.description, found.skip_verify, dict(found.tls))


def _changed(context: Context, endpoint: str) -> Context:
    """`--docker`: what is named is changed, the rest stays."""
    for word in endpoint.split(","):
        key, equals, value = word.partition("=")
        if key not in _ENDPOINT or not equals:
            raise CommandFailed(f'unrecognized config key: "{key}" (there are {", ".join(_ENDPOINT)})')
        if key == "host":
            Address(value)  # refused now rather than at each use
            context.host = value
        elif key == "from":
            copied = _copy(value, context.name)
            context.host, context.skip_verify, context.tls = copied.host, copied.skip_verify, copied.tls
        elif key == "skip-tls-verify":
            context.skip_verify = value.lower() in ("1", "t", "true")
        else:
            try:
                with open(value, "rb") as file:
                    context.tls[key] = file.read(_LARGEST)
            except OSError as error:
                raise CommandFailed(f"unable to create docker endpoint config: {value}: {error.strerror}") from None
    return context


@click.command(cls=Command)
@click.option("--description", help="Description of the context.")
@click.option(
    "--docker", "endpoint", help="The engine: host=ADDRESS[,ca=FILE,cert=FILE,key=FILE,skip-tls-verify=BOOL]."
)
@click.argument("name")
def update(description: str | None, endpoint: str | None, name: str) -> None:
    """Update a context."""
    context = contexts.load(contexts.check_name(name))
    if endpoint:
        context = _changed(context, endpoint)
    if description is not None:
        context.description = description
    contexts.save(context)
    click.echo(name)
    click.echo(f'Successfully updated context "{name}"', err=True)


@click.command("ls", cls=Command)
@click.option("--format", "template", help=FORMAT_HELP)
@click.option("--quiet", "-q", is_flag=True, help="Only show context names.")
def list_(template: str | None, quiet: bool) -> None:
    """List contexts."""
    current = _current()
    rows = [Context(DEFAULT_CONTEXT, _default_host(), "Current DOCKER_HOST based configuration")]
    rows += [contexts.load(name) for name in contexts.names()]
    print_rows(
        [{"context": one} for one in rows],
        [
            ("NAME", "Name", lambda row: row["context"].name),
            ("CURRENT", "Current", lambda row: row["context"].name == current),
            (
                "NAME",
                "_Name",
                lambda row: f"{row['context'].name} *" if row["context"].name == current else row["context"].name,
            ),
            ("DESCRIPTION", "Description", lambda row: row["context"].description),
            ("DOCKER ENDPOINT", "DockerEndpoint", lambda row: row["context"].host),
            ("ERROR", "Error", lambda row: ""),
        ],
        ["_Name", "Description", "DockerEndpoint", "Error"],
        template,
        quiet_key="Name" if quiet else "",
    )


@click.command(cls=Command)
def show() -> None:
    """Print the name of the current context."""
    click.echo(_current())


@click.command(cls=Command)
@click.argument("name")
def use(name: str) -> None:
    """Set the current context."""
    contexts.use(name)
    click.echo(name)
    click.echo(f'Current context is now "{name}"', err=True)
    for variable in ("WHERRY_HOST", "DOCKER_HOST"):
        if name != DEFAULT_CONTEXT and os.environ.get(variable):
            click.echo(f"Warning: {variable} environment variable overrides the active context.", err=True)


@click.command("rm", cls=Command)
@click.option("--force", "-f", is_flag=True, help="Force the removal of a context in use.")
@click.argument("names", nargs=-1, required=True)
def remove(force: bool, names: tuple[str, ...]) -> None:
    """Remove one or more contexts."""
    current, failed = _current(), False
    for name in names:
        try:
            if name == DEFAULT_CONTEXT:
                raise CommandFailed('context "default" cannot be removed')
            if name == current and not force:
                raise CommandFailed(f'context "{name}" is in use, set -f flag to force remove')
            contexts.load(name)
        except CommandFailed as error:
            failed = True
            error.show()
            continue
        contexts.remove(name)
        click.echo(name)
    if failed:
        raise ExitWith(1)


@click.command(cls=Command)
@click.option("--format", "-f", "template", help=FORMAT_HELP)
@click.argument("names", nargs=-1)
def inspect(template: str | None, names: tuple[str, ...]) -> None:
    """Display detailed information on one or more contexts."""
    print_objects([_document(name) for name in names or (_current(),)], template)


def _document(name: str) -> dict[str, Any]:
    if name == DEFAULT_CONTEXT:
        document = Context(name, _default_host()).to_json()
        places = {"MetadataPath": "<IN MEMORY>", "TLSPath": "<IN MEMORY>"}
        return document | {"TLSMaterial": {}, "Storage": places}
    context = contexts.load(name)
    material = {"docker": [TLS_FILES[kind] for kind in context.tls]} if context.tls else {}
    places = {"MetadataPath": contexts.meta_folder(name), "TLSPath": contexts.tls_folder(name)}
    return context.to_json() | {"TLSMaterial": material, "Storage": places}


@click.command(cls=Command)
@click.argument("name")
@click.argument("file", required=False, metavar="[FILE|-]")
def export(name: str, file: str | None) -> None:
    """Export a context to a tar archive FILE or a tar stream on STDOUT."""
    context = contexts.load(name)
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        _add(archive, "meta.json", json.dumps(context.to_json()).encode())
        for kind, material in context.tls.items():
            _add(archive, f"tls/docker/{TLS_FILES[kind]}", material)
    if file == "-":
        if sys.stdout.isatty():
            raise CommandFailed("cowardly refusing to export to a terminal, specify a file path")
        sys.stdout.buffer.write(content.getvalue())
        return
    path = file or f"{name}.dockercontext"
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
            target.write(content.getvalue())
    except OSError as error:
        raise CommandFailed(f"{path}: {error.strerror}") from None
    click.echo(f'Written file "{path}"')


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o600
    archive.addfile(entry, io.BytesIO(content))


@click.command("import", cls=Command)
@click.argument("name")
@click.argument("file", metavar="FILE|-")
def import_(name: str, file: str) -> None:
    """Import a context from a tar or zip file."""
    if contexts.exists(contexts.check_name(name)):
        raise CommandFailed(f'context "{name}" already exists')
    try:
        data = sys.stdin.buffer.read(_LARGEST) if file == "-" else _content(file)
        found = dict(_entries(data))
        context = contexts.from_json(json.loads(found["meta.json"]) | {"Name": name})
    except (OSError, ValueError, KeyError, tarfile.TarError) as error:
        raise CommandFailed(f"{file} is no exported context: {error}") from None
    places = {f"tls/docker/{file_name}": kind for kind, file_name in TLS_FILES.items()}
    context.tls = {kind: found[place] for place, kind in places.items() if place in found}
    contexts.save(context)
    click.echo(name)
    click.echo(f'Successfully imported context "{name}"', err=True)


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(_LARGEST)


def _entries(data: bytes) -> Iterable[tuple[str, bytes]]:
    """Files by their names, which are looked up and never opened: nothing of an archive becomes a path."""
    if data.startswith(b"PK"):
        import zipfile

        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                with archive.open(name) as file:
                    yield name, file.read(_LARGEST)
        return
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for entry in tar:
            content: IO[bytes] | None = tar.extractfile(entry) if entry.isreg() else None
            if content is not None:
                yield entry.name, content.read(_LARGEST)
