"""options.json."""

import json
from pathlib import Path

from shim.options import RuntimeOptions, read_options, write_options


def test_options_survive_their_file(tmp_path: Path) -> None:
    """Only what differs from the default is written."""
    path = tmp_path / "options.json"
    write_options(str(path), RuntimeOptions(binary_name="crun", root="/r", systemd_cgroup=True))
    assert json.loads(path.read_text()) == {"binary_name": "crun", "root": "/r", "systemd_cgroup": True}
    found = read_options(str(path))
    assert (found.binary_name, found.runtime_root("moby"), found.systemd_cgroup) == ("crun", "/r/moby", True)


def test_without_a_file_they_are_defaults(tmp_path: Path) -> None:
    """The shim died before Create."""
    found = read_options(str(tmp_path / "options.json"))
    assert (found.binary_name, found.runtime_root("n")) == ("", "/run/containerd/runc/n")


def test_a_later_versions_field_is_passed_over(tmp_path: Path) -> None:
    """`delete` may be older than the shim."""
    path = tmp_path / "options.json"
    path.write_text('{"io_uid": 7, "new": 1}')
    assert read_options(str(path)).io_uid == 7
