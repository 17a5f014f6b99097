"""What this program is and which specification it follows; the first line has the form that clients of runc parse."""

NAME = "lowrt"
VERSION = "0.1.0"
SPEC_VERSION = "1.2.1"
SPEC_VERSION_MIN = "1.0.0"


def version_text() -> str:
    """`--version`, as containerd and dockerd read it."""
    lines = [f"{NAME} version {VERSION}", f"spec: {SPEC_VERSION}"]
    return "\n".join(lines)
