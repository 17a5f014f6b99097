"""The runtime's client: output, errors, and a program that is not there."""

from pathlib import Path

import pytest

from shim.reaper import Reaper
from shim.runtime import Runtime, SpawnLauncher
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
