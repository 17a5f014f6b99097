"""Import budgets of the programs that start once per container: what they may load, by name."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Each of these costs more than it gives in a program that lives for milliseconds (typing 12 ms, asyncio 46, …).
LOWRT_BANNED = {
    "argparse", "asyncio", "concurrent", "dataclasses", "email", "enum", "http", "importlib.metadata", "inspect",
    "logging", "pathlib", "pwd", "random", "selectors", "shutil", "socketserver", "ssl", "subprocess", "tempfile",
    "threading", "typing", "urllib", "uuid",
}  # fmt: skip
# Loaded at each start of the command line, these would be a third of it.
CLI_BANNED = {"aiohttp", "asyncio", "dataclasses", "email", "grpc", "http", "pathlib", "ssl", "subprocess", "tempfile"}
SHIM_BANNED = {"grpc", "aiohttp", "click", "pyroute2", "rich", "ssl"}


def modules_after(statement: str, flags: list[str]) -> set[str]:
    """The modules loaded by a fresh interpreter once it ran `statement`, less those that it starts with."""
    program = (
        "import sys; before = set(sys.modules)\n"
        f"{statement}\n"
        "loaded = sorted(set(sys.modules) - before); import json; print(json.dumps(loaded))"
    )
    done = subprocess.run([sys.executable, *flags, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def roots(modules: set[str]) -> set[str]:
    """Each module's name and its top-level package."""
    return modules | {module.split(".")[0] for module in modules}


@pytest.mark.parametrize("verb", ["create", "start", "state", "kill", "delete", "run", "exec"])
def test_a_verb_of_lowrt_loads_nothing_heavy(verb: str) -> None:
    """Its `--help` walks the same imports as the work."""
    statement = (
        f"sys.path.insert(0, {str(ROOT)!r})\nimport io, os\nfrom lowrt.cli import main\nimport lowrt.commands.{verb}\n"
    )
    loaded = roots(modules_after(statement, ["-IS"]))
    assert not loaded & LOWRT_BANNED


def test_the_shim_loads_no_grpc_nor_http() -> None:
    """ttrpc and protobuf are all it speaks."""
    statement = f"sys.path.insert(0, {str(ROOT)!r})\nimport shim.serve, shim.service"
    assert not roots(modules_after(statement, [])) & SHIM_BANNED


def test_the_supervisor_starts_without_an_http_client() -> None:
    """aiohttp would be a third of its start; the first pull or push loads it."""
    statement = f"sys.path.insert(0, {str(ROOT)!r})\nimport supervisor.daemon, supervisor.servicers"
    assert "aiohttp" not in roots(modules_after(statement, []))


@pytest.mark.parametrize("command", ["ps", "run", "exec", "logs", "images", "inspect", "version"])
def test_a_command_loads_nothing_heavy(command: str) -> None:
    """Beyond click, it is its own modules and a socket."""
    statement = f"sys.path.insert(0, {str(ROOT)!r})\nimport engine.cli.main, engine.cli.commands.{command}"
    assert not roots(modules_after(statement, [])) & CLI_BANNED
