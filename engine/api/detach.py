"""Detach keys in a terminal's input: "ctrl-p,ctrl-q" leaves the container running. No I/O."""

import re

from proto.errdefs import InvalidArgument

DEFAULT = "ctrl-p,ctrl-q"
_CONTROL = {f"ctrl-{chr(letter)}": letter - 96 for letter in range(ord("a"), ord("z") + 1)}
_CONTROL |= {"ctrl-@": 0, "ctrl-[": 27, "ctrl-\\": 28, "ctrl-]": 29, "ctrl-^": 30, "ctrl-_": 31, "DEL": 127}


def parse(text: str) -> bytes:
    """The keys as bytes; an empty text means the default."""
    done = bytearray()
    for key in (text or DEFAULT).split(","):
        if key in _CONTROL:
            done.append(_CONTROL[key])
        elif re.fullmatch(r"[\x20-\x7e]", key):
            done.append(ord(key))
        else:
            raise InvalidArgument(f"Invalid detach keys ({text}) provided: Unknown character: '{key}'")
    return bytes(done)


class Scanner:
    """Passes input through, holding back what may be the beginning of the keys."""

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._held = b""

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """(what to pass on, whether the keys were pressed)."""
        passed = bytearray()
        for byte in data:
            self._held += bytes((byte,))
            if self._held == self._keys:
                return bytes(passed), True
            if not self._keys.startswith(self._held):
                passed += self._held
                self._held = b""
        return bytes(passed), False
