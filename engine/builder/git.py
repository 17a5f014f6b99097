"""Git repositories as contexts and as sources of ADD: fetched by the `git` program, which is trusted with little.

Nothing of an address can become an option (CVE-2019-13139), no hook, helper or configuration of the host's or of the
repository's runs, and only http, https and git are spoken: no `file`, no `ext`, no `ssh` with the host's keys.
A subfolder is opened inside of the checkout, links included (CVE-2026-33748). Addresses are shown without passwords.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping

from engine import kernel
from engine.builder.git_address import Repository, hidden
from proto.errdefs import FailedPrecondition, InvalidArgument, Unavailable, Unimplemented

_PROTOCOLS = "http:https:git"
_SAFE = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "credential.helper="),
    *("-c", "protocol.ext.allow=never", "-c", "protocol.file.allow=never", "-c", "advice.detachedHead=false"),
    *("-c", "transfer.fsckObjects=true", "-c", "gc.auto=0", "-c", "init.defaultBranch=main"),
)


@contextlib.asynccontextmanager
async def checked_out(
    repository: Repository, temporary: str, *, keep_git: bool = False, checksum: str = "", protocols: str = _PROTOCOLS
) -> AsyncIterator[int]:
    """An fd of the repository's folder at its reference, for the length of a block."""
    if not repository.remote.startswith(tuple(f"{name}://" for name in protocols.split(":"))):
        raise Unimplemented(
            f"fetching {repository.shown} is not supported: the engine speaks {', '.join(protocols.split(':'))} to git "
            "servers; `wherry build` clones a context itself, with the keys of who runs it"
        )
    with tempfile.TemporaryDirectory(prefix="git-", dir=temporary) as folder:
        tree = f"{folder}/tree"
        await _Git(folder, protocols).fetch(repository, tree, checksum)
        if not keep_git:
            await asyncio.to_thread(shutil.rmtree, f"{tree}/.git")
        top = os.open(tree, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            root = _subfolder(top, repository.folder)
        finally:
            os.close(top)
        try:
            yield root
        finally:
            os.close(root)


def _subfolder(top: int, folder: str) -> int:
    try:
        return kernel.openat2(top, folder.strip("/") or ".", os.O_PATH | os.O_DIRECTORY)
    except OSError as error:
        raise InvalidArgument(f"the repository's folder {folder}: {(error.strerror or 'unknown').lower()}") from None


class _Git:
    """The program, run with an environment of its own."""

    def __init__(self, home: str, protocols: str) -> None:
        program = shutil.which("git")
        if program is None:
            raise FailedPrecondition("git repositories need the program `git`, and there is none in the engine's PATH")
        self._program = program
        self._environment = _environment(home, protocols)

    async def fetch(self, repository: Repository, tree: str, checksum: str) -> None:
        await self._run("init", "-q", "--", tree)
        inside = ("-C", tree)
        await self._run(*inside, "remote", "add", "--", "origin", repository.remote)
        ref = repository.ref or "HEAD"
        try:
            await self._run(*inside, "fetch", "-q", "--depth=1", "--no-recurse-submodules", "--", "origin", ref)
            commit = "FETCH_HEAD"
        except Unavailable:
            if not repository.ref:
                raise
            # a server that gives neither shallow clones nor single commits
            await self._run(*inside, "fetch", "-q", "--tags", "--no-recurse-submodules", "--", "origin")
            commit = repository.ref
        found = await self._run(*inside, "rev-parse", "--verify", "-q", "--end-of-options", f"{commit}^{{commit}}")
        if checksum and not (len(checksum) >= 7 and found.strip().startswith(checksum)):
            raise InvalidArgument(f"expected checksum to match {checksum}, got {found.strip()}")
        await self._run(*inside, "checkout", "-q", "--detach", "--force", found.strip())
        if os.path.lexists(f"{tree}/.gitmodules"):
            await self._run(*inside, "submodule", "-q", "update", "--init", "--recursive", "--depth=1")

    async def _run(self, *words: str) -> str:
        process = await asyncio.create_subprocess_exec(
            self._program, *_SAFE, *words,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=self._environment, start_new_session=True, cwd=self._environment["HOME"],
        )  # fmt: skip
        try:
            said, complaint = await process.communicate()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await asyncio.shield(process.wait())
        if process.returncode != 0:
            text = hidden(complaint.decode("utf-8", "replace").strip())
            raise Unavailable(f"git {next(word for word in words if word in _VERBS)}: {text or process.returncode}")
        return said.decode("utf-8", "replace")


_VERBS = ("init", "remote", "fetch", "rev-parse", "checkout", "submodule")


def _environment(home: str, protocols: str) -> Mapping[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", *_OUTSIDE) if name in os.environ}
    return {
        **kept,
        "HOME": home,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_ALLOW_PROTOCOL": protocols,
        "GIT_LFS_SKIP_SMUDGE": "1",
        "LC_ALL": "C.UTF-8",
    }


# how the host reaches the world
_OUTSIDE = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE")
