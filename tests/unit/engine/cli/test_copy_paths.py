"""Where a copy lands: docker cp's table."""

import base64
import json
from pathlib import Path

import pytest

from engine.cli.copy_paths import copy_target, stat_from_header
from engine.cli.errors import CommandFailed


@pytest.mark.parametrize(
    ("source", "target", "source_is_dir", "target_is_dir", "landing"),
    [
        ("a", "/d", False, True, ("/d", "a")),
        ("a", "/d/b", False, None, ("/d", "b")),
        ("a", "/d/b", False, False, ("/d", "b")),
        ("a", "/d/b", True, None, ("/d", "b")),
        ("a", "/d", True, True, ("/d", "a")),
        ("a/.", "/d", True, True, ("/d", ".")),
        ("a", "b", False, None, ("/", "b")),
    ],
)
def test_a_copy_lands_where_docker_puts_it(
    source: str, target: str, source_is_dir: bool, target_is_dir: bool | None, landing: tuple[str, str]
) -> None:
    """Into a folder, or under a new name."""
    assert copy_target(source, "a", target, source_is_dir=source_is_dir, target_is_dir=target_is_dir) == landing


@pytest.mark.parametrize(
    ("target", "source_is_dir", "target_is_dir"), [("/f", True, False), ("/new/", False, None), ("/f/", False, False)]
)
def test_what_cannot_be_is_refused(target: str, source_is_dir: bool, target_is_dir: bool | None) -> None:
    """A folder does not fit into a file, nor a file into a folder that is not there."""
    with pytest.raises(CommandFailed):
        copy_target("a", "a", target, source_is_dir=source_is_dir, target_is_dir=target_is_dir)


def test_a_local_target_is_looked_at(tmp_path: Path) -> None:
    """It is on this side, so it can be."""
    assert copy_target("/etc/x", "x", str(tmp_path), source_is_dir=False, local=True) == (str(tmp_path), "x")
    missing = str(tmp_path / "y")
    assert copy_target("/etc/x", "x", missing, source_is_dir=False, local=True) == (str(tmp_path), "y")


def test_the_stat_header_is_base64_json() -> None:
    """Modes are Go's."""
    header = base64.b64encode(json.dumps({"name": "n", "mode": 1 << 31, "linkTarget": ""}).encode()).decode()
    assert stat_from_header(header) == ("n", True, "")
