"""All modules that a verb loads, read from one file instead of from eighty: five milliseconds of a cold start.

The file lies among the compiled modules and is kept like them: written by the first run that may, left alone by those
that may not, and void as soon as one of its sources, or the interpreter, is another. Nothing needs it to be there.

    __pycache__/packed-<verb>.<interpreter>
        magic number, then marshalled: ((path, mtime, size), …), ((name, path, code), …)

The modules stand in the order in which they were complete, so that each finds what it imports made already.
"""

import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType

    Packed = tuple[str, str, CodeType]  # a module's name, its file, and what is in it

_PACKAGE = "lowrt"
_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_VERBS = frozenset(
    ("create", "delete", "events", "exec", "kill", "list", "pause", "ps", "resume", "run", "start", "state")
)


def file_for(argv: list[str]) -> str:
    """The pack for a command line; "" for verbs that nobody waits for. A wrong guess costs time and nothing else."""
    verb = next((word for word in argv if word in _VERBS), "")
    folder = os.path.join(_ROOT, _PACKAGE, "__pycache__")
    return f"{folder}/packed-{verb}.{sys.implementation.cache_tag}" if verb else ""


def load(path: str) -> bool:
    """Make the modules of the pack; False where it cannot be used."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = os.read(fd, os.fstat(fd).st_size)
        finally:
            os.close(fd)
        magic = _magic()
        if data[: len(magic)] != magic:
            return False
        stamps, modules = marshal.loads(memoryview(data)[len(magic) :])  # noqa: S302 - as trusted as compiled modules are
        if any(_stamp(source) != (source, *rest) for source, *rest in stamps):
            return False
    except (OSError, EOFError, ValueError, TypeError):
        return False
    for name, source, code in modules:
        if name not in sys.modules:
            exec(code, _make(name, source).__dict__)  # noqa: S102 - this is what importing is
    return True


def save(path: str) -> None:
    """Pack what is loaded now; where we may not write, the next start is as slow as this one was."""
    names = [name for name in sys.modules if name == _PACKAGE or name.startswith(f"{_PACKAGE}.")]
    names = [name for name in names if name not in (__name__, f"{_PACKAGE}.__main__")]
    try:
        modules = _in_order(names)
        content = _magic() + marshal.dumps((tuple(_stamp(source) for _, source, _ in modules), modules))
        _write(path, content)
    except (OSError, ImportError):
        return


def _write(path: str, content: bytes) -> None:
    temporary = f"{path}.{os.getpid()}"
    fd = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644)
    try:
        os.write(fd, content)
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
    finally:
        os.close(fd)


def _magic() -> bytes:
    return bytes(sys.modules["_frozen_importlib_external"].MAGIC_NUMBER)


def _stamp(source: str) -> tuple[str, int, int]:
    status = os.stat(source)
    return source, status.st_mtime_ns, status.st_size


def _make(name: str, source: str) -> "ModuleType":
    module = type(sys)(name)
    module.__file__ = source
    parent, _, leaf = name.rpartition(".")
    if source.endswith("/__init__.py"):
        module.__path__ = [os.path.dirname(source)]
        module.__package__ = name
    else:
        module.__package__ = parent
    sys.modules[name] = module
    if parent:
        setattr(sys.modules[parent], leaf, module)
    return module


def _in_order(names: list[str]) -> "tuple[Packed, ...]":
    """Import all once more and note when each is complete; the process is about to end and misses nothing."""
    for name in names:
        del sys.modules[name]
    recorder = Recorder()
    sys.meta_path.insert(0, recorder)
    try:
        for name in names:
            __import__(name)
    finally:
        sys.meta_path.remove(recorder)
    return tuple(recorder.packed)


class Recorder:
    """Finds as the usual finder does, and notes what it has loaded."""

    def __init__(self) -> None:
        self.packed: list[Packed] = []

    def find_spec(
        self, name: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        del target
        if name != _PACKAGE and not name.startswith(f"{_PACKAGE}."):
            return None
        spec: ModuleSpec | None = sys.modules["_frozen_importlib_external"].PathFinder.find_spec(name, path)
        if spec is not None:
            spec.loader_state = spec.loader
            spec.loader = self  # type: ignore[assignment]  # importlib.abc would be ten milliseconds
        return spec

    def create_module(self, spec: "ModuleSpec") -> None:
        """Let the import system make it."""

    def exec_module(self, module: "ModuleType") -> None:
        assert module.__spec__ is not None
        code = module.__spec__.loader_state.get_code(module.__name__)
        exec(code, module.__dict__)  # noqa: S102
        self.packed.append((module.__name__, str(module.__file__), code))
