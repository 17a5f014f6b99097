"""The part of ctypes that is used here, made from its C half: to import the whole package takes two milliseconds.

To the type checker these are ctypes' own. Where the C half is arranged in another way (it is nobody's interface), they
are so at run time too.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from ctypes import (
        CDLL,
        POINTER,
        Array,
        PyDLL,
        Structure,
        addressof,
        byref,
        c_char,
        c_char_p,
        c_int,
        c_int32,
        c_long,
        c_size_t,
        c_uint,
        c_uint32,
        c_uint64,
        c_ulong,
        c_ushort,
        c_void_p,
        create_string_buffer,
        get_errno,
        pythonapi,
        sizeof,
    )
    from typing import Any

    _Located: Any
else:
    try:
        from _ctypes import (
            FUNCFLAG_CDECL,
            FUNCFLAG_PYTHONAPI,
            FUNCFLAG_USE_ERRNO,
            POINTER,
            Array,
            CFuncPtr,
            Structure,
            addressof,
            byref,
            dlopen,
            get_errno,
            sizeof,
        )
        from _ctypes import _SimpleCData as Simple

        c_char = type("c_char", (Simple,), {"_type_": "c"})
        c_ushort = type("c_ushort", (Simple,), {"_type_": "H"})
        c_int = c_int32 = type("c_int", (Simple,), {"_type_": "i"})
        c_uint = c_uint32 = type("c_uint", (Simple,), {"_type_": "I"})
        c_long = type("c_long", (Simple,), {"_type_": "l"})
        c_ulong = c_size_t = type("c_ulong", (Simple,), {"_type_": "L"})
        c_uint64 = c_ulong if sizeof(c_ulong) == 8 else type("c_ulonglong", (Simple,), {"_type_": "Q"})
        c_char_p = type("c_char_p", (Simple,), {"_type_": "z"})
        c_void_p = type("c_void_p", (Simple,), {"_type_": "P"})
        _flags = FUNCFLAG_CDECL | FUNCFLAG_PYTHONAPI
        _Located = type(
            "Located", (CFuncPtr,), {"_flags_": _flags, "_restype_": c_long, "_argtypes_": (c_ulong, c_ulong, c_ulong)}
        )

        class CDLL:
            """The functions of the program itself, each found when it is first asked for."""

            _flags = FUNCFLAG_CDECL

            def __init__(self, name: None, *, use_errno: bool = False) -> None:
                self._handle = dlopen(name, 0)
                flags = self._flags | (FUNCFLAG_USE_ERRNO if use_errno else 0)
                self._function = type("Function", (CFuncPtr,), {"_flags_": flags, "_restype_": c_int})

            def __getattr__(self, name: str) -> CFuncPtr:
                function = self[name]
                setattr(self, name, function)
                return function

            def __getitem__(self, name: str) -> CFuncPtr:
                return self._function((name, self))

        class PyDLL(CDLL):
            """The same, called without letting go of the interpreter's lock."""

            _flags = FUNCFLAG_CDECL | FUNCFLAG_PYTHONAPI

        pythonapi = PyDLL(None)

        def create_string_buffer(given: bytes | int, size: int = 0) -> Array:
            """A C array of chars: of that size, or with those bytes in it."""
            if isinstance(given, int):
                return (c_char * given)()
            buffer = (c_char * (size or len(given) + 1))()
            buffer.value = given
            return buffer

    except (ImportError, AttributeError, TypeError):
        from ctypes import *  # noqa: F403
        from ctypes import PYFUNCTYPE, get_errno, pythonapi

        _Located = PYFUNCTYPE(c_long, c_ulong, c_ulong, c_ulong)


def function_at(address: int) -> "Callable[[int, int, int], int]":
    """A function of three words that gives one, called without letting go of the interpreter's lock."""
    found: Callable[[int, int, int], int] = _Located(address)
    return found


__all__ = [
    "CDLL",
    "POINTER",
    "Array",
    "PyDLL",
    "Structure",
    "addressof",
    "byref",
    "c_char",
    "c_char_p",
    "c_int",
    "c_int32",
    "c_long",
    "c_size_t",
    "c_uint",
    "c_uint32",
    "c_uint64",
    "c_ulong",
    "c_ushort",
    "c_void_p",
    "create_string_buffer",
    "function_at",
    "get_errno",
    "pythonapi",
    "sizeof",
]
