"""Git repositories as contexts and as sources of ADD: fetched by the `git` program, which is trusted with little.

Nothing of an address can become an option (CVE-2019-13139), no hook, helper or configuration of the host's or of the
repository's runs, and only http, https and git are spoken: no `file`, no `ext`, no `ssh` with the host's keys.
A subfolder is opened inside of the checkout, links included (CVE-2026-33748). Addresses are shown without passwords.
"""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping

from engine import kernel
from engine.builder.git_address import Repository
from proto.errdefs import FailedPrecondition, InvalidArgument, Unavailable, Unimplemented

_COMMIT = re.compile(r"[0-9a-f]{7,64}")
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
        await _Git(folder, protocols, repository).fetch(tree, checksum)
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

    def __init__(self, home: str, protocols: str, repository: Repository) -> None:
        program = shutil.which("git")
        if program is None:
            raise FailedPrecondition("git repositories need the program `git`, and there is none in the engine's PATH")
        self._program = program
        self._repository = repository
        self._environment = _environment(home, protocols)

    async def fetch(self, tree: str, checksum: str) -> None:
        repository = self._repository
        await self._run("init", "-q", "--", tree)
        inside = ("-C", tree)
        await self._run(*inside, "remote", "add", "--", "origin", repository.remote)
        commit = await self._download(inside)
        found = await self._run(*inside, "rev-parse", "--verify", "-q", "--end-of-options", f"{commit}^{{commit}}")
        if checksum and not (len(checksum) >= 7 and found.strip().startswith(checksum)):
            raise InvalidArgument(f"expected checksum to match {checksum}, got {found.strip()}")
        await self._run(*inside, "checkout", "-q", "--detach", "--force", found.strip())
        if os.path.lexists(f"{tree}/.gitmodules"):
            await self._run(*inside, "submodule", "-q", "update", "--init", "--recursive", "--depth=1")

    async def _download(self, inside: tuple[str, str]) -> str:
        """Fetch as little as the server allows; answers what is to be checked out."""
        ref = self._repository.ref or "HEAD"
        quiet = ("fetch", "-q", "--no-recurse-submodules")
        try:
            await self._run(*inside, *quiet, "--depth=1", "--", "origin", ref)
        except Unavailable as failure:
            try:  # plain files behind http know no shallow clones
                await self._run(*inside, *quiet, "--", "origin", ref)
            except Unavailable:
                if not _COMMIT.fullmatch(ref):
                    raise failure from None
                await self._run(*inside, *quiet, "--tags", "--", "origin")  # a commit that is no branch's last
                return ref
        return "FETCH_HEAD"

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
            text = self._repository.without_secrets(complaint.decode("utf-8", "replace").strip())
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
