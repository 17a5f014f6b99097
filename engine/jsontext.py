"""JSON that others wrote (clients, registries, images) and that they read: as Go has it, both ways."""

import json
from typing import Any


def loads(text: str | bytes) -> Any:
    """Parse one document; ValueError for what is none, or is nested too deeply.

    Half a surrogate pair becomes U+FFFD, as Go's encoding/json has it: no file name, database or answer could hold it.
    """
    try:
        document = json.loads(text)
        escaped = (b"\\ud", b"\\uD") if isinstance(text, bytes) else ("\\ud", "\\uD")
        return _whole(document) if any(escape in text for escape in escaped) else document  # type: ignore[operator]
    except RecursionError:
        raise ValueError("nested too deeply") from None


# Without a space, as Go's encoding/json writes it: there are scripts that look for `"Id":"` with grep.
_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def dumps(document: Any) -> bytes:
    """One document as Go's programs write it, in UTF-8."""
    return _ENCODE(document).encode()


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in value)
    if isinstance(value, list):
        return [_whole(member) for member in value]
    if isinstance(value, dict):
        return {_whole(name): _whole(member) for name, member in value.items()}
    return value
