"""`GET /version` and `GET /info`. Pure."""

import platform
from typing import Any

from engine import __version__
from engine.api.versions import NEWEST, OLDEST, show

Json = dict[str, Any]


def version(supervisor: Json) -> Json:
    """Who we are, and who is below."""
    kernel = platform.release()
    return {
        "Platform": {"Name": "Wherry Engine"},
        "Components": [
            {
                "Name": "Engine",
                "Version": __version__,
                "Details": {
                    "ApiVersion": show(NEWEST),
                    "Arch": arch(),
                    "BuildTime": "",
                    "Experimental": "false",
                    "GitCommit": "",
                    "GoVersion": f"python{platform.python_version()}",
                    "KernelVersion": kernel,
                    "MinAPIVersion": show(OLDEST),
                    "Os": "linux",
                },
            },
            {
                "Name": "containerd",
                "Version": supervisor["version"],
                "Details": {"GitCommit": supervisor["revision"]},
            },
        ],
        "Version": __version__,
        "ApiVersion": show(NEWEST),
        "MinAPIVersion": show(OLDEST),
        "GitCommit": "",
        "GoVersion": f"python{platform.python_version()}",
        "Os": "linux",
        "Arch": arch(),
        "KernelVersion": kernel,
        "BuildTime": "",
    }


def arch() -> str:
    """Go's name of the machine."""
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
