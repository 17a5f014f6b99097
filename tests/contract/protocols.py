"""Whether a class has what a Protocol promises; mypy knows for the sources, this tells a reader of the tests."""

import inspect


def assert_implements(cls: type, protocol: type) -> None:
    """Every public method is there and takes the same parameters."""
    for name, promised in inspect.getmembers(protocol, inspect.isfunction):
        if name.startswith("_"):
            continue
        method = getattr(cls, name, None)
        assert method is not None, f"{cls.__name__} lacks {name}"
        assert list(inspect.signature(method).parameters) == list(inspect.signature(promised).parameters), name
