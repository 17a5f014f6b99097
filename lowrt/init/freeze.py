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
    # Emptied instead of replaced, they would free what they hold, and copy each page that it is on.
    _kept.extend((sys.meta_path, sys.path, sys.path_hooks, sys.path_importer_cache))
    sys.meta_path, sys.path, sys.path_hooks, sys.path_importer_cache = [Guard], [], [], {}
