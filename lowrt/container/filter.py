"""The seccomp filter of a container, compiled before anything is entered."""

from lowrt.paths import seccomp_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.seccomp.compile import CompiledFilter
    from lowrt.spec.model import Spec


def load_filter(spec: "Spec", root: str) -> "CompiledFilter | None":
    """None where the configuration has none; else compiled, or found compiled."""
    if not spec.seccomp:
        return None
    from lowrt.seccomp import install  # noqa: F401 - for the child, which can import nothing any more
    from lowrt.seccomp.compile import compile_profile

    return compile_profile(spec.seccomp, seccomp_cache(root))
