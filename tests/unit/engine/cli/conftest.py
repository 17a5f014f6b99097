"""A command line whose engine is a script."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.cli.address import Address
from engine.cli.client import Daemon
from engine.cli.main import wherry
from tests.fakes.engine_http import FakeEngine, fake_engine

Run = Callable[..., Result]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[FakeEngine, str]]:
    with fake_engine(tmp_path) as pair:
        yield pair


@pytest.fixture
def engine(served: tuple[FakeEngine, str]) -> FakeEngine:
    return served[0]


@pytest.fixture
def daemon(served: tuple[FakeEngine, str]) -> Daemon:
    return Daemon(Address(served[1]))


@pytest.fixture
def run(served: tuple[FakeEngine, str]) -> Run:
    """Run a command line; its exit code, output and errors."""

    def invoke(*words: str, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(wherry, ["-H", served[1], *words], input=stdin, prog_name="wherry")

    return invoke
