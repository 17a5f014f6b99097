"""`-v` and `--mount`: the two ways of writing a mount."""

import csv
import os
from typing import Any

from engine.cli.errors import CommandFailed
from engine.cli.humane import parse_bytes

_TRUE, _FALSE = ("", "1", "true"), ("0", "false")


def bind_or_volume(text: str) -> tuple[str, str | None]:
    """The target, and the bind string for HostConfig.Binds; None for an anonymous volume."""
    source, separator, rest = text.partition(":")
    if not separator:
        if not source.startswith("/"):
            raise CommandFailed(f"invalid volume specification: '{text}': the target must be an absolute path", 125)
        return source, None
    if source.startswith((".", "~")):
        source = os.path.abspath(os.path.expanduser(source))
    if not source or not rest:
        raise CommandFailed(f"invalid spec: {text}: empty section between colons", 125)
    return rest.split(":")[0], f"{source}:{rest}"


def mount(text: str) -> dict[str, Any]:
    """A Mount object from `type=…,source=…,target=…`; raises CommandFailed naming a key that is not known."""
    made: dict[str, Any] = {"Type": "volume"}
    for field in next(csv.reader([text])):
        key, separator, value = field.partition("=")
        _set(made, key.strip().lower(), value, given=bool(separator), text=text)
    if "Target" not in made:
        raise CommandFailed(f'invalid argument "{text}" for "--mount" flag: target is required', 125)
    if made["Type"] == "bind" and made.get("Source", "").startswith((".", "~")):
        made["Source"] = os.path.abspath(os.path.expanduser(made["Source"]))
    return made


def _set(made: dict[str, Any], key: str, value: str, *, given: bool, text: str) -> None:
    simple = {"type": "Type", "source": "Source", "src": "Source", "target": "Target", "dst": "Target"}
    simple |= {"destination": "Target", "consistency": "Consistency"}
    if key in simple:
        made[simple[key]] = value.lower() if key == "type" else value
    elif key in ("readonly", "ro"):
        made["ReadOnly"] = _boolean(key, value, text)
    elif key == "bind-propagation":
        made.setdefault("BindOptions", {})["Propagation"] = value
    elif key in ("bind-nonrecursive", "bind-create-src"):
        field = {"bind-nonrecursive": "NonRecursive", "bind-create-src": "CreateMountpoint"}[key]
        made.setdefault("BindOptions", {})[field] = _boolean(key, value, text)
    elif key in ("bind-recursive", "bind-idmap"):
        way = _bind_recursive if key == "bind-recursive" else _bind_mapping
        way(made.setdefault("BindOptions", {}), value, text)
    elif key in ("volume-nocopy", "volume-subpath", "volume-label", "volume-driver", "volume-opt"):
        _volume_option(made.setdefault("VolumeOptions", {}), key, value, text)
    elif key == "image-subpath":
        made.setdefault("ImageOptions", {})["Subpath"] = value
    elif key in ("tmpfs-size", "tmpfs-mode"):
        field, number = ("SizeBytes", parse_bytes(value)) if key == "tmpfs-size" else ("Mode", int(value, 8))
        made.setdefault("TmpfsOptions", {})[field] = number
    elif not given:
        raise CommandFailed(f'invalid argument "{text}" for "--mount" flag: invalid field \'{key}\'', 125)
    else:
        raise CommandFailed(f'invalid argument "{text}" for "--mount" flag: unexpected key \'{key}\'', 125)


def _volume_option(options: dict[str, Any], key: str, value: str, text: str) -> None:
    name, _, setting = value.partition("=")
    if key == "volume-nocopy":
        options["NoCopy"] = _boolean(key, value, text)
    elif key == "volume-subpath":
        options["Subpath"] = value
    elif key == "volume-label":
        options.setdefault("Labels", {})[name] = setting
    elif key == "volume-driver":
        options.setdefault("DriverConfig", {})["Name"] = value
    else:
        options.setdefault("DriverConfig", {}).setdefault("Options", {})[name] = setting


def _bind_recursive(options: dict[str, Any], value: str, text: str) -> None:
    settings = {
        "enabled": {},
        "disabled": {"NonRecursive": True},
        "writable": {"ReadOnlyNonRecursive": True},
        "readonly": {"ReadOnlyForceRecursive": True},
    }
    if value not in settings:
        raise CommandFailed(
            f'invalid argument "{text}" for "--mount" flag: bind-recursive is one of {", ".join(settings)}', 125
        )
    options.update(settings[value])


def _bind_mapping(options: dict[str, Any], value: str, text: str) -> None:
    source, _, user = (value or "match-user").partition(":")
    if source not in ("match-user", "userns") or (user and source == "userns"):
        raise CommandFailed(
            f'invalid argument "{text}" for "--mount" flag: bind-idmap is match-user, match-user:USER or userns', 125
        )
    options["IDMapping"] = {"Source": source, **({"User": user} if user else {})}


def _boolean(key: str, value: str, text: str) -> bool:
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise CommandFailed(f'invalid argument "{text}" for "--mount" flag: invalid value for {key}: {value}', 125)
