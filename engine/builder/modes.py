"""`--chmod`: octal digits, or chmod(1)'s symbols (`u=rwX,go=rX`, `a+r,g-w`, `o=u`). Pure.

A clause without u, g or o is for all: there is no umask in a build. `X` is `x` for folders and for what already has
an `x`; `s` and `t` are set-id and sticky bits.
"""

import re
import stat
from dataclasses import dataclass

from proto.errdefs import InvalidArgument

_OCTAL = re.compile(r"0?[0-7]{1,4}")
_CLAUSE = re.compile(r"([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)")
_ACTION = re.compile(r"([-+=])([rwxXstugo]*)")
_SHIFTS = {"u": 6, "g": 3, "o": 0}
_BITS = {"r": 4, "w": 2, "x": 1}


@dataclass(frozen=True, slots=True)
class Mode:
    """What `--chmod` says."""

    text: str

    def __post_init__(self) -> None:
        if not _OCTAL.fullmatch(self.text) and not all(_CLAUSE.fullmatch(clause) for clause in self.text.split(",")):
            raise InvalidArgument(f"invalid chmod parameter: {self.text!r}: octal digits or chmod's symbols are meant")

    def of(self, mode: int) -> int:
        """The permissions of a thing of this mode."""
        if _OCTAL.fullmatch(self.text):
            return int(self.text, 8)
        is_folder = stat.S_ISDIR(mode)
        found = stat.S_IMODE(mode)
        for clause in self.text.split(","):
            match = _CLAUSE.fullmatch(clause)
            assert match is not None
            who = set(match[1].replace("a", "ugo") or "ugo")
            for sign, words in _ACTION.findall(match[2]):
                found = _applied(found, who, sign, words, is_folder=is_folder)
        return found


def octal(text: str) -> int:
    """A mode in digits alone, as mounts have it."""
    if not _OCTAL.fullmatch(text):
        raise InvalidArgument(f"invalid mode {text!r}: only octal modes are supported")
    return int(text, 8)


def _applied(mode: int, who: set[str], sign: str, words: str, *, is_folder: bool) -> int:
    asked = _asked(mode, who, words, is_folder=is_folder)
    if sign == "+":
        return mode | asked
    if sign == "-":
        return mode & ~asked
    cleared = sum(7 << _SHIFTS[each] for each in who)
    if not is_folder or "s" in words:  # as chmod(1): a folder's set-id bits stay unless they are named
        cleared |= (stat.S_ISUID if "u" in who else 0) | (stat.S_ISGID if "g" in who else 0)
    if who == set("ugo"):
        cleared |= stat.S_ISVTX
    return (mode & ~cleared) | asked


def _asked(mode: int, who: set[str], words: str, *, is_folder: bool) -> int:
    bits, special = 0, 0
    for word in words:
        if word in _SHIFTS:  # another's permissions
            bits |= mode >> _SHIFTS[word] & 7
        elif word == "X":
            bits |= 1 if is_folder or mode & 0o111 else 0
        elif word == "s":
            special |= (stat.S_ISUID if "u" in who else 0) | (stat.S_ISGID if "g" in who else 0)
        elif word == "t":
            special |= stat.S_ISVTX
        else:
            bits |= _BITS[word]
    return special | sum(bits << _SHIFTS[each] for each in who)
