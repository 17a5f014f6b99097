"""Platforms: `linux/arm64/v8` to people, a JSON object to the API."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from engine.cli.client import Daemon
from engine.cli.errors import CommandFailed


def platform_text(known: Mapping[str, Any]) -> str:
    """As people write it."""
    return "/".join(known[key] for key in ("os", "architecture", "variant") if known.get(key))


def platform_document(text: str | None) -> str | None:
    """None for none; raises CommandFailed for what is no platform."""
    if not text:
        return None
    words = text.split("/")
    if len(words) > 3 or not all(words):
        raise CommandFailed(f"invalid platform {text!r}: write it as OS[/ARCH[/VARIANT]]")
    return json.dumps(dict(zip(("os", "architecture", "variant"), words, strict=False)))


def platform_documents(daemon: Daemon, texts: Sequence[str]) -> list[str] | None:
    """For a request that takes several since 1.52; each may be a list of its own, with commas."""
    found = [platform_document(word) for text in texts for word in text.split(",")]
    documents = [one for one in found if one is not None]
    if len(documents) > 1:
        daemon.require("1.52")
    return documents or None
