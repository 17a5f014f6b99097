"""`wherry system dial-stdio`: the end of an ssh:// connection."""

import socket
import subprocess
import sys
import threading
from pathlib import Path

PROGRAM = [sys.executable, "-c", "from engine.cli.main import main; main()"]


def test_both_directions_are_copied_and_the_end_of_input_is_passed_on(tmp_path: Path) -> None:
    """The daemon still answers after it."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen()
    heard = b""

    def serve() -> None:
        nonlocal heard
        connection, _ = listener.accept()
        with connection:
            while data := connection.recv(65536):
                heard += data
            connection.sendall(b"answer" * 50_000)

    thread = threading.Thread(target=serve)
    thread.start()
    done = subprocess.run(
        [*PROGRAM, "-H", f"unix://{tmp_path}/s", "system", "dial-stdio"],
        input=b"request" * 50_000,
        capture_output=True,
        check=True,
        timeout=30,
    )
    thread.join()
    listener.close()
    assert heard == b"request" * 50_000
    assert done.stdout == b"answer" * 50_000


def test_nobody_there_is_told(tmp_path: Path) -> None:
    """With the address."""
    done = subprocess.run(
        [*PROGRAM, "-H", f"unix://{tmp_path}/none", "system", "dial-stdio"], input=b"", capture_output=True, check=False
    )
    assert done.returncode == 1
    assert f"at unix://{tmp_path}/none: No such file or directory" in done.stderr.decode()
