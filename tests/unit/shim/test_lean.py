"""asyncio without OpenSSL."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_asyncio_works_and_ssl_is_only_loaded_by_who_wants_it() -> None:
    """A fresh interpreter, as a shim is."""
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "import shim.lean, asyncio\n"
        "asyncio.run(asyncio.sleep(0))\n"
        "before = 'ssl' in sys.modules\n"
        "import ssl; print(before, ssl.OPENSSL_VERSION != '')"
    )
    done = subprocess.run([sys.executable, "-IS", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False True\n"
