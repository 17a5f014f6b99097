"""The runtime's fixtures: a busybox root, bundles on it, and proof that nothing stays behind."""

from tests.integration.lowrt.conftest import bundle
from tests.integration.lowrt.runtimes import bundles, lowrt, rootfs

__all__ = ["bundle", "bundles", "lowrt", "rootfs"]
