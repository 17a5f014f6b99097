"""Regenerate the Python stubs from the `.proto` files: `python -m proto.generate [TARGET]`.

The files are compiled under their path from the repository's root (`proto/containerd/…`), so that the stubs import
each other as `proto.containerd.…` and never as `types.…`, which is the standard library. gRPC stubs are made only
below `services/`: the shim speaks ttrpc, dispatches from descriptors, and must not import grpc.
"""

import sys
from importlib.resources import files
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GRPC_FOLDERS = (Path("proto/containerd/services"), Path("proto/buildkit/services"))


def proto_files() -> list[Path]:
    """Every `.proto` file of the project, relative to its root."""
    return sorted(path.relative_to(ROOT) for path in (ROOT / "proto").rglob("*.proto"))


def protoc_arguments(sources: list[Path], target: Path, *, grpc: bool) -> list[str]:
    """The compiler's command line; `target` receives the tree of stubs."""
    import google.rpc

    common = Path(next(iter(google.rpc.__path__))).parent.parent
    outputs = [f"--python_out={target}", f"--pyi_out={target}"]
    if grpc:
        outputs += [f"--grpc_python_out={target}", f"--mypy_grpc_out={target}"]
    includes = [f"-I{ROOT}", f"-I{files('grpc_tools') / '_proto'}", f"-I{common}"]
    return ["protoc", *includes, *outputs, *map(str, sources)]


def generate(target: Path) -> None:
    """Write all stubs below `target`; raises RuntimeError when the compiler refuses a file."""
    from grpc_tools import protoc

    sources = proto_files()
    with_grpc = [path for path in sources if any(map(path.is_relative_to, GRPC_FOLDERS))]
    without = [path for path in sources if path not in with_grpc]
    for group, grpc in ((without, False), (with_grpc, True)):
        if protoc.main(protoc_arguments(group, target, grpc=grpc)) != 0:
            raise RuntimeError("protoc refused a file; its message is above")


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
