"""SIGHUP: the configuration file is read again, and what can change while containers run takes effect.

A file that is wrong changes nothing. What needs a restart of the engine is said in the log and stays as it was.
"""

import json
from dataclasses import fields, replace
from typing import Any

from engine.config import Config

RELOADED = (
    "debug",
    "log_level",
    "labels",
    "live_restore",
    "shutdown_timeout",
    "runtimes",
    "default_runtime",
    "insecure_registries",
    "registry_mirrors",
)


def merge(old: Config, fresh: Config) -> tuple[Config, list[str]]:
    """The configuration from now on, and the keys whose change has to wait for a restart. Pure."""
    changed = [entry.name for entry in fields(Config) if getattr(old, entry.name) != getattr(fresh, entry.name)]
    taken = {name: getattr(fresh, name) for name in changed if name in RELOADED}
    return replace(old, **taken), [name.replace("_", "-") for name in changed if name not in RELOADED]


def attributes(config: Config, host: str) -> dict[str, str]:
    """The reload event's, each as text: lists and tables as JSON."""
    found = {"name": host} | {name.replace("_", "-"): _text(getattr(config, name)) for name in RELOADED}
    return {name: text for name, text in found.items() if name != "log-level"}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
