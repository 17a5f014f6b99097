"""The shape of statistics."""

import pytest

from lowrt.cgroup import stats


def test_zeros_are_left_out_where_go_leaves_them_out() -> None:
    assert stats.without_zeros({"a": 0, "b": 1, "c": [], "d": ""}) == {"b": 1}
    assert stats.memory_entry(5) == {"limit": 5, "failcnt": 0}
    assert stats.throttling(0, 1, 0) == {"throttledPeriods": 1}


def test_the_cpuset_part_is_always_whole() -> None:
    assert list(stats.cpuset([0], [0], {"sched_load_balance": 1})) == [
        "cpus",
        "cpu_exclusive",
        "mems",
        "mem_hardwall",
        "mem_exclusive",
        "memory_migrate",
        "memory_spread_page",
        "memory_spread_slab",
        "memory_pressure",
        "sched_load_balance",
        "sched_relax_domain_level",
    ]


@pytest.mark.parametrize(("text", "numbers"), [("0-2,5\n", [0, 1, 2, 5]), ("\n", []), ("3", [3])])
def test_lists_of_numbers(text: str, numbers: list[int]) -> None:
    assert stats.number_list(text) == numbers


def test_a_huge_list_of_numbers_takes_no_huge_memory() -> None:
    """CVE-2018-20699: "1-4294967295"."""
    assert len(stats.number_list("1-4294967295")) == 65535


@pytest.mark.parametrize(("kilobytes", "name"), [(2048, "2MB"), (1048576, "1GB"), (64, "64KB"), (32768, "32MB")])
def test_page_sizes_are_named_as_the_kernel_names_them(kilobytes: int, name: str) -> None:
    assert stats.page_size_name(kilobytes) == name


def test_key_values_skip_what_is_not_a_pair() -> None:
    assert stats.key_values("a 1\nb 2\nsome avg10=0.00 total=1\n") == {"a": 1, "b": 2}
