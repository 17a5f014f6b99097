"""How far a stage has come: configuration, layers, history. A value: each step makes the next one. Pure."""

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import Any

from engine.images.model import Descriptor, Image, chain_ids
from engine.images.platform import Platform

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Layer:
    """What a step added: the blob, and what it is uncompressed."""

    descriptor: Descriptor
    diff_id: str


@dataclass(frozen=True, slots=True)
class State:
    """One image in the making."""

    platform: Platform
    config: Json = field(default_factory=dict)
    layers: tuple[Layer, ...] = ()
    history: tuple[Json, ...] = ()
    created: str = ""
    author: str = ""
    base_id: str = ""  # the image that FROM named
    base_digest: str = ""  # of the configuration that a stage begins with: ours of the same, in our spelling

    @classmethod
    def from_image(cls, image: Image) -> "State":
        """Where a stage begins that is FROM an image."""
        manifest = image.manifest
        layers = tuple(
            Layer(descriptor, diff_id) for descriptor, diff_id in zip(manifest.layers, manifest.diff_ids, strict=True)
        )
        begun = cls(
            platform=manifest.platform,
            config=json.loads(json.dumps(image.container_config)),
            layers=layers,
            history=tuple(image.config.get("history") or ()),
            created=image.created,
            author=str(image.config.get("author") or ""),
            base_id=image.id,
        )
        return replace(begun, base_digest=digest(begun.document()))

    @property
    def diff_ids(self) -> tuple[str, ...]:
        """The layers, uncompressed, lowest first."""
        return tuple(layer.diff_id for layer in self.layers)

    @property
    def top(self) -> str:
        """The snapshot that holds it all; empty for scratch."""
        chain = chain_ids(self.diff_ids)
        return chain[-1] if chain else ""

    @property
    def id(self) -> str:
        """The digest of the configuration as it would be stored; the base's own where nothing was changed."""
        if not self.history and not self.layers:
            return ""
        found = digest(self.document())
        return self.base_id if found == self.base_digest else found

    @property
    def is_base(self) -> bool:
        """Nothing was changed since FROM."""
        return bool(self.base_id) and self.id == self.base_id

    @property
    def environment(self) -> dict[str, str]:
        """ENV as it is now."""
        return dict(entry.partition("=")[::2] for entry in self.config.get("Env") or ())

    @property
    def shell(self) -> list[str]:
        """What the shell forms go to."""
        return list(self.config.get("Shell") or ("/bin/sh", "-c"))

    def document(self) -> Json:
        """The image configuration."""
        return {
            "architecture": self.platform.architecture,
            "os": self.platform.os,
            **({"variant": self.platform.variant} if self.platform.variant else {}),
            **({"created": self.created} if self.created else {}),
            **({"author": self.author} if self.author else {}),
            "config": self.config,
            "rootfs": {"type": "layers", "diff_ids": list(self.diff_ids)},
            "history": list(self.history),
        }

    def stepped(self, config: Json, command: str, created: str, layer: Layer | None = None) -> "State":
        """The state after one more step."""
        step: Json = {"created": created, "created_by": command}
        if self.author:
            step["author"] = self.author
        if layer is None:
            step["empty_layer"] = True
        return replace(
            self,
            config=config,
            layers=(*self.layers, layer) if layer else self.layers,
            history=(*self.history, step),
            created=created,
        )

    def nop(self, comment: str) -> str:
        """How history speaks of a step that ran nothing."""
        return f"{' '.join(self.shell)} #(nop) {comment}"


def digest(document: Json) -> str:
    """Of a configuration as the assembler stores it."""
    return f"sha256:{hashlib.sha256(encoded(document)).hexdigest()}"


def encoded(document: Json) -> bytes:
    """JSON as the assembler stores it."""
    return json.dumps(document, separators=(",", ":")).encode()
