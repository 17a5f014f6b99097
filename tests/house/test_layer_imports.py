"""The layers meet only at the seams; the one exception is named."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("lowrt", "shim", "supervisor", "engine")
ZYGOTE = Path("shim/zygote.py")


def imports(path: Path) -> Iterator[str]:
    """Every absolute module name a file imports, wherever the statement stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_no_other_layer(layer: str) -> None:
    """Only the zygote keeps lowrt warm inside the shim."""
    others = set(LAYERS) - {layer}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted((ROOT / layer).rglob("*.py"))
        if path.relative_to(ROOT) != ZYGOTE
        for name in imports(path)
        if name.split(".")[0] in others
    ]
    assert not wrong


def test_proto_imports_no_layer() -> None:
    """It is below all of them."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted((ROOT / "proto").rglob("*.py"))
        for name in imports(path)
        if name.split(".")[0] in LAYERS
    ]
    assert not wrong


def test_lowrt_imports_the_standard_library_only() -> None:
    """It runs with `-IS`, where nothing else is to be found."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted((ROOT / "lowrt").rglob("*.py"))
        for name in imports(path)
        if (root := name.split(".")[0]) != "lowrt" and root not in sys.stdlib_module_names
    ]
    assert not wrong


def test_the_shim_imports_no_grpc() -> None:
    """It costs 65 ms and 9 MB in every shim."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted((ROOT / "shim").rglob("*.py"))
        for name in imports(path)
        if name.split(".")[0] == "grpc" or name.endswith("_pb2_grpc")
    ]
    assert not wrong
