"""asyncio without OpenSSL and without hooks at forks."""

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


def test_a_fork_has_no_hooks_of_threading_and_logging() -> None:
    """They have registered theirs with somebody who does not keep them; whoever comes later is heard."""
    program = (
        f"import os, sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "true = os.register_at_fork\n"
        "import shim.lean, logging, threading\n"
        "threading._after_fork = logging._after_at_fork_child_reinit_locks = None\n"
        "assert os.register_at_fork is true\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    assert threading.current_thread() is threading.main_thread()\n"
        "    logging.getLogger().warning('from the child')\n"
        "    os._exit(0)\n"
        "print(os.waitpid(pid, 0)[1])"
    )
    done = subprocess.run([sys.executable, "-IS", "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("0\n", "from the child\n")
