"""asyncio without OpenSSL: a shim speaks over unix sockets only, and the library is megabytes in each of them.

Imported before asyncio, which takes a missing ssl module for a Python built without it. Who wants ssl later finds it.
"""

import sys


def import_asyncio() -> None:
    """Import asyncio with ssl out of its sight, unless somebody has imported either before."""
    if "ssl" in sys.modules or "asyncio" in sys.modules:
        return
    sys.modules["ssl"] = None  # type: ignore[assignment]  # makes `import ssl` fail
    try:
        import asyncio  # noqa: F401
    finally:
        del sys.modules["ssl"]


import_asyncio()
