import pytest

from supervisor.core.digests import Platform
from supervisor.registry.platforms import candidates, host, normalize, rank, text


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        (Platform("Linux", "x86_64"), "linux/amd64"),
        (Platform("linux", "amd64", "v1"), "linux/amd64"),
        (Platform("linux", "amd64", "v3"), "linux/amd64/v3"),
        (Platform("linux", "aarch64", "v8"), "linux/arm64"),
        (Platform("linux", "arm"), "linux/arm/v7"),
        (Platform("linux", "arm", "6"), "linux/arm/v6"),
        (Platform("", "armhf"), "linux/arm/v7"),
    ],
)
def test_there_is_one_spelling(given: Platform, normal: str) -> None:
    assert text(normalize(given)) == normal


def test_a_platform_runs_its_lesser_variants() -> None:
    names = [text(one) for one in candidates(Platform("linux", "amd64", "v3"))]
    assert names == ["linux/amd64/v3", "linux/amd64/v2", "linux/amd64", "linux/386"]
    names = [text(one) for one in candidates(Platform("linux", "arm", "v7"))]
    assert names == ["linux/arm/v7", "linux/arm/v6", "linux/arm/v5"]


def test_the_rank_prefers_what_is_asked_for() -> None:
    wanted = Platform("linux", "arm64")
    assert rank(wanted, Platform("linux", "arm64", "v8")) == 0
    assert rank(wanted, Platform("linux", "arm", "v7")) == 2
    assert rank(wanted, Platform("linux", "amd64")) is None
    assert rank(wanted, Platform("windows", "arm64")) is None


def test_the_host_can_run_itself() -> None:
    assert host().os == "linux"
    assert rank(host(), host()) == 0
