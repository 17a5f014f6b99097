"""The configuration file."""

from pathlib import Path

import pytest

from supervisor.config import Config, ConfigError, Socket, load


def write(tmp_path: Path, text: str, name: str = "config.toml") -> str:
    path = tmp_path / name
    path.write_text(text)
    return str(path)


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    assert load(write(tmp_path, "")) == Config()


def test_every_table_with_an_effect_has_it(tmp_path: Path) -> None:
    config = load(
        write(
            tmp_path,
            """
            version = 2
            root = "/r"
            state = "/s"
            oom_score = -5
            [grpc]
            address = "/a.sock"
            gid = 7
            max_recv_message_size = 1048576
            [metrics]
            address = "127.0.0.1:0"
            [debug]
            level = "debug"
            [timeouts]
            "io.containerd.timeout.shim.load" = "1m"
            [plugins."io.containerd.gc.v1.scheduler"]
            startup_delay = "1s"
            pause_threshold = 1
            [plugins."io.containerd.runtime.v2.task"]
            sched_core = true
            [plugins."io.containerd.snapshotter.v1.overlayfs"]
            root_path = "/o"
            """,
        )
    )
    assert (config.root, config.state, config.oom_score, config.log_level) == ("/r", "/s", -5, "debug")
    assert config.grpc == Socket("/a.sock", 0, 7)
    assert (config.max_receive, config.max_send, config.metrics_address) == (1 << 20, 16 << 20, "127.0.0.1:0")
    assert config.ttrpc_socket == Socket("/a.sock.ttrpc", 0, 7)
    assert config.timeouts.load == 60
    assert config.gc.startup_delay == 1
    assert config.gc.pause_threshold == 1.0
    assert config.shim_environment == ("SCHED_CORE=1",)
    assert config.snapshot_roots == {"overlayfs": "/o"}


def test_version_four_has_its_sockets_among_the_plugins(tmp_path: Path) -> None:
    config = load(write(tmp_path, 'version = 4\n[plugins."io.containerd.server.v1.grpc"]\naddress = "/x.sock"\n'))
    assert config.grpc.address == "/x.sock"


def test_tables_of_plugins_that_are_not_here_are_passed_over_and_remembered(tmp_path: Path) -> None:
    config = load(
        write(tmp_path, '[plugins."io.containerd.grpc.v1.cri"]\nanything = 1\n[stream_processors.x]\na = 1\n')
    )
    assert config.passed_over == ("plugins.io.containerd.grpc.v1.cri", "stream_processors.x")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rooot = '/x'", "unknown key rooot"),
        ("[grpc]\naddres = '/x'", "unknown key grpc.addres"),
        ("[plugins.'io.containerd.gc.v1.scheduler']\nx = 1", "unknown key x"),
        ("[timeouts]\n'io.containerd.timeout.nope' = '1s'", "unknown key timeouts.io.containerd.timeout.nope"),
        ("[grpc]\ntcp_address = ':1'", "grpc.tcp_address: not supported"),
        ("oom_score = 'x'", "oom_score: expected int"),
        ("version = 1", "version: expected one of 2, 3, 4"),
        ("root = ", "config.toml"),
        ("[debug]\nlevel = 'loud'", "log level 'loud'"),
        ("[metrics]\naddress = 'x'", "metrics address 'x': expected host:port"),
        ("[grpc]\nmax_send_message_size = -1", "grpc message sizes must be positive"),
        ("disabled_plugins = ['cri']", 'invalid plugin URI "cri"'),
    ],
)
def test_what_is_wrong_is_named_with_its_file(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text))
    assert words in str(caught.value)


def test_neutral_values_of_what_is_not_supported_are_accepted(tmp_path: Path) -> None:
    assert load(write(tmp_path, '[grpc]\ntcp_address = ""\n[cgroup]\npath = ""\n')) == Config()


def test_imported_files_win_over_the_one_that_names_them(tmp_path: Path) -> None:
    write(tmp_path, 'root = "/second"\n', "more-1.toml")
    config = load(write(tmp_path, 'imports = ["more-*.toml"]\nroot = "/first"\nstate = "/s"\n'))
    assert (config.root, config.state) == ("/second", "/s")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.toml: No such file"):
        load(str(tmp_path / "gone.toml"))


def test_mount_options_are_words(tmp_path: Path) -> None:
    """A comma would smuggle in another option."""
    table = '[plugins."io.containerd.snapshotter.v1.overlayfs"]\nmount_options = '
    assert load(write(tmp_path, f'{table}["metacopy=on", "volatile"]')).overlay_options == ("metacopy=on", "volatile")
    for wrong in ('["a,upperdir=/x"]', "[1]"):
        with pytest.raises(ConfigError, match="mount_options: expected words without commas"):
            load(write(tmp_path, table + wrong))
