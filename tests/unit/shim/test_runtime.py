"""The runtime's client: output, errors, and a program that is not there."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from shim.reaper import Reaper
from shim.runtime import Runtime, SpawnLauncher, in_thread
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
