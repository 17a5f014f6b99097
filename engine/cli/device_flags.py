"""--device VENDOR/CLASS=NAME and --gpus → HostConfig.DeviceRequests."""

import re
from collections.abc import Sequence
from typing import Any

_DEVICE_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_.-]*/[A-Za-z][A-Za-z0-9_-]*=[A-Za-z0-9][A-Za-z0-9_.:-]*\Z")


def is_device_name(text: str) -> bool:
    """A CDI device's full name, no path of a node."""
    return _DEVICE_NAME.match(text) is not None


def device_requests(devices: Sequence[str], gpus: str | None) -> list[dict[str, Any]] | None:
    """Both flags' requests; None for none."""
    requests = [_gpus(gpus)] if gpus else []
    named = [text for text in devices if is_device_name(text)]
    if named:
        requests.append({"Driver": "cdi", "DeviceIDs": named})
    return requests or None


def _gpus(text: str) -> dict[str, Any]:
    if text == "all" or text.isdigit():
        return {"Driver": "", "Count": -1 if text == "all" else int(text), "Capabilities": [["gpu"]]}
    devices = [part.removeprefix("device=") for part in text.strip('"').split(",")]
    return {"Driver": "", "DeviceIDs": devices, "Capabilities": [["gpu"]]}
