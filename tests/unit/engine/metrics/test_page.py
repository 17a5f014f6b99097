"""The page of metrics."""

from engine.metrics.page import page, process
from engine.metrics.timers import Metrics

INFO = {"ID": "i", "NCPU": 2, "MemTotal": 1024, "Driver": "overlayfs", "ServerVersion": "1"}


def test_names_are_dockerds() -> None:
    text = page(Metrics(), INFO, ["running", "paused", "exited", "created"], (9, 1))
    assert 'engine_daemon_container_states_containers{state="stopped"} 2\n' in text
    assert 'engine_daemon_container_states_containers{state="running"} 1\n' in text
    assert "engine_daemon_events_total 9\n" in text
    assert "engine_daemon_engine_cpus_cpus 2\n" in text
    assert 'engine_daemon_container_actions_seconds_count{action="start"} 0\n' in text
    assert 'graphdriver="overlayfs"' in text


def test_every_family_is_declared_once() -> None:
    text = page(Metrics(), INFO, [], (0, 0))
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names))


def test_the_process_has_memory_and_files() -> None:
    values = dict(line.split() for line in process() if not line.startswith("#"))
    assert int(values["process_resident_memory_bytes"]) > 1 << 20
    assert int(values["process_open_fds"]) >= 3
