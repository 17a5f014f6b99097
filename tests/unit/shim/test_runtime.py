"""The runtime's client: output, errors, and a program that is not there."""

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from shim.reaper import Reaper
from shim.runtime import Entering, Runtime, SpawnLauncher, Wanted, in_thread
from shim.runtime_argv import RuntimeSettings
from shim.runtime_errors import RuntimeFailure
from tests.fakes.shim_runtime import FakeRuntime


def client(folder: Path, launcher: object, reaper: Reaper, binary: str = "runc") -> Runtime:
    """A client with its log in the folder."""
    return Runtime(RuntimeSettings(binary, "/root"), str(folder / "log.json"), launcher, reaper)  # type: ignore[arg-type]


async def test_output_is_read_and_pids_are_numbers(tmp_path: Path) -> None:
    """An empty list may be null."""
    reaper = Reaper()
    fake = FakeRuntime(reaper)
    fake.output = b"[1, 2]"
    assert await client(tmp_path, fake, reaper).ps("c1") == [1, 2]
    fake.output = b"null"
    assert await client(tmp_path, fake, reaper).ps("c1") == []


async def test_only_what_this_call_logged_is_its_reason(tmp_path: Path) -> None:
    """An older error in the same file is not."""
    reaper = Reaper()
    fake = FakeRuntime(reaper)
    (tmp_path / "log.json").write_text('{"level":"error","msg":"old"}\n')
    fake.fails["pause"] = "new"
    with pytest.raises(RuntimeFailure) as failed:
        await client(tmp_path, fake, reaper).pause("c1")
    assert failed.value.reason == "new"


@pytest.mark.parametrize(
    ("binary", "words"),
    [
        ("no-such-runtime", 'exec: "no-such-runtime": executable file not found in $PATH'),
        ("/no/such/runtime", "fork/exec /no/such/runtime: no such file or directory"),
    ],
)
async def test_a_runtime_that_is_not_there_is_said_in_gos_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, binary: str, words: str
) -> None:
    """Operators know them."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(RuntimeFailure) as failed:
        await client(tmp_path, SpawnLauncher(), Reaper(), binary).start("c1")
    assert str(failed.value).endswith(words)
    assert "unable to retrieve OCI runtime error" in str(failed.value)


class BriefLauncher(SpawnLauncher):
    """Every verb is a function; `status` is what it gives, once it has written its reason."""

    def __init__(self, log: Path, status: int) -> None:
        self.threads: set[int] = set()
        self._log, self._status = log, status

    def brief(self, argv: Sequence[str]) -> Callable[[], int]:
        def call() -> int:
            self.threads.add(threading.get_ident())
            if self._status:
                self._log.write_text('{"level":"error","msg":"no such container"}\n')
            return self._status

        return call


async def test_a_brief_verb_runs_in_a_thread(tmp_path: Path) -> None:
    """The loop goes on meanwhile."""
    launcher = BriefLauncher(tmp_path / "log.json", 0)
    runtime = client(tmp_path, launcher, Reaper())
    await runtime.start("c1")
    await runtime.kill("c1", 9)
    await runtime.delete("c1")
    assert launcher.threads
    assert threading.get_ident() not in launcher.threads


async def test_a_brief_verb_that_fails_has_its_reason_in_the_log(tmp_path: Path) -> None:
    """As a process has."""
    launcher = BriefLauncher(tmp_path / "log.json", 1)
    with pytest.raises(RuntimeFailure) as failed:
        await client(tmp_path, launcher, Reaper()).delete("c1")
    assert (failed.value.status, failed.value.reason) == (1, "no such container")


async def test_what_a_thread_raises_is_raised_where_it_is_awaited() -> None:
    """A defect must not hang the caller."""

    def broken() -> int:
        raise LookupError("a defect")

    with pytest.raises(LookupError, match="a defect"):
        await in_thread(broken)


class OneExec:
    """An exec that is on its own after the second thing it says, or fails there."""

    pid = 4711

    def __init__(self, *, fails: bool = False) -> None:
        self.heard = 0
        self.closed = False
        self._fails = fails
        self._reading, self._writing = os.pipe()

    def release(self) -> None:
        os.write(self._writing, b"12")

    def fileno(self) -> int:
        return self._reading

    def advance(self) -> bool:
        os.read(self._reading, 1)
        self.heard += 1
        if self._fails and self.heard == 2:
            raise RuntimeFailure(255, "", "exec failed: no")
        return self.heard == 2

    def close(self) -> None:
        self.closed = True
        os.close(self._reading)
        os.close(self._writing)


class EnteringLauncher(SpawnLauncher):
    """Every exec is our own child."""

    def __init__(self, entering: Entering) -> None:
        self._entering = entering

    def enter(self, settings: RuntimeSettings, container_id: str, wanted: Wanted) -> Entering:  # type: ignore[override]
        del settings, container_id, wanted
        return self._entering


async def test_an_exec_without_a_runtime_is_followed_until_it_is_on_its_own(tmp_path: Path) -> None:
    """Its pid is known at once."""
    entering = OneExec()
    runtime = client(tmp_path, EnteringLauncher(entering), Reaper())
    assert await runtime.enter("c1", Wanted(b"{}", (0, 1, 2), None)) == 4711
    assert (entering.heard, entering.closed) == (2, True)


async def test_an_exec_without_a_runtime_fails_as_one_with_it(tmp_path: Path) -> None:
    """And is let go of."""
    entering = OneExec(fails=True)
    runtime = client(tmp_path, EnteringLauncher(entering), Reaper())
    with pytest.raises(RuntimeFailure, match="exec failed: no"):
        await runtime.enter("c1", Wanted(b"{}", (0, 1, 2), None))
    assert entering.closed


async def test_where_it_takes_a_runtime_there_is_no_pid(tmp_path: Path) -> None:
    """A program is a process."""
    assert await client(tmp_path, SpawnLauncher(), Reaper()).enter("c1", Wanted(b"{}", None, "/x")) == 0
