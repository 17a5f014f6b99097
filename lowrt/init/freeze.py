"""From here on no Python module may be imported: the files under sys.path would be the image's, run as root.

The same holds for all that imports behind one's back: codecs, locale, NSS (CVE-2019-14271). The guard turns a slip into
an error instead of an exploit.
"""

import sys


class ImportForbidden(ImportError):
    """Something tried to import a module inside a container."""


_kept: list[object] = []


class Guard:
    """A finder that finds nothing and says so loudly."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        del path, target
        raise ImportForbidden(f"import of {name!r} after the container was entered")


def freeze_imports() -> None:
    """Leave sys.modules as the only place modules come from."""
    sys.meta_path[:] = [Guard]
    sys.path[:] = []
    sys.path_hooks.clear()
    # Emptied, it would free the names of every file beside a module, and copy each page that they are on.
    _kept.append(sys.path_importer_cache)
    sys.path_importer_cache = {}
