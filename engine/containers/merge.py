"""What a container inherits from its image: Docker's rules, field by field. Pure."""

from typing import Any

from proto.errdefs import InvalidArgument

Json = dict[str, Any]


def merge(config: Json, image: Json) -> None:
    """Fill a container's Config from the image's."""
    config["User"] = config["User"] or image.get("User") or ""
    for name in ("ExposedPorts", "Volumes"):
        if image.get(name):
            config[name] = dict(image[name]) | (config[name] or {})
        elif name == "Volumes" and not config[name]:
            config[name] = None
    config["Env"] = _environment(config["Env"], image.get("Env"))
    if image.get("Labels") or config["Labels"] is None:
        config["Labels"] = dict(image.get("Labels") or {}) | (config["Labels"] or {})
    _command(config, image)
    config["Healthcheck"] = _healthcheck(config["Healthcheck"], image.get("Healthcheck"))
    config["WorkingDir"] = config["WorkingDir"] or image.get("WorkingDir") or ""
    config["StopSignal"] = config["StopSignal"] or image.get("StopSignal") or ""
    if not config["Shell"] and image.get("Shell"):
        config["Shell"] = list(image["Shell"])
    if config["OnBuild"] is None and image.get("OnBuild"):
        config["OnBuild"] = None  # ONBUILD is the builder's business: containers do not carry it


def _environment(own: list[str] | None, inherited: list[str] | None) -> list[str] | None:
    if not own:
        return list(inherited) if inherited else own
    names = {entry.partition("=")[0] for entry in own}
    return own + [entry for entry in inherited or () if entry.partition("=")[0] not in names]


def _command(config: Json, image: Json) -> None:
    """`--entrypoint ""` comes as [""] and means: none, not even the image's."""
    if config["Entrypoint"]:
        if config["Entrypoint"] == [""]:
            config["Entrypoint"] = None
        return
    if not config["Cmd"]:
        config["Cmd"] = list(image["Cmd"]) if image.get("Cmd") else config["Cmd"]
        if image.get("ArgsEscaped"):
            config["ArgsEscaped"] = True
    if config["Entrypoint"] is None and image.get("Entrypoint"):
        config["Entrypoint"] = list(image["Entrypoint"])


def _healthcheck(own: Json | None, inherited: Json | None) -> Json | None:
    if not inherited:
        return own
    if not own:
        return dict(inherited)
    if not own.get("Test"):
        return inherited | {name: value for name, value in own.items() if value}
    return own


def command_line(config: Json) -> tuple[str, list[str]]:
    """Path and Args: the entrypoint, then the command."""
    words = [*(config["Entrypoint"] or ()), *(config["Cmd"] or ())]
    if not words:
        raise InvalidArgument("no command specified")
    return words[0], words[1:]
