"""The forms that cgroup files have: one number, a table of names and numbers, lines of a device with pairs."""

import os

UNLIMITED = (1 << 64) - 1


def read(folder: str, name: str) -> str:
    """A file's text, empty where this kernel or this controller has none."""
    try:
        with open(os.path.join(folder, name), encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def number(text: str) -> int:
    """One number; `max` is the largest, nothing is 0, a negative one too."""
    text = text.strip()
    if text == "max":
        return UNLIMITED
    try:
        return max(int(text), 0)
    except ValueError:
        return 0


def table(text: str) -> dict[str, int]:
    """Lines of `name number`."""
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: number(pair[1]) for pair in pairs if len(pair) == 2}


def device_lines(text: str) -> list[tuple[int, int, str, int]]:
    """v1 blkio: lines of `major:minor [Operation] number`; the Total at the end is left out."""
    found = []
    for line in text.splitlines():
        words = line.split()
        device = words[0].split(":") if words else []
        if len(device) == 2 and len(words) in (2, 3):
            found.append((int(device[0]), int(device[1]), words[1] if len(words) == 3 else "", number(words[-1])))
    return found


def device_tables(text: str) -> list[tuple[int, int, dict[str, int]]]:
    """v2 io.stat: lines of `major:minor key=value …`."""
    found = []
    for line in text.splitlines():
        device, *pairs = line.split()
        major, colon, minor = device.partition(":")
        if colon:
            values = dict(pair.partition("=")[::2] for pair in pairs)
            found.append((int(major), int(minor), {key: number(value) for key, value in values.items()}))
    return found


def pressure(text: str) -> dict[str, tuple[float, float, float, int]]:
    """PSI: `some avg10=… avg60=… avg300=… total=…` and `full …`."""
    found = {}
    for line in text.splitlines():
        kind, *pairs = line.split()
        values = dict(pair.partition("=")[::2] for pair in pairs)
        try:
            averages = (float(values["avg10"]), float(values["avg60"]), float(values["avg300"]))
            found[kind] = (*averages, int(values["total"]))
        except (KeyError, ValueError):
            continue
    return found


def names_with(folder: str, prefix: str) -> list[str]:
    """The files of a folder that begin so."""
    try:
        return sorted(name for name in os.listdir(folder) if name.startswith(prefix))
    except OSError:
        return []
