"""Command line and daemon.json."""

from pathlib import Path

import pytest

from engine import config
from proto.errdefs import InvalidArgument


def test_the_grammar_of_flags() -> None:
    flags = config.parse_flags(
        [
            "-H",
            "unix:///a",
            "--host=tcp://b",
            "-D",
            "--iptables=false",
            "--add-runtime",
            "x=/bin/x",
            "-l=warn",
            "-p/pid",
        ]
    )
    assert flags["hosts"] == ("unix:///a", "tcp://b")
    assert flags["debug"] is True
    assert flags["iptables"] is False
    assert flags["runtimes"] == {"x": {"path": "/bin/x"}}
    assert (flags["log_level"], flags["pidfile"]) == ("warn", "/pid")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--nope"], "unknown flag: --nope"),
        (["-Z"], "unknown shorthand flag: 'Z' in -Z"),
        (["--userland-proxy=true"], "flag --userland-proxy is not built into wherryd"),
        (["--userland-proxy"], "flag --userland-proxy is not built into wherryd"),
        (["--http-proxy=x"], "flag --http-proxy is not built into wherryd"),
        (["--bip"], "flag needs an argument: --bip"),
        (["--iptables=maybe"], "invalid syntax"),
        (["--mtu", "x"], "invalid syntax"),
        (["word"], 'unknown command: "wherryd word"'),
        (["--log-opt", "x"], "want name=value"),
    ],
)
def test_refusals_name_the_flag(argv: list[str], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        config.parse_flags(argv)


def load(tmp_path: Path, text: str, *argv: str) -> config.Config:
    path = tmp_path / "daemon.json"
    path.write_text(text)
    return config.load(["--config-file", str(path), *argv])


def test_file_and_flags_make_one(tmp_path: Path) -> None:
    made = load(tmp_path, '{"debug": true, "log-opts": {"max-size": "1m"}, "default-shm-size": "1g"}', "--mtu=1400")
    assert (made.debug, made.mtu, made.default_shm_size) == (True, 1400, 1 << 30)
    assert made.log_opts == {"max-size": "1m"}
    assert made.hosts == ("unix:///run/wherry/docker.sock",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"nope": 1}', "don't match any configuration option: nope"),
        ('{"debug": "yes"}', "debug must be a bool"),
        ("{", "unable to configure the Docker daemon with file"),
        ("[]", "not an object"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        load(tmp_path, text)


def test_a_setting_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="specified both as a flag and in the configuration file"):
        load(tmp_path, '{"mtu": 1}', "--mtu=2")


@pytest.mark.parametrize(
    "argv", [["-l", "loud"], ["--default-ipc-mode=host"], ["--exec-opt", "native.cgroupdriver=systemd"]]
)
def test_values_that_cannot_work(tmp_path: Path, argv: list[str]) -> None:
    with pytest.raises(InvalidArgument):
        load(tmp_path, "{}", *argv)


def test_what_is_off_may_be_said_to_be_off(tmp_path: Path) -> None:
    assert config.parse_flags(["--userland-proxy=false", "--ip6tables=false"]) == {}
    assert load(tmp_path, '{"raw-logs": false}', "-s", "overlay2").storage_driver == "overlayfs"
    with pytest.raises(InvalidArgument, match="raw-logs"):
        load(tmp_path, '{"raw-logs": true}')


def test_experimental_features_are_off_unless_they_are_asked_for(tmp_path: Path) -> None:
    assert not load(tmp_path, "{}").experimental
    assert load(tmp_path, '{"experimental": true}').experimental
    assert load(tmp_path, "{}", "--experimental").experimental


def test_sizes() -> None:
    assert [config.size(text) for text in ("64m", "1g", "10", "1.5k", "2MiB", "3mb")] == [
        64 << 20, 1 << 30, 10, 1536, 2 << 20, 3 << 20,
    ]  # fmt: skip
    with pytest.raises(InvalidArgument, match="invalid size"):
        config.size("lots")


def test_the_shipped_file_shows_the_defaults() -> None:
    import json

    path = Path(config.__file__).parent.parent / "deploy" / "config" / "daemon.json"
    document = json.loads(path.read_text())
    assert config.check(config.replace(config.Config(), **config.parse_file(path.read_text(), "x"))) == config.check(
        config.Config()
    )
    assert document["data-root"] == config.Config().data_root
