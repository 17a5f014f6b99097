"""Plugins: the parts of the supervisor as clients list them, with what each can do and whether it works."""

from collections.abc import Callable
from dataclasses import dataclass, field

from proto.errdefs import Fault
from supervisor.core.digests import Platform
from supervisor.core.typed import TypedValue


@dataclass(frozen=True, slots=True)
class Plugin:
    """`type` and `id` are containerd's names, for clients look for them; `info` answers questions and may block."""

    type: str
    id: str
    requires: tuple[str, ...] = ()
    platforms: tuple[Platform, ...] = ()
    capabilities: tuple[str, ...] = ()
    exports: dict[str, str] = field(default_factory=dict)
    error: Fault | None = None
    info: Callable[[TypedValue], TypedValue] | None = None
