"""`wherry update`."""

import click

from engine.cli.client import Daemon
from engine.cli.container_config import restart_policy
from engine.cli.each import for_each
from engine.cli.errors import CommandFailed
from engine.cli.grammar import Command, pass_daemon
from engine.cli.humane import parse_bytes


@click.command(cls=Command)
@click.option("--blkio-weight", type=int, help="Block IO (relative weight), between 10 and 1000.")
@click.option("--cpu-period", type=int, help="Limit CPU CFS period.")
@click.option("--cpu-quota", type=int, help="Limit CPU CFS quota.")
@click.option("--cpu-rt-period", type=int, help="Limit the CPU real-time period in microseconds.")
@click.option("--cpu-rt-runtime", type=int, help="Limit the CPU real-time runtime in microseconds.")
@click.option("--cpu-shares", "-c", type=int, help="CPU shares (relative weight).")
@click.option("--cpus", type=float, help="Number of CPUs.")
@click.option("--cpuset-cpus", help="CPUs in which to allow execution (0-3, 0,1).")
@click.option("--cpuset-mems", help="MEMs in which to allow execution (0-3, 0,1).")
@click.option("--memory", "-m", help="Memory limit.")
@click.option("--memory-reservation", help="Memory soft limit.")
@click.option("--memory-swap", help="Swap limit equal to memory plus swap: -1 to enable unlimited swap.")
@click.option("--pids-limit", type=int, help="Tune container pids limit (set -1 for unlimited).")
@click.option("--restart", help="Restart policy to apply when a container exits.")
@click.argument("containers", nargs=-1, required=True)
@pass_daemon
def update(
    daemon: Daemon,
    /,
    containers: tuple[str, ...],
    cpus: float | None,
    memory: str | None,
    memory_reservation: str | None,
    memory_swap: str | None,
    restart: str | None,
    **plain: object,
) -> None:
    """Update configuration of one or more containers, running ones included."""
    names = {"blkio_weight": "BlkioWeight", "cpu_period": "CpuPeriod", "cpu_quota": "CpuQuota"}
    names |= {"cpu_shares": "CpuShares", "cpuset_cpus": "CpusetCpus", "cpuset_mems": "CpusetMems"}
    names |= {"pids_limit": "PidsLimit", "cpu_rt_period": "CpuRealtimePeriod", "cpu_rt_runtime": "CpuRealtimeRuntime"}
    body = {names[key]: value for key, value in plain.items() if value is not None}
    for key, text in (("Memory", memory), ("MemoryReservation", memory_reservation), ("MemorySwap", memory_swap)):
        if text is not None:
            body[key] = -1 if text == "-1" else parse_bytes(text)
    if cpus is not None:
        body["NanoCpus"] = round(cpus * 1e9)
    if restart is not None:
        body["RestartPolicy"] = restart_policy(restart)
    if not body:
        raise CommandFailed("you must provide one or more flags when using this command")
    for_each(containers, lambda name: daemon.post(f"/containers/{name}/update", body))
