"""COPY, ADD and WORKDIR as steps: sources found and digested, the cache asked, a layer made where it does not know."""

import contextlib
import os
import posixpath
import tempfile
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from e2b_dockerfile_utils import DockerfileHeredoc, ShellLex, chomp_heredoc_content, parse_heredoc

from engine import kernel
from engine.builder import download, sources
from engine.builder.cache import key_of
from engine.builder.copy import Copier, Owner, Rules
from engine.builder.metadata import resolve_workdir
from engine.builder.parser import Instruction
from engine.builder.run_mounts import octal
from engine.builder.sources import Source
from engine.builder.state import State
from engine.builder.threads import finish
from engine.containers import inputs, users
from proto.errdefs import Fault, InvalidArgument, NotFound

if TYPE_CHECKING:
    from engine.builder.stage import StageBuild


async def copy(stage: "StageBuild", instruction: Instruction) -> State:
    """One COPY or ADD."""
    expander = stage.expander()
    words = tuple(_word(word, instruction, expander.word) for word in instruction.args)
    destination = resolve_destination(stage.state.config.get("WorkingDir") or "", words[-1])
    excludes = tuple(expander.word(word) for word in instruction.many.get("exclude", ()))
    origin = instruction.flags.get("from", "")
    keeps_owners = bool(origin) and not instruction.flags.get("chown")
    async with contextlib.AsyncExitStack() as stack:
        root = await _root(stage, stack, origin)
        groups = await _groups(stage, stack, instruction, words[:-1], root)
        found: list[tuple[int, list[Source]]] = []
        for folder, names in groups:
            try:
                found.append((folder, await _find(folder, names, excludes, owners=keeps_owners)))
            except Fault as fault:
                if isinstance(fault, NotFound) and not origin:
                    fault = InvalidArgument(f"file not found in build context or excluded by .dockerignore: {fault}")
                raise InvalidArgument(f"{instruction.name} failed: {fault}") from fault
        everything = [source for _, some in found for source in some]
        if len(everything) > 1 and not destination.endswith("/"):
            raise InvalidArgument(
                f"When using {instruction.name} with more than one source file, the destination must be a directory "
                "and end with a /"
            )
        rules = await _rules(stage, instruction, excludes, keeps_owners=keeps_owners)

        def work(target: int) -> bool:
            for folder, some in found:
                local = folder == root
                unpacking = Rules(rules.owner, rules.mode, rules.unpack and local, rules.excludes)
                Copier(folder, target, unpacking).copy(some, destination)
            return True

        return await _made(stage, instruction, everything, (words[-1], destination), rules, work)


async def _made(
    stage: "StageBuild",
    instruction: Instruction,
    everything: list[Source],
    destination: tuple[str, str],  # as written, and as resolved
    rules: Rules,
    work: Callable[[int], bool],
) -> State:
    linked = instruction.flags.get("link", "false").lower() in ("", "true", "1")
    digests = [source.digest for source in everything]
    digest = digests[0] if len(digests) == 1 else f"multi:{key_of(*digests)}"
    chown = f"--chown={instruction.flags['chown']} " if instruction.flags.get("chown") else ""
    command = stage.state.nop(f"{instruction.name} {chown}{digest} in {destination[0]} ")
    names = [(source.digest, posixpath.basename(source.path), source.is_folder) for source in everything]
    shown = [rules.owner, rules.mode, rules.unpack, rules.excludes]
    key = key_of("copy", "" if linked else stage.state.top, names, destination[1], shown, stage.session.request.epoch)
    return await layered(stage, key, command, stage.state.config, work, alone=linked)


async def workdir(stage: "StageBuild", config: dict[str, object], comment: str) -> State:
    """WORKDIR: the folder is made where the layers lack it, links inside of the image followed."""
    path = str(config["WorkingDir"])

    def work(target: int) -> bool:
        try:
            os.close(kernel.openat2(target, path, os.O_PATH | os.O_DIRECTORY))
            return False
        except FileNotFoundError:
            os.close(Copier(-1, target, Rules()).make_folders(path))
            return True
        except OSError as error:
            raise InvalidArgument(f"WORKDIR {path}: {(error.strerror or 'unknown').lower()}") from None

    key = key_of("workdir", stage.state.top, path, stage.session.request.epoch)
    return await layered(stage, key, stage.state.nop(comment), config, work, alone=False)


async def layered(
    stage: "StageBuild",
    key: str,
    command: str,
    config: dict[str, object],
    work: Callable[[int], bool],
    *,
    alone: bool,
) -> State:
    """A step's layer, from the cache or made now."""
    session, state = stage.session, stage.state
    known = None if session.request.no_cache else await session.cache.find(key)
    if known is not None:
        if alone and known.layer is not None:
            await session.layers.ensure(state, known.layer)
        stage.lane.stream(" ---> Using cache\n")
        return state.stepped(config, command, known.created, known.layer)
    layer = await session.layers.write(state, work, alone=alone, epoch=session.request.epoch)
    created = session.now()
    await session.cache.keep(key, created, command, layer, state)
    return state.stepped(config, command, created, layer)


def resolve_destination(workdir: str, path: str) -> str:
    """An absolute path; a slash at its end stays, as it says that the destination is a folder."""
    resolved = resolve_workdir(workdir, path)
    is_folder = path.endswith(("/", "/.")) or path in (".", "..")
    return resolved if not is_folder or resolved.endswith("/") else f"{resolved}/"


def _word(word: str, instruction: Instruction, expand: Callable[[str], str]) -> str:
    is_heredoc = any(word.lstrip("0123456789").lstrip("<-").strip("'\"") == doc.name for doc in instruction.heredocs)
    return word if is_heredoc and "<<" in word else expand(word)


async def _root(stage: "StageBuild", stack: contextlib.AsyncExitStack, origin: str) -> int:
    if not origin:
        return stage.session.context.root
    try:
        state = await stage.origin(origin)
    except Fault as fault:
        raise type(fault)(f"invalid from flag value {origin}: {fault}") from fault
    return await stack.enter_async_context(stage.session.layers.viewed(state))


async def _groups(
    stage: "StageBuild", stack: contextlib.AsyncExitStack, instruction: Instruction, words: tuple[str, ...], root: int
) -> list[tuple[int, tuple[str, ...]]]:
    """The words by where they are found: the context (or origin), heredocs, downloads; in their order."""
    groups: list[tuple[int, tuple[str, ...]]] = []
    for word in words:
        heredoc = _heredoc(word, instruction.heredocs)
        if heredoc is not None:
            groups.append((await stack.enter_async_context(_inline(stage, heredoc)), (heredoc.name,)))
        elif download.is_remote(word):
            if instruction.name == "COPY":
                raise InvalidArgument("COPY failed: source can't be a URL for COPY")
            folder, name = await stack.enter_async_context(
                download.fetched(word, stage.session.temporary, instruction.flags.get("checksum", ""))
            )
            groups.append((folder, (name,)))
        elif groups and groups[-1][0] == root:
            groups[-1] = (root, (*groups[-1][1], word))
        else:
            groups.append((root, (word,)))
    return groups


def _heredoc(word: str, heredocs: tuple[DockerfileHeredoc, ...]) -> DockerfileHeredoc | None:
    parsed = parse_heredoc(word) if "<<" in word else None
    return next((doc for doc in heredocs if parsed is not None and doc.name == parsed.name), None)


@contextlib.asynccontextmanager
async def _inline(stage: "StageBuild", heredoc: DockerfileHeredoc) -> AsyncIterator[int]:
    """A folder with one file that the Dockerfile itself holds."""
    text = chomp_heredoc_content(heredoc.content) if heredoc.chomp else heredoc.content
    if heredoc.expand:
        lex = ShellLex(stage.session.file.escape, skip_process_quotes=True, env=stage.variables(), skip_unset_env=False)
        try:
            text = lex.process_word(text)
        except ValueError as error:
            raise InvalidArgument(str(error)) from None
    if "/" in heredoc.name or heredoc.name in (".", ".."):
        raise InvalidArgument(f"{heredoc.name!r} cannot be the name of a file")
    with tempfile.TemporaryDirectory(prefix="heredoc-", dir=stage.session.temporary) as folder:
        fd = os.open(f"{folder}/{heredoc.name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(text.encode())
            os.fchmod(fd, 0o644)
        root = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield root
        finally:
            os.close(root)


async def _find(root: int, names: tuple[str, ...], excludes: tuple[str, ...], *, owners: bool) -> list[Source]:
    return await finish(sources.find, root, names, excludes, owners=owners)


async def _rules(
    stage: "StageBuild", instruction: Instruction, excludes: tuple[str, ...], *, keeps_owners: bool
) -> Rules:
    expander = stage.expander()
    mode = expander.word(instruction.flags.get("chmod", ""))
    owner: Owner | None = None if keeps_owners else (0, 0)
    chown = expander.word(instruction.flags.get("chown", ""))
    if chown:
        owner = await _owner(stage, chown)
    return Rules(owner, octal(mode) if mode else None, instruction.name == "ADD", excludes)


async def _owner(stage: "StageBuild", text: str) -> Owner:
    """By the image's own passwd and group; numbers need none. A user alone is also the group's name, as in docker."""
    user, _, group = text.partition(":")
    group = group or user
    if user.isascii() and user.isdigit() and group.isascii() and group.isdigit():
        found = users.resolve(f"{user}:{group}", (), "", "")
        return found.uid, found.gid
    async with stage.session.layers.viewed(stage.state) as root:
        passwd, groups = inputs.read_in_root(root, "etc/passwd"), inputs.read_in_root(root, "etc/group")
    try:
        found = users.resolve(f"{user}:{group}", (), passwd, groups)
    except InvalidArgument as fault:
        raise InvalidArgument(f"unable to convert uid/gid chown string to host mapping: {fault}") from fault
    return found.uid, found.gid
