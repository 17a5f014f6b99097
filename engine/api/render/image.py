"""Images as the Docker API shows them: list, inspect and history documents by API version. Pure.

What changed when: https://docs.docker.com/reference/api/engine/version-history/
"""

from collections.abc import Sequence
from typing import Any

from engine import timestamps
from engine.images.model import Image
from engine.images.variants import Variant
from proto.errdefs import InvalidArgument

Version = tuple[int, int]
Document = dict[str, Any]

_CONFIG_FIELDS = (  # the part of a container's config that an image may give
    "ArgsEscaped", "Cmd", "Entrypoint", "Env", "ExposedPorts", "Healthcheck", "Labels", "OnBuild", "Shell",
    "StopSignal", "User", "Volumes", "WorkingDir",
)  # fmt: skip
_ALWAYS_UNTIL_1_51: Document = {
    "Cmd": None, "Entrypoint": None, "Env": None, "Labels": None, "OnBuild": None, "User": "", "Volumes": None,
    "WorkingDir": "",
}  # fmt: skip
_ALWAYS_UNTIL_1_49: Document = {
    "Hostname": "", "Domainname": "", "AttachStdin": False, "AttachStdout": False, "AttachStderr": False, "Tty": False,
    "OpenStdin": False, "StdinOnce": False, "Image": "", **_ALWAYS_UNTIL_1_51,
}  # fmt: skip


def summary(image: Image, version: Version, *, size: int, shared: int = -1, containers: int = -1) -> Document:
    """One entry of `GET /images/json`."""
    tags: list[str] = image.tags
    digests: list[str] = image.digests
    if version < (1, 43) and not tags and not digests:
        tags, digests = ["<none>:<none>"], ["<none>@<none>"]
    document: Document = {
        "Id": image.id,
        "ParentId": image.parent,
        "RepoTags": tags,
        "RepoDigests": digests,
        "Created": (image.created_ns or 0) // 10**9,
        "Size": size,
        "SharedSize": shared,
        "Labels": image.labels or None,
        "Containers": containers,
    }
    if version < (1, 44):
        document["VirtualSize"] = size
    if version >= (1, 48):
        document["Descriptor"] = target(image)
    return document


def target(image: Image) -> Document:
    """What the image's name leads to: its manifest, or the index that has it."""
    found = image.names[0].target if image.names else None
    if found is None:
        return _own(image)
    return {"mediaType": found.media_type, "digest": found.digest, "size": found.size}


def _own(image: Image) -> Document:
    one = image.manifest
    return {"mediaType": one.media_type, "digest": one.digest, "size": one.own_size}


def inspect(
    image: Image,
    version: Version,
    *,
    size: int,
    snapshotter: str,
    identity: Document | None = None,
    single: bool = False,
) -> Document:
    """`GET /images/{name}/json`; `single`: one platform was asked for, and so its own descriptor is."""
    config = image.config
    document: Document = {
        "Id": image.id,
        "RepoTags": image.tags,
        "RepoDigests": image.digests,
        "Created": image.created,
        "Architecture": config.get("architecture", ""),
        "Os": config.get("os", ""),
        "Size": size,
        "RootFS": {"Type": config.get("rootfs", {}).get("type", "layers"), "Layers": list(image.manifest.diff_ids)},
        "Metadata": {"LastTagTime": _last_tag_time(image)},
        "Config": container_config(image, version),
    }
    _add_texts(document, image, version)
    if image.manifest.platform.variant:
        document["Variant"] = config.get("variant") or image.manifest.platform.variant
    if config.get("os.version"):
        document["OsVersion"] = config["os.version"]
    if not document["Created"]:
        if version < (1, 44):
            document["Created"] = timestamps.ZERO
        else:
            del document["Created"]
    if version < (1, 44):
        document["VirtualSize"] = size
    if version < (1, 45):
        document["Container"] = config.get("container", "")
        document["ContainerConfig"] = {**_ALWAYS_UNTIL_1_49, **(config.get("container_config") or _made_by(image))}
    if version >= (1, 48):
        document["Descriptor"] = _own(image) if single else target(image)
    if version >= (1, 53) and identity:
        document["Identity"] = identity
    if version < (1, 52):
        document["GraphDriver"] = {"Name": snapshotter, "Data": None}
    return document


def manifest(one: Variant, *, unpacked: int, containers: list[str], identity: Document) -> Document:
    """One entry of `Manifests`: an image for one platform, or what is said about it; here or elsewhere."""
    found = one.manifest
    content = found.own_size + found.config_size + sum(layer.size for layer in found.layers) if found else 0
    document: Document = {
        "ID": one.digest,
        "Descriptor": one.entry,
        "Available": one.available,
        "Kind": "image" if one.is_image else "attestation" if one.is_attestation else "unknown",
        "Size": {"Content": content, "Total": content + unpacked},
    }
    if one.is_image:
        document["ImageData"] = {
            "Platform": one.entry.get("platform") or (one.platform.document() if one.platform else {}),
            "Size": {"Unpacked": unpacked},
            "Containers": containers,
            **({"Identity": identity} if identity and one.available else {}),
        }
    elif one.subject:
        document["AttestationData"] = {"For": one.subject}
    return document


def _made_by(image: Image) -> Document:
    """The container that an image of ours was made in: its config, and the last step's command with its arguments."""
    if not image.parent:
        return {}
    present = {key: value for key, value in image.container_config.items() if key in _CONFIG_FIELDS and value}
    steps = image.config.get("history") or [{}]
    return present | {"Cmd": _words(str(steps[-1].get("created_by") or "")), "Image": image.parent}


_SHELL = "/bin/sh -c "


def _words(command: str) -> list[str]:
    """`|1 name=value /bin/sh -c rest` and `/bin/sh -c rest` as lists."""
    words: list[str] = []
    if command.startswith("|"):
        count = command[1:].partition(" ")[0]
        words = command.split(" ", int(count) + 1)[:-1] if count.isdecimal() else []
        command = command[len(" ".join(words)) + 1 :] if words else command
    if command.startswith(_SHELL):
        return [*words, *_SHELL.split(), command[len(_SHELL) :]]
    return [*words, command] if command else words


def container_config(image: Image, version: Version) -> Document:
    """The config that containers inherit, with the empty fields that older clients expect."""
    present = {key: value for key, value in image.container_config.items() if key in _CONFIG_FIELDS and value}
    if version < (1, 50):
        return {**_ALWAYS_UNTIL_1_49, **present}
    if version < (1, 52):
        return {**_ALWAYS_UNTIL_1_51, **present}
    return present


def history(image: Image, layer_sizes: Sequence[int]) -> list[Document]:
    """`GET /images/{name}/history`, newest first; only the newest step has an id, as nobody keeps the others."""
    steps: list[Document] = []
    sizes = iter(layer_sizes)
    for step in image.config.get("history") or ():
        steps.insert(
            0,
            {
                "Id": "<missing>",
                "Created": _seconds(str(step.get("created") or "")),
                "CreatedBy": step.get("created_by", ""),
                "Tags": None,
                "Size": 0 if step.get("empty_layer") else next(sizes, 0),
                "Comment": step.get("comment", ""),
            },
        )
    if steps:
        steps[0].update(Id=image.id, Tags=image.tags or None)
    return steps


def _add_texts(document: Document, image: Image, version: Version) -> None:
    """What 1.52 and newer leave out where it is empty."""
    config = image.config
    steps = config.get("history") or [{}]
    texts = {
        "Parent": image.parent,
        "Comment": config.get("comment") or steps[-1].get("comment", ""),
        "DockerVersion": config.get("docker_version", ""),
        "Author": config.get("author", ""),
    }
    document.update(texts if version < (1, 52) else {key: text for key, text in texts.items() if text})


def _last_tag_time(image: Image) -> str:
    moment = max((name.updated_ns for name in image.names if name.reference is not None), default=0)
    return timestamps.from_ns(moment) if moment > 0 else timestamps.ZERO


def _seconds(text: str) -> int:
    try:
        return timestamps.to_ns(text) // 10**9
    except InvalidArgument:
        return 0
