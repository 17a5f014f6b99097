"""Installing a filter, in a child that may be spoiled."""

import ctypes
import os
import signal

from lowrt.seccomp.compile import compile_profile
from lowrt.seccomp.install import install

NO_NEW_PRIVS = 38


def status_under(section: dict[str, object], *, prepared: bool = True) -> int:
    """The wait status of a child that installs the filter and asks for its parent's pid."""
    compiled = compile_profile(section)
    assert compiled is not None
    child = os.fork()
    if child == 0:
        code = 99
        try:
            if prepared:
                ctypes.CDLL(None).prctl(NO_NEW_PRIVS, 1, 0, 0, 0)
            install(compiled)
            code = 0 if os.getppid() > 0 else 1
        except BaseException:  # nothing may leave a forked test
            code = 98
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1]


def test_an_allowing_filter_changes_nothing() -> None:
    assert status_under({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}) == 0


def test_a_killing_rule_kills() -> None:
    rules = [{"names": ["getppid"], "action": "SCMP_ACT_KILL_PROCESS"}]
    status = status_under({"defaultAction": "SCMP_ACT_ALLOW", "flags": [], "syscalls": rules})
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGSYS
