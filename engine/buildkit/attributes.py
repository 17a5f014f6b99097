"""What a client asks of the frontend `dockerfile.v0`, as the builder's `Request`; the rest is refused by name. Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.builder.request import Request
from engine.images import platform as platforms
from engine.images import reference as references
from engine.images.platform import Platform
from engine.images.reference import Reference
from proto.errdefs import InvalidArgument, Unimplemented

Attributes = Mapping[str, str]

_IMAGE = "docker-image://"
_ELSEWHERE = {  # the session's client reads these, or they say nothing that changes a build
    *("filename", "dockerfilekey", "contextkey", "contextsubdir", "context", "input:"),
    *("frontend.caps", "cache-imports", "cmdline", "source", "requestid"),
}
_PREFIXES_ELSEWHERE = (
    *("build-arg:", "label:", "context:", "local-sessionid:", "sharedkey:", "vcs:", "input-metadata:", "attest:"),
)
_HINTS = {
    "multi-platform": "the result is one image, for one platform",
    "hostname": "steps have the name of their container",
}
_OWN_LANGUAGE = ("docker/dockerfile", "docker.io/docker/dockerfile", "docker/dockerfile-upstream")


@dataclass(frozen=True, slots=True)
class Output:
    """One exporter of a Solve."""

    type: str
    attributes: Attributes

    @property
    def is_image(self) -> bool:
        """It goes to the engine's own images."""
        return self.type in ("moby", "image")


def request(attributes: Attributes, output: Output | None, imports: Iterable[tuple[str, Attributes]]) -> Request:
    """One build."""
    _require_known(attributes)
    _require_own_language(attributes)
    return Request(
        tags=_tags(output.attributes.get("name", "")) if output is not None else (),
        arguments=dict(_prefixed(attributes, "build-arg:")),
        labels=dict(_prefixed(attributes, "label:")),
        target=attributes.get("target", ""),
        no_cache=attributes.get("no-cache") == "",
        no_cache_stages=_words(attributes.get("no-cache", "")),
        pull=attributes.get("image-resolve-mode") == "pull",
        force_remove=True,
        platform=_platform(attributes.get("platform", "")),
        host_config=_host_config(attributes),
        cache_from=tuple(_cache_from(attributes, imports)),
        contexts=dict(_images(attributes)),
        steps=True,
        detailed=True,
        modern=True,
        store=output is not None and output.is_image,
    )


def output(exporters: Iterable[Output]) -> Output | None:
    """The one exporter there is; none keeps nothing but the cache."""
    found = [each for each in exporters if each.type]
    if len(found) > 1:
        raise Unimplemented("a build with several outputs is not supported: one each")
    if not found:
        return None
    if found[0].is_image:
        for name, value in found[0].attributes.items():
            _require_image_attribute(name, value)
    return found[0]


def _require_image_attribute(name: str, value: str) -> None:
    if name in ("name", "push", "load", "registry.insecure", "dangling-name-prefix"):
        return  # buildx pushes by itself, with the engine's /images/NAME/push
    if value.lower() in ("", "false", "0") or (name == "unpack" and value == "true"):
        return
    raise Unimplemented(f"the output attribute {name}={value[:80]} is not supported for type=image")


def _require_known(attributes: Attributes) -> None:
    for name, value in attributes.items():
        if name in _ELSEWHERE or name in _KNOWN or name.startswith(_PREFIXES_ELSEWHERE):
            continue
        if value == "" or (name == "multi-platform" and value in ("false", "0")):
            continue
        hint = f": {_HINTS[name]}" if name in _HINTS else ""
        raise Unimplemented(f"the build option {name}={value[:80]} is not supported{hint}")
    for name, value in _prefixed(attributes, "attest:"):
        if "disabled=true" not in value.split(","):
            raise Unimplemented(f"attestations (attest:{name}) are not supported: build with --{name}=false")


def _require_own_language(attributes: Attributes) -> None:
    """`# syntax=` of the language itself is what is here; another frontend would be a program of its own."""
    source = attributes.get("source", "").partition("@")[0]
    name, _, tag = source.rpartition(":")
    if source and (name if "/" not in tag and name else source) not in _OWN_LANGUAGE:
        raise Unimplemented(f"the frontend {source[:200]} is not supported: Dockerfiles are read by the engine itself")


def _prefixed(attributes: Attributes, prefix: str) -> Iterable[tuple[str, str]]:
    return ((name.removeprefix(prefix), value) for name, value in attributes.items() if name.startswith(prefix))


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip().lower() for word in text.split(",") if word.strip())


def _tags(text: str) -> tuple[Reference, ...]:
    found: dict[str, Reference] = {}
    for word in filter(None, text.split(",")):
        reference = references.parse(word)
        if reference.digest:
            raise InvalidArgument("build tag cannot contain a digest")
        tagged = reference.with_default_tag()
        found[str(tagged)] = tagged
    return tuple(found.values())


def _platform(text: str) -> Platform:
    host = platforms.host()
    names = [word for word in text.split(",") if word]
    if len(names) > 1:
        raise Unimplemented(f"building for several platforms ({text[:200]}) is not supported: one each")
    if not names:
        return host
    asked = platforms.parse(names[0])
    if host.rank(asked) is None:
        raise Unimplemented(f"building for {asked} on {host} is not supported: there is no emulation here")
    return asked


def _host_config(attributes: Attributes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if hosts := attributes.get("add-hosts"):
        found["ExtraHosts"] = [":".join(entry.partition("=")[::2]) for entry in hosts.split(",") if entry]
    if size := attributes.get("shm-size"):
        found["ShmSize"] = _number("shm-size", size)
    if limits := attributes.get("ulimit"):
        found["Ulimits"] = [_ulimit(entry) for entry in limits.split(",") if entry]
    if parent := attributes.get("cgroup-parent"):
        found["CgroupParent"] = parent
    mode = attributes.get("force-network-mode", "")
    if mode not in ("", "default", "sandbox", "none", "host"):
        raise InvalidArgument(f"invalid network mode {mode[:80]!r}")
    if mode in ("none", "host"):
        found["NetworkMode"] = mode
    return found


def _ulimit(text: str) -> dict[str, Any]:
    name, _, values = text.partition("=")
    soft, _, hard = values.partition(":")
    return {"Name": name, "Soft": _number("ulimit", soft), "Hard": _number("ulimit", hard or soft)}


def _number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidArgument(f"{name}: {text[:80]!r} is no number") from None


def _cache_from(attributes: Attributes, imports: Iterable[tuple[str, Attributes]]) -> Iterable[str]:
    """Names of images, in whichever of the four places that clients have had for them."""
    seen = dict.fromkeys(word for word in attributes.get("cache-from", "").split(",") if word)
    try:
        listed = [
            (entry["Type"], entry.get("Attrs") or {}) for entry in json.loads(attributes.get("cache-imports") or "[]")
        ]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InvalidArgument("cache-imports is no list of caches") from None
    for kind, about in [*listed, *imports]:
        if kind != "registry" or not about.get("ref"):
            raise Unimplemented(f"--cache-from type={kind} is not supported: name an image")
        seen[about["ref"]] = None
    return seen


def _images(attributes: Attributes) -> Iterable[tuple[str, str]]:
    """`context:NAME=docker-image://…`; folders are the session's."""
    for name, value in _prefixed(attributes, "context:"):
        if value.startswith(_IMAGE):
            yield name.partition("::")[0].lower(), value.removeprefix(_IMAGE)


_KNOWN = {
    *("target", "no-cache", "image-resolve-mode", "platform", "add-hosts", "shm-size", "ulimit", "cgroup-parent"),
    *("force-network-mode", "cache-from"),
}
