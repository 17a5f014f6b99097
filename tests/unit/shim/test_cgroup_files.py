"""The forms of cgroup files."""

from pathlib import Path

from shim import cgroup_files as files


def test_numbers() -> None:
    """max is the largest; rubbish is nothing."""
    assert [files.number(text) for text in ("12\n", "max", "", "-1", "x")] == [12, files.UNLIMITED, 0, 0, 0]


def test_tables() -> None:
    """Lines that are none are passed over."""
    assert files.table("cache 12\nrss 3\nodd\na b c\n") == {"cache": 12, "rss": 3}


def test_v1_devices() -> None:
    """With and without an operation; no Total."""
    text = "8:0 Read 10\n8:0 Write 20\n8:16 7\nTotal 30\n"
    assert files.device_lines(text) == [(8, 0, "Read", 10), (8, 0, "Write", 20), (8, 16, "", 7)]


def test_v2_devices() -> None:
    """Pairs."""
    assert files.device_tables("254:0 rbytes=5 wbytes=0\n") == [(254, 0, {"rbytes": 5, "wbytes": 0})]


def test_pressure() -> None:
    """Three averages and a total."""
    text = "some avg10=1.50 avg60=0.00 avg300=0.10 total=99\nfull broken\n"
    assert files.pressure(text) == {"some": (1.5, 0.0, 0.1, 99)}


def test_an_absent_file_is_empty(tmp_path: Path) -> None:
    """Kernels differ."""
    (tmp_path / "hugetlb.2MB.max").touch()
    assert files.read(str(tmp_path), "none") == ""
    assert files.names_with(str(tmp_path), "hugetlb.") == ["hugetlb.2MB.max"]
    assert files.names_with(str(tmp_path / "none"), "x") == []
