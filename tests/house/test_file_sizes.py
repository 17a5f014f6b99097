"""Small rooms: a file is one idea, a function can be seen whole."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("proto", "lowrt", "shim", "supervisor", "engine", "deploy")
FILE_LINES = 400
FUNCTION_LINES = 60


def sources() -> Iterator[Path]:
    """Every hand-written module of the project, from its root."""
    for layer in LAYERS:
        for path in sorted((ROOT / layer).rglob("*.py")):
            if not path.name.endswith(("_pb2.py", "_pb2_grpc.py")):
                yield path.relative_to(ROOT)


@pytest.mark.parametrize("path", list(sources()), ids=str)
def test_a_file_is_one_idea(path: Path) -> None:
    """At most 400 lines; a longer one holds two ideas."""
    lines = (ROOT / path).read_text().count("\n")
    assert lines <= FILE_LINES, f"{path} has {lines} lines: which two ideas live in it?"


@pytest.mark.parametrize("path", list(sources()), ids=str)
def test_a_function_can_be_seen_whole(path: Path) -> None:
    """At most 60 lines, docstring included."""
    long = [
        f"{node.name} ({node.end_lineno - node.lineno + 1} lines, line {node.lineno})"
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= FUNCTION_LINES
    ]
    assert not long, f"{path}: {', '.join(long)}"


@pytest.mark.parametrize("path", list(sources()), ids=str)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    """Its docstring comes first; an empty `__init__.py` says nothing and needs none."""
    text = (ROOT / path).read_text()
    assert not text.strip() or ast.get_docstring(ast.parse(text)), f"{path} has no docstring"
