"""Pseudoterminals: ioctl_tty(2) on a ptmx that the caller has opened, and raw mode for our own terminal."""

import fcntl
import os
import struct
import termios

_TIOCGPTN = 0x80045430
_TIOCSPTLCK = 0x40045431
_TIOCGPTPEER = 0x5441
_WINSIZE = struct.Struct("HHHH")


def unlock(master: int) -> int:
    """Unlock the other end and return its number under /dev/pts."""
    fcntl.ioctl(master, _TIOCSPTLCK, struct.pack("i", 0))
    return int(struct.unpack("i", fcntl.ioctl(master, _TIOCGPTN, struct.pack("i", 0)))[0])


def open_peer(master: int) -> int:
    """Open the other end by TIOCGPTPEER: no path is looked up, so nobody can exchange it."""
    return fcntl.ioctl(master, _TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)


def set_controlling(fd: int) -> None:
    """Make the terminal that of this session."""
    fcntl.ioctl(fd, termios.TIOCSCTTY, 0)


def set_size(fd: int, height: int, width: int) -> None:
    """TIOCSWINSZ."""
    fcntl.ioctl(fd, termios.TIOCSWINSZ, _WINSIZE.pack(height, width, 0, 0))


def copy_size(source: int, target: int) -> None:
    """Give `target` the size of `source`."""
    fcntl.ioctl(target, termios.TIOCSWINSZ, fcntl.ioctl(source, termios.TIOCGWINSZ, b"\0" * _WINSIZE.size))


def make_raw(fd: int) -> list[object]:
    """cfmakeraw(3); the former attributes, for `restore`."""
    former: list[object] = list(termios.tcgetattr(fd))
    attributes = termios.tcgetattr(fd)
    attributes[0] &= ~(
        termios.IGNBRK
        | termios.BRKINT
        | termios.PARMRK
        | termios.ISTRIP
        | termios.INLCR
        | termios.IGNCR
        | termios.ICRNL
        | termios.IXON
    )
    attributes[1] &= ~termios.OPOST
    attributes[2] = attributes[2] & ~(termios.CSIZE | termios.PARENB) | termios.CS8
    attributes[3] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
    termios.tcsetattr(fd, termios.TCSANOW, attributes)
    return former


def restore(fd: int, attributes: list[object]) -> None:
    """Put back what `make_raw` returned."""
    termios.tcsetattr(fd, termios.TCSADRAIN, attributes)  # type: ignore[arg-type]  # typeshed wants its own list type


def stop_newline_translation(fd: int) -> None:
    """Clear ONLCR: the terminal at the other end of the line does that."""
    attributes = termios.tcgetattr(fd)
    attributes[1] &= ~termios.ONLCR
    termios.tcsetattr(fd, termios.TCSANOW, attributes)
