"""sethostname(2) and setdomainname(2)."""

from lowrt.linux.libc import check, libc


def sethostname(name: str) -> None:
    """sethostname(2)."""
    data = name.encode()
    check(libc.sethostname(data, len(data)), "sethostname", name)


def setdomainname(name: str) -> None:
    """setdomainname(2)."""
    data = name.encode()
    check(libc.setdomainname(data, len(data)), "setdomainname", name)
