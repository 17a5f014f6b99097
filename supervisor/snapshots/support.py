"""Whether the kernel can mount overlays on a folder's file system, found out by mounting one that nobody else sees."""

import os
import shutil
import tempfile

from proto.errdefs import Fault
from supervisor.core.snapshots import Mount
from supervisor.diff import mounts

_FOLDERS = ("lower1", "lower2", "upper", "work")


def overlay_fault(root: str) -> Fault | None:
    """Why not, in containerd's words; None when it can. Two lower folders, which the oldest kernels could not."""
    os.makedirs(root, mode=0o700, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="multiple-lowerdir-check", dir=root)
    try:
        lower1, lower2, upper, work = (os.path.join(folder, name) for name in _FOLDERS)
        for path in (lower1, lower2, upper, work):
            os.mkdir(path)
        options = (f"lowerdir={lower2}:{lower1}", f"upperdir={upper}", f"workdir={work}")
        os.close(mounts.open_root([Mount("overlay", "overlay", options)]))
    except (OSError, Fault) as error:
        reason = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
        return Fault(f"failed to mount overlay: {reason}")
    finally:
        shutil.rmtree(folder)
    return None
