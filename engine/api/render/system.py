"""`GET /version` and `GET /info`. Pure."""

import platform
from typing import Any

from engine import __version__
from engine.api.versions import ADVERTISED, OLDEST, Version, show
from engine.containers.programs import Below

Json = dict[str, Any]


def version(below: Below, *, experimental: bool = False) -> Json:
    """Who we are, and who is below."""
    kernel = platform.release()
    return {
        "Platform": {"Name": "Wherry Engine"},
        "Components": [
            {
                "Name": "Engine",
                "Version": __version__,
                "Details": {
                    "ApiVersion": show(ADVERTISED),
                    "Arch": arch(),
                    "BuildTime": "",
                    "Experimental": str(experimental).lower(),
                    "GitCommit": "",
                    "GoVersion": f"python{platform.python_version()}",
                    "KernelVersion": kernel,
                    "MinAPIVersion": show(OLDEST),
                    "Os": "linux",
                },
            },
            *(
                {"Name": program.name, "Version": program.version, "Details": {"GitCommit": program.commit}}
                for program in (below.supervisor, below.runtime, below.init)
                if program is not None
            ),
        ],
        "Version": __version__,
        "ApiVersion": show(ADVERTISED),
        "MinAPIVersion": show(OLDEST),
        "GitCommit": "",
        "GoVersion": f"python{platform.python_version()}",
        "Os": "linux",
        "Arch": arch(),
        "KernelVersion": kernel,
        "BuildTime": "",
        **({"Experimental": True} if experimental else {}),
    }


def info(document: Json, version: Version) -> Json:
    """`GET /info` as the client's version has it: what came later goes, what went by then comes back."""
    done = dict(document)
    if version < (1, 44):
        done["Runtimes"] = {
            name: {key: value for key, value in runtime.items() if key != "status"}
            for name, runtime in document["Runtimes"].items()
        }
    for since, name in ((46, "Containerd"), (49, "FirewallBackend"), (50, "DiscoveredDevices")):
        if version < (1, since):
            done.pop(name, None)
    if version < (1, 47):
        done["RegistryConfig"] = document["RegistryConfig"] | {
            "AllowNondistributableArtifactsCIDRs": None,
            "AllowNondistributableArtifactsHostnames": None,
        }
    if version < (1, 49):
        for name in ("ContainerdCommit", "RuncCommit", "InitCommit"):
            done[name] = document[name] | {"Expected": document[name]["ID"]}
    if version < (1, 50):
        done |= {"BridgeNfIptables": False, "BridgeNfIp6tables": False}
    if version < (1, 52):
        done["KernelMemoryTCP"] = False
    if version < (1, 42):
        done["KernelMemory"] = False
    return done


def arch() -> str:
    """Go's name of the machine."""
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
