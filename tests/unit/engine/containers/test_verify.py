"""Each refusal, in dockerd's words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.containers import verify
from proto.errdefs import InvalidArgument
from tests.fakes.engine_room import config, host_config


def refused(words: str, own: dict | None = None, **host: object) -> None:
    with pytest.raises(InvalidArgument, match=words):
        verify.verify(config(**(own or {})), host_config(**host), lambda name: name == "foreign")


def test_a_plain_container_passes() -> None:
    assert verify.verify(config(), host_config(), lambda name: True) == []


@pytest.mark.parametrize(
    ("words", "host"),
    [
        ("Minimum memory limit allowed is 6MB", {"Memory": 1000}),
        ("Minimum memoryswap limit should be larger", {"Memory": 10 << 20, "MemorySwap": 8 << 20}),
        ("always set the Memory limit when using Memoryswap", {"MemorySwap": 8 << 20}),
        ("valid memory swappiness range is 0-100", {"MemorySwappiness": 200}),
        ("Nano CPUs and CPU Period cannot both be set", {"NanoCpus": 1, "CpuPeriod": 1000}),
        ("range of CPUs is from 0.01", {"NanoCpus": 10**15}),
        (r"invalid CPU shares \(-1\): value must be a positive integer", {"CpuShares": -1}),
        ("Invalid value x for cpuset cpus", {"CpusetCpus": "x"}),
        ("Requested CPUs are not available", {"CpusetCpus": "4000"}),
        ("invalid IPC mode: foo", {"IpcMode": "foo"}),
        ("invalid PID mode: foo", {"PidMode": "foo"}),
        ("SHM size can not be less than 0", {"ShmSize": -1}),
        ("range for oom score adj", {"OomScoreAdj": 2000}),
        ("invalid isolation", {"Isolation": "hyperv"}),
        ("unknown or invalid runtime name: foo", {"Runtime": "foo"}),
        ("error looking up logging plugin foo", {"LogConfig": {"Type": "foo"}}),
        ("unknown log opt 'foo'", {"LogConfig": {"Type": "json-file", "Config": {"foo": "x"}}}),
        (
            "can't create 'AutoRemove' container with restart policy",
            {"AutoRemove": True, "RestartPolicy": {"Name": "always"}},
        ),
        ("not allowed with host network mode", {"NetworkMode": "host", "Sysctls": {"net.x": "1"}}),
    ],
)
def test_bad_host_configs(words: str, host: dict) -> None:
    refused(words, **host)


@pytest.mark.parametrize(
    ("words", "own"),
    [
        ("invalid environment variable: =x", {"Env": ["=x"]}),
        ("the working directory 'rel' is invalid", {"WorkingDir": "rel"}),
        ("invalid signal: FOO", {"StopSignal": "FOO"}),
        ("Interval in Healthcheck cannot be less than 1ms", {"Healthcheck": {"Test": ["CMD"], "Interval": 1}}),
        ("Retries in Healthcheck cannot be negative", {"Healthcheck": {"Test": ["CMD"], "Retries": -1}}),
    ],
)
def test_bad_configs(words: str, own: dict) -> None:
    refused(words, own)


def test_a_set_that_would_eat_the_memory_is_no_set() -> None:
    with pytest.raises(ValueError, match="1-4294967295"):
        verify.parse_set("1-4294967295")
    assert verify.parse_set("0-2,7") == {0, 1, 2, 7}


@pytest.mark.parametrize(
    ("words", "host"),
    [
        ("Minimum memory limit allowed is 6MB", {"Memory": (6 << 20) - 1}),
        ("Minimum memory reservation allowed is 6MB", {"MemoryReservation": 1}),
        (
            "Minimum memory limit can not be less than memory reservation limit, see usage",
            {"Memory": 10 << 20, "MemoryReservation": 20 << 20, "MemorySwap": -1},
        ),
        ("Invalid value: -2, valid memory swappiness range is 0-100", {"MemorySwappiness": -2}),
        ("Nano CPUs and CPU Quota cannot both be set", {"NanoCpus": 1, "CpuQuota": 1000}),
        ("range of CPUs is from 0.01", {"NanoCpus": -1}),
        ("CPU cfs period can not be less than 1ms", {"CpuPeriod": 999}),
        ("CPU cfs period can not be less than 1ms", {"CpuPeriod": 1_000_001}),
        ("CPU cfs quota can not be less than 1ms", {"CpuQuota": 999}),
        ("Invalid value 1-4294967295 for cpuset cpus", {"CpusetCpus": "1-4294967295"}),
        ("Invalid value -1 for cpuset mems", {"CpusetMems": "-1"}),
        ("Requested memory nodes are not available - requested 4000", {"CpusetMems": "4000"}),
        ("invalid UTS mode: foo", {"UTSMode": "foo"}),
        ("invalid cgroup namespace mode: foo", {"CgroupnsMode": "foo"}),
        ("invalid IPC mode: container:", {"IpcMode": "container:"}),
        ("invalid PID mode: container:", {"PidMode": "container:"}),
        ("range for oom score adj is", {"OomScoreAdj": -1001}),
        ("HostConfig.StorageOpt is not built", {"StorageOpt": {"size": "1G"}}),
        ("HostConfig.KernelMemory is not built", {"KernelMemory": 1}),
        ("invalid CapAdd: unknown capability", {"CapAdd": ["foo"]}),
        ("invalid CapDrop: unknown capability", {"CapDrop": ["foo"]}),
        ("invalid device mode", {"Devices": [{"PathOnHost": "/dev/null", "CgroupPermissions": "x"}]}),
        ("invalid device cgroup rule format", {"DeviceCgroupRules": ["x"]}),
        ("not allowed with host ipc mode", {"IpcMode": "host", "Sysctls": {"kernel.shmmax": "1"}}),
        ("not allowed with host ipc mode", {"IpcMode": "host", "Sysctls": {"fs.mqueue.msg_max": "1"}}),
    ],
)
def test_each_limit_is_dockers(words: str, host: dict) -> None:
    """Beyond it lies a sentence."""
    refused(words, **host)


@pytest.mark.parametrize(
    "host",
    [
        {"Memory": 6 << 20, "MemorySwap": 6 << 20},
        {"Memory": 6 << 20, "MemorySwap": -1},
        {"MemorySwappiness": -1},
        {"MemorySwappiness": 0},
        {"MemorySwappiness": 100},
        {"CpuPeriod": 1000, "CpuQuota": -1},
        {"CpuPeriod": 1_000_000, "CpuQuota": 1000},
        {"CpusetCpus": "0", "CpusetMems": "0"},
        {"IpcMode": "container:x", "PidMode": "container:x"},
        {"Isolation": "default", "UsernsMode": "host", "VolumeDriver": "local"},
        {"OomScoreAdj": 1000, "ShmSize": 0},
        {"Runtime": "foreign"},
    ],
)
def test_what_lies_at_the_edge_passes(host: dict) -> None:
    """Limits are inclusive."""
    assert verify.verify(config(), host_config(**host), lambda name: name == "foreign") == []


@pytest.mark.parametrize(
    ("words", "own", "host"),
    [
        ("Range of blkio weight is from 10 to 1000", {}, {"BlkioWeight": 9}),
        ("Range of blkio weight is from 10 to 1000", {}, {"BlkioWeight": 1001}),
        (
            "StartInterval in Healthcheck cannot be less than 1ms",
            {"Healthcheck": {"Test": ["CMD"], "StartInterval": 1}},
            {},
        ),
        (
            "invalid Annotations: the empty string is not permitted as an annotation key",
            {},
            {"Annotations": {"": "x"}},
        ),
        ("Minimum memory limit allowed is 6MB", {}, {"Memory": -1}),
    ],
)
def test_checks_that_dockerd_makes_too(words: str, own: dict, host: dict) -> None:
    """Each would fail later and less clearly."""
    refused(words, own, **host)


@pytest.mark.parametrize(
    ("words", "host"),
    [
        (
            "Published ports are discarded when using host network mode",
            {"NetworkMode": "host", "PortBindings": {"80/tcp": [{"HostPort": "80"}]}},
        ),
        ("OOM killer is disabled for the container, but no memory limit is set", {"OomKillDisable": True}),
    ],
)
def test_what_is_legal_and_unwise_is_a_warning(words: str, host: dict) -> None:
    """Clients print them."""
    warnings = verify.verify(config(), host_config(**host), lambda name: True)
    assert any(words in warning for warning in warnings)


@pytest.mark.parametrize(
    ("words", "own"),
    [
        ("invalid environment variable: ", {"Env": [""]}),
        ("invalid environment variable: =", {"Env": ["A=1", "="]}),
        ("Timeout in Healthcheck cannot be less than 1ms", {"Healthcheck": {"Test": ["CMD"], "Timeout": 999_999}}),
        ("StartPeriod in Healthcheck cannot be less than 1ms", {"Healthcheck": {"Test": ["CMD"], "StartPeriod": 1}}),
        ("the working directory './x' is invalid", {"WorkingDir": "./x"}),
    ],
)
def test_a_config_that_cannot_be(words: str, own: dict) -> None:
    """In dockerd's words."""
    refused(words, own)


@pytest.mark.parametrize(
    "own", [{"Env": ["A", "A=", "A=b=c", "é=1", "A B=1"]}, {"Hostname": "a" * 63}, {"WorkingDir": "/"}]
)
def test_a_config_that_may_look_odd(own: dict) -> None:
    """dockerd takes it."""
    verify.verify(config(**own), host_config(), lambda name: True)


@given(st.text(alphabet="0123456789,-", max_size=12))
def test_a_set_is_bounded_or_refused(text: str) -> None:
    """Whatever is written: no range eats the memory."""
    try:
        found = verify.parse_set(text)
    except ValueError:
        return
    assert found <= set(range(8193))


@pytest.mark.parametrize(
    ("text", "found"), [("0", {0}), ("0-0", {0}), ("1,1", {1}), ("3-5,0", {0, 3, 4, 5}), ("007", {7})]
)
def test_sets(text: str, found: set[int]) -> None:
    """Lists of numbers and ranges."""
    assert verify.parse_set(text) == found


@pytest.mark.parametrize("text", ["", ",", "1-", "-1", "2-1", "a", "1-2-3", "8193"])
def test_what_is_no_set(text: str) -> None:
    """Each is a ValueError for the caller to word."""
    with pytest.raises(ValueError):  # noqa: PT011 (int() words some of them)
        verify.parse_set(text)


def test_limits_of_windows_are_warned_of() -> None:
    asked = host_config(CpuCount=2, IOMaximumIOps=9)
    assert [line.partition(" ")[0] for line in verify.verify(config(), asked, lambda name: True)] == [
        "HostConfig.CpuCount",
        "HostConfig.IOMaximumIOps",
    ]


@pytest.mark.parametrize("port", ["1-65535000/tcp", "70000/tcp", "x/tcp", "", "-1/udp"])
def test_a_port_that_is_none_is_refused_on_every_network(port: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid port specification"):
        verify.verify(config(), host_config(PortBindings={port: []}), lambda name: True)


@pytest.mark.parametrize("value", [1 << 63, "1024", 1.5, True])
def test_a_limit_is_a_number_that_go_has_room_for(value: object) -> None:
    with pytest.raises(InvalidArgument, match=r"Ulimit\.Ulimits\.Soft of type int64"):
        verify.verify(config(), host_config(Ulimits=[{"Name": "nofile", "Soft": value}]), lambda name: True)
