"""The program: `lowrt`, `python3 -m lowrt`, or `python3 -IS <this folder>`; quickest is `python3 -IS <this file>`."""

import gc
import os
import sys

if not __package__:
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def main() -> None:
    """Run the command line and leave at once: nothing of ours waits for the interpreter's tidying up."""
    gc.disable()  # the process ends before anything is worth collecting
    argv = sys.argv[1:]
    if not {"create", "run", "exec"}.isdisjoint(argv) and not os.statvfs("/proc/self/exe").f_flag & os.ST_RDONLY:
        # Only cli knows for certain which word is the verb; but what is imported before a new start is imported twice.
        from lowrt.seal import ensure_sealed

        ensure_sealed(argv)
    from lowrt import packed

    pack = packed.file_for(argv)
    complete = not pack or packed.load(pack)
    from lowrt.cli import main as run

    status = run(argv, sys.argv[0])
    if not complete:
        packed.save(pack)
    os._exit(status)


if __name__ == "__main__":
    main()
