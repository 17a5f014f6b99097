"""Each refusal, in dockerd's words."""

import pytest

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
        ("Invalid value x for cpuset cpus", {"CpusetCpus": "x"}),
        ("Requested CPUs are not available", {"CpusetCpus": "4000"}),
        ("invalid IPC mode: foo", {"IpcMode": "foo"}),
        ("invalid PID mode: foo", {"PidMode": "foo"}),
        ("SHM size can not be less than 0", {"ShmSize": -1}),
        ("range for oom score adj", {"OomScoreAdj": 2000}),
        ("invalid isolation", {"Isolation": "hyperv"}),
        ("HostConfig.DeviceRequests is not built", {"DeviceRequests": [{"Driver": "nvidia"}]}),
        ("HostConfig.UsernsMode is not built", {"UsernsMode": "private"}),
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
