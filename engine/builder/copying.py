"""COPY, ADD and WORKDIR as steps: sources found and digested, the cache asked, a layer made where it does not know."""

import contextlib
import os
import posixpath
from collections.abc import Callable
from dataclasses import replace

from engine import kernel
from engine.builder import context_paths, origins
from engine.builder.cache import key_of
from engine.builder.context import Context
from engine.builder.copy import Copier, Owner, Rules
from engine.builder.late_links import LateLinks
from engine.builder.metadata import resolve_workdir
from engine.builder.modes import Mode
from engine.builder.origins import Group
from engine.builder.parser import Instruction
from engine.builder.scope import Scope
from engine.builder.sources import NothingFound, Source
from engine.builder.state import State
from engine.builder.threads import finish
from engine.containers import inputs, users
from proto.errdefs import Fault, InvalidArgument, NotFound


async def copy(stage: Scope, instruction: Instruction) -> State:
    """One COPY or ADD."""
    expander = stage.expander()
    words = tuple(origins.word(word, instruction, expander.word) for word in instruction.args)
    destination = resolve_destination(stage.state.config.get("WorkingDir") or "", words[-1])
    excludes = tuple(expander.word(word) for word in instruction.many.get("exclude", ()))
    origin = instruction.flags.get("from", "")
    keeps_owners = bool(origin) and not instruction.flags.get("chown")
    async with contextlib.AsyncExitStack() as stack:
        base = await origins.root(stage, stack, origin, context_paths.local(words[:-1], instruction.heredocs))
        groups = await origins.groups(stage, stack, instruction, words[:-1], base)
        parents = _switched(instruction, "parents")
        found: list[tuple[Group, list[Source]]] = []
        for group in groups:
            try:
                some = await finish(group.find, excludes, owners=keeps_owners, parents=parents)
                found.append((group, some))
            except NothingFound as fault:
                if not stage.session.request.modern:
                    raise InvalidArgument(f"{instruction.name} failed: {fault}") from fault
            except Fault as fault:
                if isinstance(fault, NotFound) and not origin:
                    fault = InvalidArgument(f"file not found in build context or excluded by .dockerignore: {fault}")
                raise InvalidArgument(f"{instruction.name} failed: {fault}") from fault
        everything = [source for _, some in found for source in some]
        if not everything:
            return await _nothing(stage, instruction)
        if len(everything) > 1 and not destination.endswith("/"):
            raise InvalidArgument(
                f"When using {instruction.name} with more than one source file, the destination must be a directory "
                "and end with a /"
            )
        rules = await _rules(stage, instruction, excludes, keeps_owners=keeps_owners)
        rules = replace(rules, parents=parents, unpack=any(group.unpack for group in groups))

        # With several sources a later one may replace what an earlier one brought: those are copied in their order.
        folder = groups[0].folder
        given = len(everything) == 1 and isinstance(folder, Context) and folder.is_passing
        links = LateLinks() if given else None

        def work(target: int) -> bool:
            for group, some in found:
                Copier(group.root, target, replace(rules, unpack=group.unpack), links).copy(some, destination)
            return True

        return await _made(stage, instruction, everything, (words[-1], destination), rules, work, links)


async def _nothing(stage: Scope, instruction: Instruction) -> State:
    """A pattern that nothing suits is no error to BuildKit, and makes not even the folder."""
    command = stage.state.nop(f"{instruction.name} {instruction.rest} ")
    key = key_of("nothing", stage.state.top, command)
    return await layered(stage, key, command, stage.state.config, lambda _: False, alone=False)


async def _made(
    stage: Scope,
    instruction: Instruction,
    everything: list[Source],
    destination: tuple[str, str],  # as written, and as resolved
    rules: Rules,
    work: Callable[[int], bool],
    links: LateLinks | None,
) -> State:
    linked = _switched(instruction, "link")
    names = [(source.digest, posixpath.basename(source.path), source.parents) for source in everything]
    mode = rules.mode.text if rules.mode else None
    inputs_of = [names, rules.owner, mode, rules.unpack, rules.excludes, rules.parents]
    inputs_of += [rules.archives] if rules.archives is not None else []
    # History names all that went in, so that a step can also be found again in the history of an image (--cache-from).
    kind = "multi" if len(everything) > 1 else everything[0].digest.partition(":")[0]
    chown = f"--chown={instruction.flags['chown']} " if instruction.flags.get("chown") else ""
    command = stage.state.nop(f"{instruction.name} {chown}{kind}:{key_of(*inputs_of)} in {destination[0]} ")
    key = key_of("copy", "" if linked else stage.state.top, inputs_of, destination[1], stage.session.request.epoch)
    return await layered(stage, key, command, stage.state.config, work, alone=linked, links=links)


async def workdir(stage: Scope, config: dict[str, object], comment: str) -> State:
    """WORKDIR: the folder is made where the layers lack it, links inside of the image followed."""
    path = str(config["WorkingDir"])
    user = str(config.get("User") or "") if stage.session.request.modern else ""
    owner = await _owner(stage, user) if user else (0, 0)

    def work(target: int) -> bool:
        try:
            os.close(kernel.openat2(target, path, os.O_PATH | os.O_DIRECTORY))
            return False
        except FileNotFoundError:
            os.close(Copier(-1, target, Rules(owner)).make_folders(path))
            return True
        except OSError as error:
            raise InvalidArgument(f"WORKDIR {path}: {(error.strerror or 'unknown').lower()}") from None

    key = key_of("workdir", stage.state.top, path, stage.session.request.epoch, *(owner if any(owner) else ()))
    return await layered(stage, key, stage.state.nop(comment), config, work, alone=False)


async def layered(
    stage: Scope,
    key: str,
    command: str,
    config: dict[str, object],
    work: Callable[[int], bool],
    *,
    alone: bool,
    links: LateLinks | None = None,
) -> State:
    """A step's layer, from the cache or made now."""
    session, state = stage.session, stage.state
    known = await stage.known(key, command)
    if known is not None:
        if alone and known.layer is not None:
            await stage.confirm()
            await session.layers.ensure(state, known.layer)
        stage.lane.cached()
        return state.stepped(config, command, known.created, known.layer)
    layer = await session.layers.write(state, work, alone=alone, epoch=session.request.epoch, links=links)
    created = session.now()
    await session.cache.keep(key, created, command, layer, state)
    return state.stepped(config, command, created, layer)


def resolve_destination(workdir: str, path: str) -> str:
    """An absolute path; a slash at its end stays, as it says that the destination is a folder."""
    resolved = resolve_workdir(workdir, path)
    is_folder = path.endswith(("/", "/.")) or path in (".", "..")
    return resolved if not is_folder or resolved.endswith("/") else f"{resolved}/"


def _switched(instruction: Instruction, flag: str) -> bool:
    """`--flag`, or `--flag=true`."""
    text = instruction.flags.get(flag, "false").lower()
    if text not in ("", "true", "1", "false", "0"):
        raise instruction.fault(f"expecting boolean value for flag {flag}, not: {text}")
    return text in ("", "true", "1")


async def _rules(stage: Scope, instruction: Instruction, excludes: tuple[str, ...], *, keeps_owners: bool) -> Rules:
    expander = stage.expander()
    mode = expander.word(instruction.flags.get("chmod", ""))
    owner: Owner | None = None if keeps_owners else (0, 0)
    chown = expander.word(instruction.flags.get("chown", ""))
    if chown:
        owner = await _owner(stage, chown)
    archives = owner if chown and stage.session.request.modern else None
    return Rules(owner, Mode(mode) if mode else None, excludes=excludes, archives=archives)


async def _owner(stage: Scope, text: str) -> Owner:
    """By the image's own passwd and group; numbers need none. A user's name alone is also the group's, as in docker;
    to BuildKit it means the group that the user has there."""
    user, _, group = text.partition(":")
    if not group and not (stage.session.request.modern and not user.isdigit()):
        group = user
    if user.isascii() and user.isdigit() and group.isascii() and group.isdigit():
        found = users.resolve(f"{user}:{group}", (), "", "")
        return found.uid, found.gid
    await stage.confirm()
    async with stage.session.layers.viewed(stage.state) as root:
        passwd, groups = inputs.read_in_root(root, "etc/passwd"), inputs.read_in_root(root, "etc/group")
    try:
        found = users.resolve(f"{user}:{group}" if group else user, (), passwd, groups)
    except InvalidArgument as fault:
        raise InvalidArgument(f"unable to convert uid/gid chown string to host mapping: {fault}") from fault
    return found.uid, found.gid
