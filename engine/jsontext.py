"""JSON that others wrote: clients, registries, images. One error for all that can be wrong with it."""

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


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in value)
    if isinstance(value, list):
        return [_whole(member) for member in value]
    if isinstance(value, dict):
        return {_whole(name): _whole(member) for name, member in value.items()}
    return value
