"""Where the words of COPY and ADD lead: the context, a stage, an image, a heredoc, a download, a git repository."""

import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from e2b_dockerfile_utils import DockerfileHeredoc, ShellLex, chomp_heredoc_content, parse_heredoc

from engine.builder import context_paths, download, git, git_address, sources
from engine.builder.context import Context
from engine.builder.parser import Instruction
from engine.builder.scope import Scope
from engine.builder.sources import Source
from proto.errdefs import Fault, InvalidArgument


@dataclass(frozen=True, slots=True)
class Group:
    """Names to be found in one folder."""

    folder: int | Context
    names: tuple[str, ...]
    unpack: bool  # archives are unpacked, where the instruction is one that unpacks

    @property
    def root(self) -> int:
        """The folder's fd. Blocking: a context may have to be unpacked first."""
        return self.folder if isinstance(self.folder, int) else self.folder.root

    def find(self, excludes: tuple[str, ...], *, owners: bool, parents: bool) -> list[Source]:
        """What the names stand for. Blocking."""
        if isinstance(self.folder, int):
            return sources.find(self.folder, self.names, excludes, owners=owners, parents=parents)
        return self.folder.find(self.names, excludes, owners=owners, parents=parents)


def word(word: str, instruction: Instruction, expand: Callable[[str], str]) -> str:
    is_heredoc = any(word.lstrip("0123456789").lstrip("<-").strip("'\"") == doc.name for doc in instruction.heredocs)
    return word if is_heredoc and "<<" in word else expand(word)


async def root(stage: Scope, stack: contextlib.AsyncExitStack, origin: str, words: tuple[str, ...]) -> int | Context:
    """An fd of what `--from` names; without one, the context, where `words` lead there."""
    if not origin:
        return await stage.session.context(context_paths.paths(words)) if words else -1
    if (folder := await stage.session.folder(origin)) is not None:
        return folder
    try:
        return await opened(stage, stack, origin, ())
    except Fault as fault:
        raise type(fault)(f"invalid from flag value {origin}: {fault}") from fault


async def opened(stage: Scope, stack: contextlib.AsyncExitStack, name: str, words: tuple[str, ...]) -> int:
    """An fd of the context (without a name), another folder of the client's, a stage or an image."""
    folder = await stage.session.folder(name) if name else await stage.session.context(context_paths.paths(words))
    if folder is not None:
        return await folder.opened()
    return await stack.enter_async_context(stage.session.layers.viewed(await stage.origin(name)))


async def groups(
    stage: Scope,
    stack: contextlib.AsyncExitStack,
    instruction: Instruction,
    words: tuple[str, ...],
    base: int | Context,
) -> list[Group]:
    """The words by where they are found, in their order; `base` is the context, or what `--from` names."""
    found: list[Group] = []
    local = instruction.name == "ADD" and instruction.flags.get("unpack", "true") in ("", "true", "1")
    for each in words:
        heredoc = _heredoc(each, instruction.heredocs)
        if heredoc is not None:
            found.append(Group(await stack.enter_async_context(_inline(stage, heredoc)), (heredoc.name,), False))
        elif git_address.is_source(each) or download.is_remote(each):
            found.append(await _remote(stage, stack, instruction, each))
        elif found and found[-1].folder is base:
            found[-1] = Group(base, (*found[-1].names, each), local)
        else:
            found.append(Group(base, (each,), local))
    return found


async def _remote(stage: Scope, stack: contextlib.AsyncExitStack, instruction: Instruction, address: str) -> Group:
    checksum = stage.expander().word(instruction.flags.get("checksum", ""))
    temporary = stage.session.temporary
    if git_address.is_source(address):
        if instruction.name == "COPY":
            raise InvalidArgument("COPY failed: source can't be a git ref for COPY")
        keep = instruction.flags.get("keep-git-dir", "false") in ("", "true", "1")
        repository = git_address.at(git_address.parse(address), checksum)
        checkout = git.checked_out(repository, temporary, keep_git=keep, checksum=checksum)
        return Group(await stack.enter_async_context(checkout), (".",), False)
    if instruction.name == "COPY":
        raise InvalidArgument("COPY failed: source can't be a URL for COPY")
    folder, name = await stack.enter_async_context(download.fetched(address, temporary, checksum))
    return Group(folder, (name,), instruction.flags.get("unpack", "false") in ("", "true", "1"))


def _heredoc(word: str, heredocs: tuple[DockerfileHeredoc, ...]) -> DockerfileHeredoc | None:
    parsed = parse_heredoc(word) if "<<" in word else None
    return next((doc for doc in heredocs if parsed is not None and doc.name == parsed.name), None)


@contextlib.asynccontextmanager
async def _inline(stage: Scope, heredoc: DockerfileHeredoc) -> AsyncIterator[int]:
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
