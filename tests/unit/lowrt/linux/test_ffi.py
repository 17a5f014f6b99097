"""What we take from ctypes' C half does what ctypes does."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

from lowrt.linux import ffi

ROOT = Path(__file__).resolve().parents[4]
TYPES = [name for name in ffi.__all__ if name.startswith("c_")]


def test_every_type_has_the_size_that_ctypes_gives_it() -> None:
    for name in TYPES:
        assert ffi.sizeof(getattr(ffi, name)) == ctypes.sizeof(getattr(ctypes, name)), name


def test_a_call_gives_its_result_and_errno() -> None:
    libc = ffi.CDLL(None, use_errno=True)
    assert libc.getpid() == os.getpid()
    assert libc.close(-1) == -1
    assert ffi.get_errno() == 9


def test_each_look_up_is_a_function_of_its_own() -> None:
    """One call may have argument types that another must not inherit."""
    libc = ffi.CDLL(None)
    assert libc["syscall"] is not libc["syscall"]
    assert libc.syscall is libc.syscall


def test_a_structure_is_laid_out_as_ctypes_lays_it_out() -> None:
    fields = [("a", "c_ushort"), ("b", "c_char_p"), ("c", "c_int"), ("d", "c_uint64")]
    ours = type("Ours", (ffi.Structure,), {"_fields_": [(name, getattr(ffi, kind)) for name, kind in fields]})
    theirs = type("Theirs", (ctypes.Structure,), {"_fields_": [(name, getattr(ctypes, kind)) for name, kind in fields]})
    assert ffi.sizeof(ours) == ctypes.sizeof(theirs)
    assert [getattr(ours, name).offset for name, _ in fields] == [getattr(theirs, name).offset for name, _ in fields]


def test_buffers_hold_what_they_are_given() -> None:
    assert ffi.create_string_buffer(b"abc").raw == b"abc\0"
    assert ffi.create_string_buffer(b"abc", 5).raw == b"abc\0\0"
    assert ffi.create_string_buffer(3).raw == b"\0\0\0"


def test_the_package_is_not_imported() -> None:
    program = "import sys; sys.path.insert(0, sys.argv[1]); import lowrt.linux.mount; print('ctypes' in sys.modules)"
    done = subprocess.run([sys.executable, "-IS", "-c", program, str(ROOT)], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_where_the_c_half_is_another_the_package_serves() -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import _ctypes; del _ctypes.POINTER\n"
        "class Late:\n"
        "    @staticmethod\n"
        "    def find_spec(name, path=None, target=None):\n"
        "        if name == 'ctypes': _ctypes.POINTER = saved\n"
        "sys.meta_path.insert(0, Late)\n"
        "from lowrt.linux import ffi; import ctypes, os\n"
        "print(ffi.CDLL is ctypes.CDLL, ffi.CDLL(None).getpid() == os.getpid(), hasattr(ffi, 'get_errno'))"
    ).replace("del _ctypes.POINTER", "saved = _ctypes.POINTER; del _ctypes.POINTER")
    done = subprocess.run([sys.executable, "-IS", "-c", program, str(ROOT)], capture_output=True, text=True, check=True)
    assert done.stdout == "True True True\n"
