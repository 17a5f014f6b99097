"""Hooks run, fail, and are cut short."""

import json
import time
from pathlib import Path

import pytest

from lowrt import hooks
from lowrt.errors import Fault


def shell(script: str, **fields: object) -> dict[str, object]:
    return {"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/usr/bin:/bin"], **fields}


def test_a_hook_reads_the_state(tmp_path: Path) -> None:
    hooks.run_all({"prestart": [shell(f"cat > {tmp_path}/state")]}, "prestart", {"id": "c1", "pid": 5})
    assert json.loads((tmp_path / "state").read_text()) == {"id": "c1", "pid": 5}


def test_a_hook_has_no_environment_but_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY", "1")
    hooks.run(shell(f"env > {tmp_path}/env", env=["A=b=c", "PATH=/usr/bin:/bin"]), {})
    seen = (tmp_path / "env").read_text().splitlines()
    assert "A=b=c" in seen
    assert not [line for line in seen if line.startswith("CANARY")]


def test_hooks_run_in_order_and_stop_at_the_first_failure(tmp_path: Path) -> None:
    listed = [shell(f"echo {n} >> {tmp_path}/order; exit {n}") for n in (0, 3, 0)]
    with pytest.raises(Fault, match=r"error running hook #1: error running hook: exit status 3"):
        hooks.run_all({"prestart": listed}, "prestart", {})
    assert (tmp_path / "order").read_text().split() == ["0", "3"]


def test_run_each_goes_on_and_tells_of_all(tmp_path: Path) -> None:
    listed = [shell("exit 1"), shell(f"echo > {tmp_path}/ran"), {"path": "/nonexistent"}]
    failures = hooks.run_each({"poststop": listed}, "poststop", {})
    assert (tmp_path / "ran").exists()
    assert [failure.split(":")[0] for failure in failures] == [
        "error running poststop hook #0",
        "error running poststop hook #2",
    ]


def test_what_a_failing_hook_said_is_told() -> None:
    with pytest.raises(Fault, match=r"exit status 2, stdout: out\n, stderr: err\n"):
        hooks.run(shell("echo out; echo err >&2; exit 2"), {})


def test_a_hook_ended_by_a_signal() -> None:
    with pytest.raises(Fault, match="signal 9"):
        hooks.run(shell("kill -9 $$"), {})


def test_a_slow_hook_is_killed_with_its_children() -> None:
    started = time.monotonic()
    with pytest.raises(Fault, match=r"hook ran past specified timeout of 1\.0s"):
        hooks.run(shell("sleep 30 & sleep 30", timeout=1), {})
    assert time.monotonic() - started < 10


def test_a_missing_hook_is_named() -> None:
    with pytest.raises(Fault, match=r"error running hook #0: /nonexistent: no such file or directory"):
        hooks.run_all({"prestart": [{"path": "/nonexistent"}]}, "prestart", {})


def test_a_hook_need_not_read_its_stdin() -> None:
    hooks.run(shell("exec <&-; exit 0"), {"padding": "x" * 300_000})


def test_much_output_does_not_block() -> None:
    hooks.run(shell("head -c 1000000 /dev/zero"), {})


def test_a_child_left_behind_does_not_hold_us() -> None:
    started = time.monotonic()
    hooks.run(shell("sleep 5 &"), {})
    assert time.monotonic() - started < 4
