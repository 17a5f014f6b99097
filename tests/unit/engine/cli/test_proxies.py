"""`proxies` of config.json, in containers and builds."""

import json
from pathlib import Path

import pytest

from engine.cli.errors import CommandFailed
from engine.cli.proxies import variables
from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run

CONFIG = {
    "proxies": {
        "default": {"httpProxy": "http://one:3128", "noProxy": "localhost,.inside", "ftpProxy": ""},
        "tcp://far:2376": {"httpsProxy": "http://two"},
    }
}


def test_each_is_two_variables() -> None:
    """Programs read either."""
    assert variables(CONFIG, "unix:///run/x", ()) == {
        "HTTP_PROXY": "http://one:3128",
        "http_proxy": "http://one:3128",
        "NO_PROXY": "localhost,.inside",
        "no_proxy": "localhost,.inside",
    }


def test_an_engine_of_its_own_has_its_own() -> None:
    assert variables(CONFIG, "tcp://far:2376", ()) == {"HTTPS_PROXY": "http://two", "https_proxy": "http://two"}
    assert variables({}, "tcp://far:2376", ()) == {}


def test_what_is_given_is_left_alone() -> None:
    assert variables(CONFIG, "", {"HTTP_PROXY", "no_proxy"}) == {
        "http_proxy": "http://one:3128",
        "NO_PROXY": "localhost,.inside",
    }


@pytest.mark.parametrize("proxies", [["a"], {"default": "http://one"}])
def test_what_is_no_configuration_is_told(proxies: object) -> None:
    with pytest.raises(CommandFailed, match=r"config\.json"):
        variables({"proxies": proxies}, "", ())


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A home with that configuration."""
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))


@pytest.mark.usefixtures("configured")
def test_containers_have_them_in_their_environment(engine: FakeEngine, run: Run) -> None:
    engine.answers["POST /containers/create"] = (201, {"Id": "c1"})
    assert run("create", "-e", "A=1", "-e", "http_proxy=mine", "busybox").exit_code == 0
    assert engine.sent("POST", "/containers/create").json()["Env"] == [
        "A=1",
        "http_proxy=mine",
        "HTTP_PROXY=http://one:3128",
        "NO_PROXY=localhost,.inside",
        "no_proxy=localhost,.inside",
    ]


def test_an_entry_of_the_engines_own_address_is_found(
    served: tuple[FakeEngine, str], run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As it was written."""
    engine, address = served
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"proxies": {address: {"allProxy": "socks5://a"}}}))
    engine.answers["POST /containers/create"] = (201, {"Id": "c1"})
    assert run("create", "busybox").exit_code == 0
    assert engine.sent("POST", "/containers/create").json()["Env"] == ["ALL_PROXY=socks5://a", "all_proxy=socks5://a"]


@pytest.mark.usefixtures("configured")
def test_builds_have_them_as_arguments(engine: FakeEngine, run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    engine.answers["POST /build"] = (200, b'{"stream":"Successfully built x\\n"}\n')
    assert run("build", "--build-arg", "HTTP_PROXY=mine", str(tmp_path)).exit_code == 0
    assert json.loads(engine.sent("POST", "/build").query["buildargs"][0]) == {
        "http_proxy": "http://one:3128",
        "NO_PROXY": "localhost,.inside",
        "no_proxy": "localhost,.inside",
        "HTTP_PROXY": "mine",
    }
