"""Platforms as the API wants them in a query: `linux/arm64/v8` as a JSON object."""

import json

from engine.cli.errors import CommandFailed


def platform_document(text: str | None) -> str | None:
    """None for none; raises CommandFailed for what is no platform."""
    if not text:
        return None
    words = text.split("/")
    if len(words) > 3 or not all(words):
        raise CommandFailed(f"invalid platform {text!r}: write it as OS[/ARCH[/VARIANT]]")
    return json.dumps(dict(zip(("os", "architecture", "variant"), words, strict=False)))
