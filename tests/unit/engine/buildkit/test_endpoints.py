"""What stands behind the endpoints is loaded when the first client comes: most engines never see one.

The rest of it is behind the routes: `tests/unit/engine/api/routes/test_buildkit.py`.
"""

import subprocess
import sys

PROGRAM = """
import sys
import engine.daemon
print(*sorted(name for name in sys.modules if name.startswith(("proto.buildkit", "engine.buildkit."))))
"""


def test_an_engine_loads_nothing_of_the_protocol_before() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == [f"engine.buildkit.{name}" for name in ("endpoints", "sessions", "splice")]
