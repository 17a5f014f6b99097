"""asyncio without OpenSSL, and without work to do at each fork.

A shim speaks over unix sockets only, and OpenSSL is megabytes in each of them. And threading and logging put their
locks right in every forked child, which copies a hundred and fifty pages each time: a shim forks while it has one
thread, so that no lock can be held by another, and none needs it.

Imported before asyncio, which takes a missing ssl module for a Python built without it. Who wants ssl later finds it.
"""

import os
import sys


def import_asyncio() -> None:
    """Import asyncio with ssl and register_at_fork out of its sight, unless somebody has imported it before."""
    if "ssl" in sys.modules or "asyncio" in sys.modules:
        return
    register = os.register_at_fork
    os.register_at_fork = _ignore
    sys.modules["ssl"] = None  # type: ignore[assignment]  # makes `import ssl` fail
    try:
        import asyncio  # noqa: F401
        import logging  # noqa: F401
    finally:
        del sys.modules["ssl"]
        os.register_at_fork = register


def _ignore(**_hooks: object) -> None:
    """No hooks."""


import_asyncio()
