"""The flags of `run` and `create`: docker's names, shorthands and help. What they mean is in `container_config`."""

from collections.abc import Callable
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _flag(*names: str, help: str) -> Decorator:
    return click.option(*names, is_flag=True, help=help)


def _many(*names: str, help: str, metavar: str = "VALUE") -> Decorator:
    return click.option(*names, multiple=True, help=help, metavar=metavar)


def _one(*names: str, help: str, kind: Any = str, metavar: str | None = None) -> Decorator:
    return click.option(*names, type=kind, help=help, metavar=metavar)


_PROCESS = (
    _flag("--interactive", "-i", help="Keep STDIN open even if not attached."),
    _flag("--tty", "-t", help="Allocate a pseudo-TTY."),
    _many("--env", "-e", help="Set environment variables.", metavar="NAME[=VALUE]"),
    _many("--env-file", help="Read in a file of environment variables.", metavar="FILE"),
    _one("--workdir", "-w", help="Working directory inside the container."),
    _one("--user", "-u", help="Username or UID (format: <name|uid>[:<group|gid>])."),
    _one("--entrypoint", help="Overwrite the default ENTRYPOINT of the image."),
    _many("--group-add", help="Add additional groups to join.", metavar="GROUP"),
    _one("--stop-signal", help="Signal to stop the container."),
    _one("--stop-timeout", help="Timeout (in seconds) to stop a container.", kind=int),
    _flag("--init", help="Run an init inside the container that forwards signals and reaps processes."),
    _many("--attach", "-a", help="Attach to STDIN, STDOUT or STDERR.", metavar="STREAM"),
)
_IDENTITY = (
    _one("--name", help="Assign a name to the container."),
    _one("--hostname", "-h", help="Container host name."),
    _one("--domainname", help="Container NIS domain name."),
    _many("--label", "-l", help="Set meta data on a container.", metavar="NAME[=VALUE]"),
    _many("--label-file", help="Read in a line delimited file of labels.", metavar="FILE"),
    _many("--annotation", help="Add an annotation to the container (passed through to the OCI runtime)."),
    _one("--cidfile", help="Write the container ID to the file."),
    _one("--platform", help="Set platform if server is multi-platform capable."),
    click.option(
        "--pull",
        type=click.Choice(["always", "missing", "never"]),
        default="missing",
        help="Pull image before running.",
    ),
    _flag("--quiet", "-q", help="Suppress the pull output."),
    _one("--runtime", help="Runtime to use for this container."),
    _one("--restart", help="Restart policy: no, always, unless-stopped, on-failure[:max-retries]."),
    _flag("--rm", help="Automatically remove the container and its anonymous volumes when it exits."),
    _one("--log-driver", help="Logging driver for the container."),
    _many("--log-opt", help="Log driver options.", metavar="NAME=VALUE"),
    _many("--storage-opt", help="Storage driver options for the container.", metavar="NAME=VALUE"),
)
_FILES = (
    _many("--volume", "-v", help="Bind mount a volume.", metavar="[SOURCE:]TARGET[:MODE]"),
    _many("--mount", help="Attach a filesystem mount to the container.", metavar="type=…,source=…,target=…"),
    _many("--volumes-from", help="Mount volumes from the specified container(s).", metavar="CONTAINER[:MODE]"),
    _one("--volume-driver", help="Optional volume driver for the container."),
    _many("--tmpfs", help="Mount a tmpfs directory.", metavar="TARGET[:OPTIONS]"),
    _flag("--read-only", help="Mount the container's root filesystem as read only."),
    _one("--shm-size", help="Size of /dev/shm.", metavar="BYTES"),
    _many("--device", help="Add a host device to the container.", metavar="HOST[:TARGET[:rwm]]"),
    _many("--device-cgroup-rule", help="Add a rule to the cgroup allowed devices list.", metavar="RULE"),
    _one("--gpus", help="GPU devices to add to the container ('all' to pass all GPUs)."),
)
_NETWORK = (
    _many("--network", "--net", help="Connect a container to a network; in the long form name=…,alias=…,ip=…."),
    _many("--network-alias", "--net-alias", help="Add network-scoped alias for the container."),
    _many("--publish", "-p", help="Publish a container's port(s) to the host.", metavar="[[IP:]HOST:]PORT[/PROTO]"),
    _flag("--publish-all", "-P", help="Publish all exposed ports to random ports."),
    _many("--expose", help="Expose a port or a range of ports.", metavar="PORT[/PROTO]"),
    _one("--ip", help="IPv4 address (e.g., 172.30.100.104)."),
    _one("--ip6", help="IPv6 address (e.g., 2001:db8::33)."),
    _one("--mac-address", help="Container MAC address (e.g., 92:d0:c6:0a:29:33)."),
    _many("--link", help="Add link to another container.", metavar="CONTAINER[:ALIAS]"),
    _many("--link-local-ip", help="Container IPv4/IPv6 link-local addresses."),
    _many("--add-host", help="Add a custom host-to-IP mapping.", metavar="HOST:IP"),
    _many("--dns", help="Set custom DNS servers.", metavar="IP"),
    _many("--dns-search", help="Set custom DNS search domains."),
    _many("--dns-option", "--dns-opt", help="Set DNS options."),
)
_SECURITY = (
    _flag("--privileged", help="Give extended privileges to this container."),
    _many("--cap-add", help="Add Linux capabilities.", metavar="CAP"),
    _many("--cap-drop", help="Drop Linux capabilities.", metavar="CAP"),
    _many("--security-opt", help="Security options.", metavar="OPTION"),
    _many("--sysctl", help="Sysctl options.", metavar="NAME=VALUE"),
    _many("--ulimit", help="Ulimit options.", metavar="NAME=SOFT[:HARD]"),
    _one("--ipc", help="IPC mode to use."),
    _one("--pid", help="PID namespace to use."),
    _one("--uts", help="UTS namespace to use."),
    _one("--userns", help="User namespace to use: host, auto, auto:size=NUMBER."),
    _one("--cgroupns", help="Cgroup namespace to use: host or private."),
    _one("--isolation", help="Container isolation technology."),
    _flag("--oom-kill-disable", help="Disable OOM Killer."),
    _one("--oom-score-adj", help="Tune host's OOM preferences (-1000 to 1000).", kind=int),
)
_RESOURCES = (
    _one("--memory", "-m", help="Memory limit.", metavar="BYTES"),
    _one("--memory-reservation", help="Memory soft limit.", metavar="BYTES"),
    _one("--memory-swap", help="Swap limit equal to memory plus swap: '-1' to enable unlimited swap.", metavar="BYTES"),
    _one("--memory-swappiness", help="Tune container memory swappiness (0 to 100).", kind=int),
    _one("--kernel-memory", help="Kernel memory limit.", metavar="BYTES"),
    _one("--cpus", help="Number of CPUs.", metavar="NUMBER"),
    _one("--cpu-shares", "-c", help="CPU shares (relative weight).", kind=int),
    _one("--cpu-period", help="Limit CPU CFS (Completely Fair Scheduler) period.", kind=int),
    _one("--cpu-quota", help="Limit CPU CFS (Completely Fair Scheduler) quota.", kind=int),
    _one("--cpu-rt-period", help="Limit CPU real-time period in microseconds.", kind=int),
    _one("--cpu-rt-runtime", help="Limit CPU real-time runtime in microseconds.", kind=int),
    _one("--cpuset-cpus", help="CPUs in which to allow execution (0-3, 0,1)."),
    _one("--cpuset-mems", help="MEMs in which to allow execution (0-3, 0,1)."),
    _one("--pids-limit", help="Tune container pids limit (set -1 for unlimited).", kind=int),
    _one("--blkio-weight", help="Block IO (relative weight), between 10 and 1000, or 0 to disable.", kind=int),
    _many("--blkio-weight-device", help="Block IO weight (relative device weight).", metavar="DEVICE:WEIGHT"),
    _many("--device-read-bps", help="Limit read rate (bytes per second) from a device.", metavar="DEVICE:RATE"),
    _many("--device-write-bps", help="Limit write rate (bytes per second) to a device.", metavar="DEVICE:RATE"),
    _many("--device-read-iops", help="Limit read rate (IO per second) from a device.", metavar="DEVICE:RATE"),
    _many("--device-write-iops", help="Limit write rate (IO per second) to a device.", metavar="DEVICE:RATE"),
    _one("--cgroup-parent", help="Optional parent cgroup for the container."),
)
_HEALTH = (
    _one("--health-cmd", help="Command to run to check health."),
    _one("--health-interval", help="Time between running the check (ms|s|m|h).", metavar="DURATION"),
    _one("--health-timeout", help="Maximum time to allow one check to run (ms|s|m|h).", metavar="DURATION"),
    _one("--health-start-period", help="Start period before failures count (ms|s|m|h).", metavar="DURATION"),
    _one("--health-start-interval", help="Time between checks during the start period (ms|s|m|h).", metavar="DURATION"),
    _one("--health-retries", help="Consecutive failures needed to report unhealthy.", kind=int),
    _flag("--no-healthcheck", help="Disable any container-specified HEALTHCHECK."),
)


def container_flags(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the flags that describe a container."""
    for group in (_IDENTITY, _PROCESS, _FILES, _NETWORK, _SECURITY, _RESOURCES, _HEALTH):
        for decorate in reversed(group):
            function = decorate(function)
    return function
