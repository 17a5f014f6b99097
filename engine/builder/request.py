"""What a client asked of `POST /build`, checked; what is not supported is refused by name. Pure."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine import jsontext
from engine.builder.state import State
from engine.images import platform as platforms
from engine.images import reference as references
from engine.images.platform import Platform
from engine.images.reference import Reference
from engine.images.registry_auth import Credentials, from_document
from proto.errdefs import InvalidArgument, Unimplemented

SECRETS_HEADER = "X-Wherry-Build-Secrets"
CHANNEL_HEADER = "X-Wherry-Build-Channel"
_REFUSED = {
    "squash": "build with fewer RUN steps, or copy from a stage into one that is FROM scratch",
    "isolation": "it belongs to other operating systems",
}
_NUMBERS = ("memory", "memswap", "cpushares", "cpuperiod", "cpuquota", "shmsize")
_HOST = {
    "memory": "Memory", "memswap": "MemorySwap", "cpushares": "CpuShares", "cpuperiod": "CpuPeriod",
    "cpuquota": "CpuQuota", "shmsize": "ShmSize", "cpusetcpus": "CpusetCpus", "cpusetmems": "CpusetMems",
    "cgroupparent": "CgroupParent", "networkmode": "NetworkMode",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """One build as asked for."""

    dockerfile: str = ""
    tags: tuple[Reference, ...] = ()
    arguments: Mapping[str, str | None] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    no_cache: bool = False
    no_cache_stages: frozenset[str] = frozenset()  # by their names
    pull: bool = False
    quiet: bool = False
    remove: bool = True
    force_remove: bool = False
    platform: Platform = field(default_factory=platforms.host)
    host_config: Mapping[str, Any] = field(default_factory=dict)
    credentials: Mapping[str, Credentials] = field(default_factory=dict)
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    cache_from: tuple[str, ...] = ()
    contexts: Mapping[str, str] = field(default_factory=dict)  # names that mean other images
    states: Mapping[str, State] = field(default_factory=dict)  # names that mean results of other builds
    steps: bool = False  # the stream tells of steps instead of lines
    channel: str = ""  # the token of what the client has beside this request
    to_channel: bool = False  # the result goes there, and no image is kept
    remote: str = ""  # a context that the engine fetches
    kept: bool = False  # the body is what the channel's own context lacks
    detailed: bool = False  # the stream tells of transfers and exports, too
    store: bool = True  # an image comes of it
    buildkit: bool = False  # asked for in BuildKit's way: version=2
    modern: bool = False  # where the two builders of docker differ, this is for BuildKit's clients
    session: str = ""  # the id of the client's, by which it has files, secrets and credentials

    @property
    def epoch(self) -> int | None:
        """SOURCE_DATE_EPOCH, if a build argument gives it."""
        text = self.arguments.get("SOURCE_DATE_EPOCH")
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 12):
            raise InvalidArgument(f"invalid SOURCE_DATE_EPOCH: {text}")
        return int(text)


def read(text: Callable[[str], str], texts: Callable[[str], list[str]], headers: Mapping[str, str]) -> Request:
    """From the query's parameters and the headers."""
    buildkit = _refuse(text)
    host: dict[str, Any] = {}
    for name, key in _HOST.items():
        if text(name):
            host[key] = _number(name, text(name)) if name in _NUMBERS else text(name)
    if texts("extrahosts"):
        host["ExtraHosts"] = _hosts(texts("extrahosts"))
    if text("ulimits"):
        host["Ulimits"] = _json("ulimits", text("ulimits"), list)
    if texts("securityopt"):
        host["SecurityOpt"] = texts("securityopt")
    return Request(
        dockerfile=text("dockerfile"),
        tags=_tags(texts("t")),
        arguments=_strings("buildargs", text("buildargs")),
        labels={key: value or "" for key, value in _strings("labels", text("labels")).items()},
        target=text("target"),
        no_cache=_flag(text("nocache")),
        pull=_flag(text("pull")),
        quiet=_flag(text("q")),
        remove=_flag(text("forcerm")) or not text("rm") or _flag(text("rm")),
        force_remove=_flag(text("forcerm")),
        platform=_platform(text("platform")),
        host_config=host,
        credentials=_credentials(headers.get("X-Registry-Config", "")),
        secrets=_secrets(headers.get(SECRETS_HEADER, "")),
        channel=headers.get(CHANNEL_HEADER, ""),
        to_channel=not buildkit and _to_channel(text("outputs"), headers.get(CHANNEL_HEADER, "")),
        contexts=_contexts(text("contexts")),
        steps=_steps(text("progress")) or buildkit,
        detailed=buildkit,
        buildkit=buildkit,
        modern=buildkit,
        session=text("session"),
        remote=text("remote"),
        kept=_flag(text("kept")),
        cache_from=_cache_from(text("cachefrom")),
    )


def _refuse(text: Callable[[str], str]) -> bool:
    """Answers whether it is BuildKit's way of asking."""
    for name, hint in _REFUSED.items():
        value = text(name)
        if value and value not in ("0", "false", "[]", "null", "None", "default"):
            raise Unimplemented(f"building with {name}={value[:80]} is not supported: {hint}")
    if text("version") not in ("", "1", "2"):
        raise InvalidArgument(f'invalid version "{text("version")[:80]}"')
    if text("version") == "2":
        return True
    if text("session") or text("remote") in ("client-session", "upload-request"):
        raise InvalidArgument("a session belongs to version=2")
    return False


def _flag(value: str) -> bool:
    return value.strip().lower() not in ("", "0", "no", "false", "none")


def _number(name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise InvalidArgument(f'{name}: strconv.ParseInt: parsing "{value}": invalid syntax') from None


def _json(name: str, value: str, kind: type) -> Any:
    try:
        found = jsontext.loads(value)
    except ValueError:
        raise InvalidArgument(f"error reading {name}: not JSON") from None
    if found is None:
        return kind()
    if not isinstance(found, kind):
        raise InvalidArgument(f"error reading {name}: not a JSON {'array' if kind is list else 'object'}")
    return found


def _strings(name: str, value: str) -> dict[str, str | None]:
    found = _json(name, value, dict) if value else {}
    if not all(isinstance(text, str | None) for text in found.values()):
        raise InvalidArgument(f"error reading {name}: values must be strings")
    return dict(found)


def _hosts(values: list[str]) -> list[str]:
    """The CLI sends one JSON array, docker-py a JSON array too, others the parameter many times."""
    if len(values) == 1 and values[0].startswith("["):
        return [str(entry) for entry in _json("extrahosts", values[0], list)]
    return [entry for value in values for entry in value.split(",") if entry]


def _tags(texts: list[str]) -> tuple[Reference, ...]:
    found: dict[str, Reference] = {}
    for text in texts:
        if not text:
            continue
        reference = references.parse(text)
        if reference.digest:
            raise InvalidArgument("build tag cannot contain a digest")
        tagged = reference.with_default_tag()
        found[str(tagged)] = tagged
    return tuple(found.values())


def _to_channel(outputs: str, channel: str) -> bool:
    """`outputs` are BuildKit's; the one that is known here is the tree of files, by a channel."""
    if outputs in ("", "[]", "null"):
        return False
    if outputs == "channel" and channel:
        return True
    raise Unimplemented(
        f"building with outputs={outputs[:80]} is not supported: use `wherry build --output`, `docker save`, or "
        "`docker cp` from a container made of the image"
    )


def _contexts(text: str) -> dict[str, str]:
    """`--build-context name=docker-image://…`; folders come by the channel."""
    found = {}
    for name, value in _strings("contexts", text).items():
        if not (value or "").startswith("docker-image://"):
            raise Unimplemented(f"building with contexts={name}={(value or '')[:80]} is not supported: name an image")
        found[name.lower()] = (value or "").removeprefix("docker-image://")
    return found


def _steps(text: str) -> bool:
    if text not in ("", "steps"):
        raise InvalidArgument(f"progress={text[:80]}: steps is meant, or nothing")
    return text == "steps"


def _cache_from(text: str) -> tuple[str, ...]:
    """Names of images; BuildKit's `type=registry,ref=…` means one, too."""
    names = []
    for entry in _json("cachefrom", text, list) if text else ():
        fields = dict(part.partition("=")[::2] for part in str(entry).split(","))
        if "=" not in str(entry):
            names.append(str(entry))
        elif fields.get("type") == "registry" and fields.get("ref"):
            names.append(fields["ref"])
        else:
            raise Unimplemented(f"building with cachefrom={str(entry)[:80]} is not supported: name an image")
    return tuple(names)


def _platform(text: str) -> Platform:
    host = platforms.host()
    if not text:
        return host
    asked = platforms.parse(text)
    if host.rank(asked) is None:
        raise Unimplemented(
            f"building for {asked} on {host} is not supported: there is no emulation here, use a machine of its kind"
        )
    return asked


def _credentials(header: str) -> dict[str, Credentials]:
    if not header:
        return {}
    found = _encoded("X-Registry-Config", header)
    return {
        name: from_document({"serveraddress": name, **entry})
        for name, entry in found.items()
        if isinstance(entry, dict)
    }


def _secrets(header: str) -> dict[str, bytes]:
    if not header:
        return {}
    try:
        return {
            name: base64.b64decode(value, validate=True)
            for name, value in _encoded(SECRETS_HEADER, header).items()
            if isinstance(value, str)
        }
    except binascii.Error:
        raise InvalidArgument(f"invalid {SECRETS_HEADER} header") from None


def _encoded(name: str, header: str) -> dict[str, Any]:
    try:
        data = base64.b64decode(header.replace("-", "+").replace("_", "/") + "=" * (-len(header) % 4), validate=True)
        found = jsontext.loads(data or b"{}")
    except (binascii.Error, ValueError):
        raise InvalidArgument(f"invalid {name} header") from None  # no words of it: it holds secrets
    if found is not None and not isinstance(found, dict):
        raise InvalidArgument(f"invalid {name} header: not a JSON object")
    return found or {}
