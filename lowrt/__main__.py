"""The program: `lowrt`, `python3 -m lowrt`, or `python3 -IS <this folder>`; quickest is `python3 -IS <this file>`."""

import gc
import os
import sys

if not __package__:
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def main() -> None:
    """Run the command line and leave at once: nothing of ours waits for the interpreter's tidying up."""
    gc.disable()  # the process ends before anything is worth collecting
    if not {"create", "run", "exec"}.isdisjoint(sys.argv):
        # Only cli knows for certain which word is the verb; but what is imported before a new start is imported twice.
        from lowrt.seal import ensure_sealed

        ensure_sealed(sys.argv[1:])
    from lowrt.cli import main as run

    status = run(sys.argv[1:], sys.argv[0])
    os._exit(status)


if __name__ == "__main__":
    main()
