"""The table is whole: names are unique, numbers are numbers."""

from lowrt.seccomp import table_arm as table


def test_each_name_stands_once_with_its_number() -> None:
    for name in (name for name in vars(table) if name.isupper()):
        entries = [entry.partition(":") for entry in getattr(table, name).split()]
        names = [entry[0] for entry in entries]
        assert len(set(names)) == len(names) > 300
        assert all(entry[2].isdecimal() for entry in entries)
