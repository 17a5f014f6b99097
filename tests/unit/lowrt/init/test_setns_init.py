"""An exec'd process's sequence; the whole runs in tests/integration/lowrt."""

import inspect

from lowrt.init import setns_init


def test_imports_are_frozen_before_anything_is_joined() -> None:
    source = inspect.getsource(setns_init.sequence)
    assert source.index("freeze_imports()") < source.index("child.begin") < source.index("setns(")
