"""RUN as a step: its command, environment and mounts worked out, the cache asked, a container run where it must be."""

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from e2b_dockerfile_utils import DockerfileHeredoc, chomp_heredoc_content, parse_heredoc

from engine.builder import context_paths, mounting, origins, run_mounts, sources
from engine.builder.cache import key_of
from engine.builder.metadata import command_line
from engine.builder.parser import Instruction
from engine.builder.run import CommandFailed, Step, Unfinished, container, execute
from engine.builder.run_mounts import RunMount
from engine.builder.scope import Scope
from engine.builder.state import Layer, State
from engine.builder.threads import finish
from proto.errdefs import InvalidArgument, Unimplemented

_NETWORKS = ("default", "none", "host")
_SCRIPT = "\0heredoc"  # the name of a script among the secrets: no Dockerfile can spell it


async def run(stage: Scope, instruction: Instruction) -> State:
    """One RUN."""
    state, session = stage.state, stage.session
    command, script = _command(instruction, state.shell)
    mounts = _mounts(stage, instruction)
    secrets = dict[str, bytes]()
    if script is not None:
        mounts.append(RunMount("secret", command[0], id=_SCRIPT, mode=0o755))
        secrets[_SCRIPT] = script.encode()
    arguments = {name: value for name, value in stage.arguments.all().items() if name not in state.environment}
    shown = stage.arguments.shown(state.environment)
    text = " ".join([*([f"|{len(shown)}", *shown] if arguments else []), *command])
    network = _network(instruction)
    async with contextlib.AsyncExitStack() as stack:
        roots, digests = await _roots(stage, stack, mounts)
        relevant = {key: state.config.get(key) for key in ("Env", "User", "WorkingDir", "Volumes")}
        described = [[*mount.shown(), digests.get(number, "")] for number, mount in enumerate(mounts)]
        given = session.request.host_config.get("NetworkMode", "")
        key = key_of(
            "run", state.top, relevant, command, script, shown, described, network or given, session.request.epoch
        )
        plain = not mounts and not network  # all that went in is in the words
        known = await stage.known(key, text, plain=plain)
        if known is not None:
            stage.lane.cached()
            return state.stepped(state.config, text, known.created, known.layer)
        secrets |= await session.secrets(mount.id for mount in mounts if mount.kind == "secret" and mount.id != _SCRIPT)
        environment = [*(state.config.get("Env") or ()), *(f"{name}={value}" for name, value in arguments.items())]
        layer = await _execute(stage, command, environment, mounts, roots, secrets, network)
        created = session.now()
        await session.cache.keep(key, created, text, layer, state)
        return state.stepped(state.config, text, created, layer)


async def _execute(
    stage: Scope,
    command: list[str],
    environment: list[str],
    mounts: list[RunMount],
    roots: Mapping[str, int],
    secrets: Mapping[str, bytes],
    network: str,
) -> Layer:
    session, state = stage.session, stage.state
    sockets = {mount.target for mount in mounts if mount.kind == "ssh"}
    async with contextlib.AsyncExitStack() as stack:
        given = await stack.enter_async_context(session.mounting.prepared(mounts, roots, secrets, session.client))
        agent = next((mount["Target"] for mount in given if mount["Target"] in sockets), "")
        if agent and not any(each.startswith("SSH_AUTH_SOCK=") for each in environment):
            environment = [*environment, f"SSH_AUTH_SOCK={agent}"]
        top = state.top
        if mounts:
            kinds = {
                mount.target: mounting.is_file(roots[mount.origin], mount.source)
                for mount in mounts
                if mount.kind == "bind"
            } | {mount.target: True for mount in mounts if mount.kind in ("secret", "ssh")}
            top = await stack.enter_async_context(
                session.layers.with_places(state, lambda root: mounting.make_places(root, given, kinds))
            )
        mapped = [mounting.with_own_ids(mount) for mount in given] if session.room.remap else given
        host: dict[str, Any] = {**session.request.host_config, "Mounts": mapped}
        if network:
            host["NetworkMode"] = network
        step = Step(
            image=Unfinished.of(state, top),
            command=command,
            environment=environment,
            user=str(state.config.get("User") or ""),
            workdir=str(state.config.get("WorkingDir") or ""),
            host_config=host,
            build_id=session.id,
            keep=not session.request.remove,
            keep_failed=not session.request.force_remove,
        )
        live = await stack.enter_async_context(container(session.room, step))
        stage.lane.stream(f" ---> Running in {live.container.id[:12]}\n")
        code = await execute(session.room, live, stage.lane.log)
        if code != 0:
            raise CommandFailed(f"The command '{' '.join(command)}' returned a non-zero code: {code}", code)
        layer = await session.layers.from_container(live.container.id, top, state, session.request.epoch)
        if session.request.remove:
            stage.lane.stream(f"Removing intermediate container {live.container.id[:12]}\n")
        return layer


def _command(instruction: Instruction, shell: list[str]) -> tuple[list[str], str | None]:
    """The words to run; for a heredoc that begins with #!, its path and the script that is to be there."""
    if instruction.json or not instruction.heredocs:
        return command_line(instruction, instruction.args, shell), None
    line = instruction.args[0]
    first = instruction.heredocs[0]
    alone = parse_heredoc(line) if len(instruction.heredocs) == 1 else None
    if alone is not None:
        text = _content(first)
        if text.startswith("#!"):
            return [f"/dev/pipes/{first.name}"], text
        return [*shell, text], None
    parts = [line] + [f"{doc.content}{doc.name}" for doc in instruction.heredocs]
    return [*shell, "\n".join(parts)], None


def _content(heredoc: DockerfileHeredoc) -> str:
    return chomp_heredoc_content(heredoc.content) if heredoc.chomp else heredoc.content


def _network(instruction: Instruction) -> str:
    network = instruction.flags.get("network", "")
    if network and network not in _NETWORKS:
        raise instruction.fault(f'invalid network mode "{network}": default, none or host is meant')
    if network == "host":
        raise Unimplemented(
            f"RUN --network=host (line {instruction.line}) is not supported: a Dockerfile cannot ask for the host's "
            "network; who builds can, by `--network host`"
        )
    return "" if network == "default" else network


def _mounts(stage: Scope, instruction: Instruction) -> list[RunMount]:
    expander = stage.expander()
    workdir = str(stage.state.config.get("WorkingDir") or "/")
    found = [run_mounts.parse(instruction, expander.word(text), workdir) for text in instruction.many.get("mount", ())]
    for number, mount in enumerate([mount for mount in found if mount.kind == "ssh"]):
        if mount.target == run_mounts.AGENT:  # each has a socket of its own
            found[found.index(mount)] = replace(mount, target=f"{run_mounts.AGENT.removesuffix('0')}{number}")
    targets = [mount.target for mount in found if mount.target]
    if len(targets) != len(set(targets)):
        raise instruction.fault("two mounts have the same target")
    if stage.session.room.remap and any(mount.kind == "bind" and not mount.read_only for mount in found):
        raise instruction.fault("RUN --mount=type=bind,rw is not built for an engine with userns-remap")
    return found


async def _roots(
    stage: Scope, stack: contextlib.AsyncExitStack, mounts: list[RunMount]
) -> tuple[dict[str, int], dict[int, str]]:
    """An fd of each `from`, and the digest of what each bind shows."""
    roots, digests = dict[str, int](), dict[int, str]()
    for number, mount in enumerate(mounts):
        if mount.kind != "bind" and not (mount.kind == "cache" and (mount.origin or mount.source)):
            continue
        if mount.origin not in roots:
            roots[mount.origin] = await origins.opened(stage, stack, mount.origin, context_paths.of_mounts(mounts))
        if mount.kind == "cache":
            continue  # what a cache begins with is no part of a key
        found = await finish(sources.find, roots[mount.origin], (mount.source or ".",), (), owners=True)
        if len(found) != 1:
            raise InvalidArgument(f"the source of a mount is one path, not {mount.source!r}")
        digests[number] = found[0].digest
    return roots, digests
