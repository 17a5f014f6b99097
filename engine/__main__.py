"""`wherryd`: parse, log, run; a wrong command line says why and exits 1."""

import asyncio
import sys

from engine import __version__, ground, log
from engine import config as configuration
from proto.errdefs import Fault


def main() -> None:
    """The console script."""
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-v"]):
        sys.stdout.write(f"Wherry version {__version__}\n")
        return
    if "--help" in arguments or "-h" in arguments:
        sys.stdout.write(usage())
        return
    try:
        config = configuration.load(arguments)
        log.set_up("debug" if config.debug else config.log_level)
        with ground.laid(config) as base:
            from engine.daemon import Daemon  # half a second of modules, while the supervisor starts

            asyncio.run(Daemon(base, lambda: configuration.load(arguments)).run())
    except Fault as fault:
        sys.stderr.write(f"{fault}\n")
        sys.exit(1)


def usage() -> str:
    """Every flag there is."""
    lines = ["Usage: wherryd [OPTIONS]", "", "A Docker Engine API daemon on top of containerd's API.", "", "Options:"]
    for setting in sorted(configuration.SETTINGS, key=lambda setting: setting.flag):
        short = f"-{setting.short}, " if setting.short else "    "
        kind = "" if setting.kind == "bool" else f" {setting.kind}"
        lines.append(f"  {short}--{setting.flag}{kind}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
