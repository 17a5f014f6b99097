"""docker-py: what a container is created with is what its process finds, and what inspect gives back."""

import json
import shutil
from typing import Any

import pytest

from tests import needs

docker: Any = pytest.importorskip("docker")
pytestmark = [needs.root, needs.binary("docker"), needs.overlay]

MEMORY = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max"
PIDS = "cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max"
ON_FAILURE = {"Name": "on-failure", "MaximumRetryCount": 3}
SMALL_LOG = docker.types.LogConfig(type="json-file", config={"max-size": "1k"})
SHARES = "cat /sys/fs/cgroup/cpu/cpu.shares 2>/dev/null || cat /sys/fs/cgroup/cpu.weight"


def output(client: Any, command: str, **options: Any) -> str:
    """What a shell in a container says; both streams."""
    options = {"network_mode": "none"} | options
    said: bytes = client.containers.run("busybox", ["sh", "-c", command], remove=True, stderr=True, **options)
    return said.decode().strip()


@pytest.mark.parametrize(
    ("options", "command", "said"),
    [
        ({"environment": {"A": "b c"}}, "echo $A", "b c"),
        ({"environment": ["A=1", "B"]}, "echo $A-$B", "1-"),
        ({"environment": ["HOME"]}, "echo $HOME", "/root"),
        ({"working_dir": "/var/new/dir"}, "pwd", "/var/new/dir"),
        ({"user": "nobody"}, "id -un", "nobody"),
        ({"user": "7:8"}, "id -u; id -g", "7\n8"),
        ({"user": 9}, "id -u", "9"),
        ({"group_add": ["tty", 99]}, "id -G", "0 5 99"),
        ({"hostname": "box"}, "hostname; grep -c box /etc/hostname", "box\n1"),
        ({"hostname": "box", "domainname": "example.test"}, "hostname", "box"),
        ({"entrypoint": ["echo", "first"]}, "x", "first sh -c x"),
        ({"read_only": True}, "touch /x || echo no", "touch: /x: Read-only file system\nno"),
        ({"read_only": True, "tmpfs": {"/run": "size=1m"}}, "touch /run/x && echo yes", "yes"),
        ({"tmpfs": {"/scratch": "size=2m,mode=700"}}, "grep -o size=2048k /proc/mounts", "size=2048k"),
        ({"shm_size": "1M"}, "grep /dev/shm /proc/mounts | grep -o size=1024k", "size=1024k"),
        ({"mem_limit": "32m"}, MEMORY, str(32 << 20)),
        ({"mem_limit": 16 << 20, "memswap_limit": 24 << 20}, MEMORY, str(16 << 20)),
        ({"pids_limit": 17}, PIDS, "17"),
        ({"cpu_shares": 512}, SHARES, "512"),
        ({"ulimits": [docker.types.Ulimit(name="nofile", soft=100, hard=200)]}, "ulimit -n; ulimit -Hn", "100\n200"),
        ({"sysctls": {"net.ipv4.ip_forward": "1"}}, "cat /proc/sys/net/ipv4/ip_forward", "1"),
        ({"cap_drop": ["ALL"]}, "grep CapEff /proc/self/status", "CapEff:\t0000000000000000"),
        ({"cap_drop": ["ALL"], "cap_add": ["NET_RAW"]}, "grep CapEff /proc/self/status", "CapEff:\t0000000000002000"),
        ({"security_opt": ["no-new-privileges"]}, "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t1"),
        ({"security_opt": ["seccomp=unconfined"]}, "grep Seccomp: /proc/self/status", "Seccomp:\t0"),
        ({}, "grep Seccomp: /proc/self/status", "Seccomp:\t2"),
        ({"devices": ["/dev/null:/dev/nix:rw"]}, "test -c /dev/nix && echo there", "there"),
        ({"extra_hosts": {"some": "10.1.2.3"}}, "grep 10.1.2.3 /etc/hosts", "10.1.2.3\tsome"),
        ({"dns": ["10.9.9.9"], "dns_search": ["x.test"]}, "cat /etc/resolv.conf | grep -v '^#'", None),
        ({"ipc_mode": "host"}, "readlink /proc/self/ns/ipc", None),
        ({"init": False}, "cat /proc/1/comm; true", "sh"),
        ({"oom_score_adj": 300}, "cat /proc/self/oom_score_adj", "300"),
        ({"stop_signal": "SIGUSR1", "labels": {"a": "b"}}, "echo on", "on"),
        ({"tty": True}, "test -t 1 && echo terminal", "terminal"),
        ({"runtime": "runc"}, "echo by runc", "by runc"),
        ({"cpuset_cpus": "0"}, "grep Cpus_allowed_list /proc/self/status", "Cpus_allowed_list:\t0"),
    ],
)
def test_an_option_is_what_the_process_finds(client: Any, options: dict[str, Any], command: str, said: str) -> None:
    if "runtime" in options and shutil.which("runc") is None:
        pytest.skip("needs runc in PATH")
    found = output(client, command, **options)
    if said is not None:
        assert found == said


@pytest.mark.parametrize(
    ("options", "place", "value"),
    [
        ({"mem_limit": "1g"}, "HostConfig.Memory", 1 << 30),
        ({"mem_limit": "1g"}, "HostConfig.MemorySwap", 2 << 30),
        ({"nano_cpus": 500_000_000}, "HostConfig.NanoCpus", 500_000_000),
        ({"cpu_period": 50000, "cpu_quota": 25000}, "HostConfig.CpuQuota", 25000),
        ({"restart_policy": ON_FAILURE}, "HostConfig.RestartPolicy", ON_FAILURE),
        ({"network_mode": "host"}, "HostConfig.NetworkMode", "host"),
        ({"pid_mode": "host"}, "HostConfig.PidMode", "host"),
        ({"uts_mode": "host"}, "HostConfig.UTSMode", "host"),
        ({"labels": ["only"]}, "Config.Labels", {"only": ""}),
        ({"stop_signal": "SIGINT"}, "Config.StopSignal", "SIGINT"),
        ({"stdin_open": True}, "Config.OpenStdin", True),
        ({"ports": {"80/tcp": None}}, "Config.ExposedPorts", {"80/tcp": {}}),
        ({"ports": {"53/udp": ("127.0.0.1", 53)}}, "HostConfig.PortBindings.53/udp.0.HostIp", "127.0.0.1"),
        ({"volume_driver": "unused"}, "HostConfig.VolumeDriver", "unused"),
        ({"auto_remove": True}, "HostConfig.AutoRemove", True),
        ({"privileged": True}, "HostConfig.Privileged", True),
        ({"log_config": SMALL_LOG}, "HostConfig.LogConfig", {"Type": "json-file", "Config": {"max-size": "1k"}}),
        ({"log_config": docker.types.LogConfig(type="none")}, "HostConfig.LogConfig.Type", "none"),
        ({"mounts": [docker.types.Mount("/data", "vol", labels={"a": "b"})]}, "Mounts.0.Type", "volume"),
        ({"volumes": {"/tmp": {"bind": "/host", "mode": "ro"}}}, "Mounts.0.RW", False),
        ({"volumes": ["/anonymous"]}, "Config.Volumes", {"/anonymous": {}}),
        ({"healthcheck": {"test": ["CMD", "true"], "interval": 10**9}}, "Config.Healthcheck.Interval", 10**9),
    ],
)  # fmt: skip
def test_an_option_is_given_back_by_inspect(client: Any, options: dict[str, Any], place: str, value: Any) -> None:
    made = client.containers.create("busybox", "true", **options)
    try:
        found: Any = made.attrs
        for part in place.split("."):
            found = found[int(part) if isinstance(found, list) else part]
        assert found == value
    finally:
        made.remove(v=True)


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        ({"mem_limit": 1024}, 400, "Minimum memory limit allowed is 6MB"),
        ({"network_mode": "nope"}, 404, "network nope not found"),
        ({"runtime": "nope"}, 400, "unknown or invalid runtime name: nope"),
        (
            {"log_config": docker.types.LogConfig(type="nope")},
            400,
            'error looking up logging plugin nope: plugin "nope" not found',
        ),
        ({"cap_add": ["NOPE"]}, 400, 'invalid CapAdd: unknown capability: "CAP_NOPE"'),
        ({"volumes": {"x y": {"bind": "/a", "mode": "rw"}}}, 400, "includes invalid characters"),
        ({"volumes": {"v": {"bind": "/a", "mode": "rw"}}, "volume_driver": "nope"}, 404, "volume plugin nope"),
        ({"volumes_from": ["nope"]}, 400, "No such container: nope"),
        ({"restart_policy": {"Name": "no", "MaximumRetryCount": 1}}, 400, "maximum retry count"),
        ({"name": "-bad"}, 400, "Invalid container name (-bad)"),
        ({"pid_mode": "container:nope"}, 400, "No such container: nope"),
    ],
)
def test_what_cannot_be_is_refused_in_dockers_words(
    client: Any, options: dict[str, Any], status: int, words: str
) -> None:
    with pytest.raises(docker.errors.APIError) as caught:
        client.containers.create("busybox", "true", **options).start()
    assert words in caught.value.explanation
    assert caught.value.response.status_code == status


def test_what_inspect_gave_makes_the_same_container_again(client: Any) -> None:
    """As the tools do that replace a container by one of a newer image."""
    options = {"environment": {"A": "b"}, "mem_limit": "32m", "labels": {"x": "y"}, "cap_add": ["NET_ADMIN"]}
    first = client.containers.create("busybox", ["sleep", "1"], network_mode="none", **options)
    old = first.attrs
    body = old["Config"] | {"HostConfig": old["HostConfig"]}
    made = client.api.create_container_from_config(json.loads(json.dumps(body)))
    second = client.containers.get(made["Id"])
    try:
        assert second.attrs["HostConfig"] == old["HostConfig"]
        differing = {key for key in old["Config"] if old["Config"][key] != second.attrs["Config"].get(key)}
        assert differing <= {"Hostname"}
    finally:
        first.remove()
        second.remove()


def test_a_local_log_is_read_like_any_other(client: Any) -> None:
    made = client.containers.run(
        "busybox",
        ["sh", "-c", "echo kept; echo too >&2"],
        network_mode="none",
        log_config=docker.types.LogConfig(type="local"),
        detach=True,
    )
    try:
        made.wait()
        assert sorted(made.logs().splitlines()) == [b"kept", b"too"]
        assert made.attrs["LogPath"] == ""
    finally:
        made.remove()
